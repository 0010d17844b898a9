"""Field types of governance: people by their keys, evidence by its digest, what is known or not.

Times (``_ns``) are on the receive clock. A decider never lets its time run back: what is told an
earlier time than it has seen goes on from the time that it has seen.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.types import Identifier, Message, Real, SafeCount, Sha256

Ordinal = Annotated[int, Field(ge=1, lt=2**53, strict=True)]
"""A number that grows by one with each thing of its kind in a stream."""

ArtifactPath = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._@-]*(/[A-Za-z0-9_-][A-Za-z0-9._@-]*){0,15}$")
]
"""A path below the artifact root: relative, and without a way up."""


class Person(Message):
    """Somebody, as verified by the key that signed: two people are two different keys."""

    name: Identifier
    key: Annotated[Sha256, Field(description="Fingerprint: sha256 of the public key's bytes.")]


class Evidence(Message):
    """A file that proves something: where it is, and which bytes it had."""

    path: ArtifactPath
    sha256: Sha256


Found = Literal[
    "verified",
    "missing",
    "empty",
    "unparsable",
    "wrong-digest",
    "outside-root",
    "not-a-file",
    "symlink",
    "too-large",
    "unreadable",
    "unknown-schema",
    "wrong-schema",
    "stale",
    "contradicts",
]
"""What became of evidence when it was looked at again; only ``verified`` proves anything."""


class Reading(Message):
    """One measured number, or why there is none."""

    status: Literal["measured", "missing", "not-finite", "not-applicable"]
    value: Annotated[Real | None, Field(description="Null unless measured.")]
    samples: Annotated[SafeCount, Field(description="How many things it was measured on.")]
    declaration: Annotated[
        Sha256 | None,
        Field(description="Of the declaration that makes it not applicable; else null."),
    ]

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.status == "measured") != (self.value is not None):
            message = "a value where it is measured, and nowhere else"
            raise ValueError(message)
        if (self.status == "not-applicable") != (self.declaration is not None):
            message = "a declaration's digest where it is not applicable, and nowhere else"
            raise ValueError(message)
        return self


def reading_of(value: float | None, *, samples: int = 1) -> Reading:
    """Return ``value`` as a reading: NaN, infinities and nothing are no numbers, and say so.

    Example:
        >>> reading_of(0.25, samples=8).status, reading_of(None).status
        ('measured', 'missing')
        >>> reading_of(float("nan"), samples=8).status, reading_of(0.0, samples=0).status
        ('not-finite', 'missing')
    """
    if value is None or samples == 0:
        return Reading(status="missing", value=None, samples=samples, declaration=None)
    if not math.isfinite(value):
        return Reading(status="not-finite", value=None, samples=samples, declaration=None)
    return Reading(status="measured", value=value + 0.0, samples=samples, declaration=None)


def declared_off(declaration: str) -> Reading:
    """Return the reading of a subsystem that the declaration with that digest switches off."""
    return Reading(status="not-applicable", value=None, samples=0, declaration=declaration)
