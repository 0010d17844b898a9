"""Field types shared by the published models, and the base that makes them closed and frozen.

JSON numbers end at 2^53, so what may be larger (nanoseconds, sequences of a source) is a decimal
string there, in one form only: no sign and no leading zeros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.config import JsonDict

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.ids import SYMBOL_PATTERN

_SHOWN: Final = 80
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


class Message(BaseModel):
    """An immutable, closed record: unknown fields are rejected, not ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,  # a process uses few of all models, and to build them takes long
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
        serialize_by_alias=True,  # documents fix names that Python cannot have
    )


UNION: Final = ConfigDict(defer_build=True)
"""How an adapter of several messages is built: like each of them, when it is first used."""


def message_digest(message: Message) -> str:
    """Return what names ``message``: the sha256, 64 hex digits, of its canonical JSON."""
    return sha256_hex(canonical_bytes(message.model_dump(mode="json")))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """Where data does not fit a model.

    Attributes:
        place: Names and numbers on the way there, with dots; empty for the whole.
        reason: What the field should be, or what is wrong.
        found: The start of what stands there.
    """

    place: str
    reason: str
    found: str

    def at(self, whole: str) -> str:
        """Return place and reason in one; ``whole`` is what data without a place is called."""
        return f"{self.place or whole}: {self.reason}"


def first_problem(error: ValidationError) -> FieldProblem:
    """Return the first thing that ``error`` found wrong."""
    first = error.errors(include_url=False)[0]
    return FieldProblem(
        place=".".join(map(str, first["loc"])),
        reason=first["msg"],
        found="nothing" if first["type"] == "missing" else str(first["input"])[:_SHOWN],
    )


def _integer(value: object) -> object:
    """Return the integer that a decimal string of at most 20 digits spells."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return int(value)
    return value


Nanoseconds = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=0, lt=2**63, strict=True),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"}),
]
"""Nanoseconds; a decimal string in JSON."""

Unsigned64 = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=0, lt=2**64, strict=True),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$"}),
]
"""A source's own number; a decimal string in JSON."""

SafeCount = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
"""A number of things that fits a JSON number exactly."""

Real = Annotated[float, Field(strict=True)]
"""A finite float64; a JSON number, never text."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""

Symbol = Annotated[str, Field(pattern=rf"^{SYMBOL_PATTERN}$")]
"""A declared instrument, qualified by its venue: ``fxcm:EURUSD``."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}$")]
"""A name given by people or derived from content; safe in a path segment but for ``/``."""


def _is_unset(value: object) -> bool:
    """Return whether a field is left out of what is written: it says nothing; a zero does."""
    return value is None or value is False or value in ("", ())


def _is_none(count: object) -> bool:
    """Return whether a count is left out of what is written."""
    return count == 0


def _without_default(schema: JsonDict) -> None:
    """Leave the default out of a published schema: it is never written."""
    schema.pop("default", None)


Added: Final = Field(exclude_if=_is_unset, json_schema_extra=_without_default)
"""Of a field that a later version of its record added; its default says nothing."""

AddedCount: Final = Field(exclude_if=_is_none, json_schema_extra=_without_default)
"""Likewise of a count, whose default is none."""
