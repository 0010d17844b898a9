"""A run's summary as JSON: every figure of the page but for the charts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Final

from torghut.kernel.canonical import JsonObject, JsonValue
from torghut.workflows.report.summary import Summary, SymbolReport

_LEFT_OUT: Final = "series"
_TIME: Final = "_ns"


def as_json(summary: Summary) -> JsonObject:
    """Return ``summary`` as a JSON object; times are decimal strings, as in every schema."""
    plain = _fields_of(summary)
    plain["first_ns"], plain["last_ns"] = str(summary.first_ns), str(summary.last_ns)
    plain["balanced"] = summary.balanced
    plain["refusals"] = dict(summary.refusals)
    plain["symbols"] = [_symbol(symbol) for symbol in summary.symbols]
    return plain


def _symbol(symbol: SymbolReport) -> JsonObject:
    """Return one symbol's figures."""
    plain = _fields_of(symbol)
    plain["refused"] = symbol.refused
    plain["abstain_ratio"] = symbol.abstain_ratio
    return plain


def _fields_of(value: object) -> dict[str, JsonValue]:
    """Return a dataclass's fields by name."""
    if not is_dataclass(value):
        raise TypeError(type(value))
    return {
        one.name: _timed(one.name, getattr(value, one.name))
        for one in fields(value)
        if one.name != _LEFT_OUT
    }


def _timed(name: str, value: object) -> JsonValue:
    """Return a field's value; a time may be too large for a JSON number."""
    if name.endswith(_TIME) and isinstance(value, int):
        return str(value)
    return _plain(value)


def _plain(value: object) -> JsonValue:
    """Return a value as JSON has it; null where a number is not finite."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return _fields_of(value)
