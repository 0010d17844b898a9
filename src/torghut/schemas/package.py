"""The manifest of a package, and the regime model that a router package holds.

A package is named by the sha256 of its manifest's RFC 8785 bytes, and the manifest lists every
file by sha256: so the name covers every byte, and what it was made from.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount, Sha256

MANIFEST_NAME: Final = "manifest.json"
"""Where a package keeps its manifest; no file of its own may be called that."""

PackageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
FilePath = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$",
        description="Relative, with / between folders; no hidden names.",
    ),
]
FileMode = Annotated[
    Literal["0644", "0755"],
    Field(description="0755 where the owner may execute it, else 0644; the umask has no say."),
]
Version = Annotated[str, Field(min_length=1, max_length=100)]


class PackageFile(Message):
    """One file of a package."""

    path: FilePath
    size: SafeCount
    sha256: Sha256
    mode: FileMode


class Environment(Message):
    """The machine that made a package: another one may make other bytes of the same inputs."""

    python: Version
    system: Version
    machine: Version
    threads: Annotated[int, Field(ge=1, le=4096, strict=True)]


class Provenance(Message):
    """What a package was made from, and how well it did."""

    data_digest: Annotated[Sha256, Field(description="Of the data that it was made from.")]
    window_start_ns: Annotated[Nanoseconds, Field(description="First instant of that data.")]
    window_end_ns: Annotated[Nanoseconds, Field(description="Last instant of that data.")]
    feature_schema: Annotated[Identifier, Field(description="Names features and their order.")]
    seed: SafeCount
    versions: Annotated[dict[Identifier, Version], Field(description="Of every library used.")]
    metrics: dict[Identifier, Real]
    environment: Environment

    @model_validator(mode="after")
    def _window_runs_forward(self) -> Self:
        if self.window_start_ns >= self.window_end_ns:
            message = "a window that ends after it starts"
            raise ValueError(message)
        return self


class PackageManifest(Message):
    """What a package is: its files, and what they were made from."""

    type: Literal["artifacts.package.v1"] = "artifacts.package.v1"
    kind: Annotated[Identifier, Field(description="What it is for, such as regime-model.")]
    name: PackageName
    files: Annotated[
        tuple[PackageFile, ...], Field(min_length=1, description="Sorted by path, each once.")
    ]
    created_from: Provenance

    @model_validator(mode="after")
    def _files_can_stand_side_by_side(self) -> Self:
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            message = "files sorted by path, each once"
            raise ValueError(message)
        folded = [path.casefold() for path in paths]
        taken = {*folded, MANIFEST_NAME}
        if len(taken) != len(folded) + 1:
            message = f"paths that differ in more than case, none of them {MANIFEST_NAME}"
            raise ValueError(message)
        folders = {str(parent) for path in folded for parent in PurePosixPath(path).parents}
        if not folders.isdisjoint(taken):
            message = "no path that is a file and a folder at once"
            raise ValueError(message)
        return self


class Confidence(Message):
    """Log-odds that a position gains net of costs: bias + score · |score| - cost · cost."""

    bias: Real
    score: Annotated[Real, Field(description="For a blended score of 1.")]
    cost: Annotated[Real, Field(description="For a round trip that costs one sigma.")]


Row = tuple[Real, ...]


class RegimeModelFile(Message):
    """``model.json`` of a router package: a Gaussian hidden Markov model of k regimes.

    States are ordered by rising mean of the first feature, the volatility ratio. Features are
    unscaled: what the online filter sees.
    """

    type: Literal["router.regime-model.v1"] = "router.regime-model.v1"
    labels: Annotated[tuple[str, ...], Field(min_length=1, description="By rising volatility.")]
    start: Annotated[Row, Field(description="Distribution before the first sample, shape (k,).")]
    transition: Annotated[
        tuple[Row, ...], Field(description="Row: from, column: to; shape (k, k).")
    ]
    mean: Annotated[tuple[Row, ...], Field(description="Shape (k, features).")]
    variance: Annotated[tuple[Row, ...], Field(description="Shape (k, features); above 0.")]
    confidence: Confidence
