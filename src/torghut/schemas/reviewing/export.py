"""A run in one file: its manifest, its signature, everything it cites, and the events behind it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.rollout.run import Attempt, RunId
from torghut.schemas.types import Identifier, Message, Nanoseconds, SafeCount, Sha256

EXPORT_FILES_MAX: Final = 1000
EXPORT_BYTES_MAX: Final = 8_388_608
"""Of a whole export. A run's artifacts are a quarter of that at most."""

Text = Annotated[str, Field(max_length=4_194_304)]


class ExportedFile(Message):
    """A file below the artifact root; all of them are texts."""

    path: Annotated[
        str, Field(min_length=1, max_length=400, description="Below the artifact root, with /.")
    ]
    text: Text


class ExportedEvent(Message):
    """An event of the run's stream as governance's log keeps it, but for its place in the log."""

    version: Annotated[SafeCount, Field(ge=1, description="Place in the stream.")]
    recorded_at_ns: Nanoseconds
    correlation_id: Annotated[str, Field(max_length=1000)]
    causation_id: Annotated[str, Field(max_length=1000)]
    type: Identifier
    body: Annotated[Text, Field(description="Canonical JSON.")]
    digest: Annotated[Sha256, Field(description="Over the event before and everything here.")]


class RunExport(Message):
    """A run in one file, in its RFC 8785 form: every byte of it counts."""

    type: Literal["rollout.run-export.v1"] = "rollout.run-export.v1"
    run_id: RunId
    attempt: Attempt
    manifest: Annotated[Text, Field(description="As it stands in its file.")]
    signature: Annotated[Text | None, Field(description="DSSE; null: not signed.")]
    files: Annotated[
        tuple[ExportedFile, ...],
        Field(max_length=EXPORT_FILES_MAX, description="All that the manifest cites, by path."),
    ]
    events: Annotated[
        tuple[ExportedEvent, ...],
        Field(max_length=EXPORT_FILES_MAX, description="Of the run's stream, from its first on."),
    ]
