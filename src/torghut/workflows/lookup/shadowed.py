"""What was recorded beside decisions in shadow mode, read out of a block without the rest of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from torghut.eventlog.block import Block
from torghut.schemas.codes import ControlKind
from torghut.schemas.control import VERDICTS

_KIND: Final = str(ControlKind.ADVICE_SHADOWED)
_SPELT: Final = f'"{_KIND}"'.encode()


class _Record(msgspec.Struct, frozen=True, gc=False):
    kind: str
    resolution: str = ""
    at_ns: str | None = None


class _Received(msgspec.Struct, frozen=True, gc=False):
    record: _Record


class _Records(msgspec.Struct, frozen=True, gc=False):
    received: tuple[_Received, ...] = ()


_DECODER: Final = msgspec.json.Decoder(_Records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """What became of a question that nothing waited for.

    Attributes:
        at_ns: When it came, on the receive clock.
        answered: Whether it is a verdict.
    """

    at_ns: int
    answered: bool


def shadowed_in(block: Block) -> Iterator[Shadowed]:
    """Yield what became of each question that a block records beside decisions.

    Nearly no block has one, so its records are looked through before they are read.
    """
    if _SPELT not in block.records:
        return
    for one in _DECODER.decode(block.records).received:
        if one.record.kind == _KIND:
            yield Shadowed(
                at_ns=int(one.record.at_ns or 0), answered=one.record.resolution in VERDICTS
            )
