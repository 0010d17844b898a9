"""Instrument declarations: text in, typed values out."""

from __future__ import annotations

from pydantic import TypeAdapter

from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.declarations.text import parse

_ADAPTER: TypeAdapter[Instrument] = TypeAdapter(Instrument)


def parse_instrument(text: str, *, file: str) -> Instrument:
    """Return the instrument that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_ADAPTER, text, file=file)


def receive_latency_ns(instrument: Instrument) -> int:
    """Return the time from event to receipt that holds where a source knows no receive time."""
    return instrument.timing.receive_latency_ms * NS_PER_MS
