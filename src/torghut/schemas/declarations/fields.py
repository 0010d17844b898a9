"""Field types of the declarations: amounts, ratios, times, names.

Units stand in the names: ``_bps`` are hundredths of a percent, ``_ratio`` is a share of one.
Money, prices and quantities are decimal numbers in quotes and become ``Decimal``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_DECIMAL: Final = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$"


def _decimal(value: object) -> object:
    """Return the number that a decimal text spells, refusing what a binary float may have bent."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and re.fullmatch(_DECIMAL, value, re.ASCII):
        return Decimal(value)
    message = 'a decimal number in quotes, such as "0.01"'
    raise ValueError(message)


def _decimal_text(value: Decimal) -> str:
    """Return ``value`` without an exponent."""
    return format(value, "f")


Amount = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(gt=0),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _DECIMAL}),
]
"""A positive amount of money, price or quantity; a decimal text in files and in JSON."""

AmountOrZero = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(ge=0),
    PlainSerializer(_decimal_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _DECIMAL}),
]
"""The same where nothing at all may be meant."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
Why = Annotated[str, Field(min_length=20, max_length=600)]
"""Why the values are what they are, for the next one who wants to change them."""

Ratio = Annotated[float, Field(ge=0, le=1)]
Bps = Annotated[float, Field(ge=0, le=1000)]
Milliseconds = Annotated[int, Field(ge=0, le=10**10)]
Count = Annotated[int, Field(ge=1, le=10**6)]

AssetClass = Literal["fx", "crypto", "index"]
Role = Literal["model", "evaluation", "security", "production"]
