"""A place in the stream of outcomes: after which one to go on listening."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from pydantic import Field

from torghut.kernel.errors import ExitCode, TorghutError

POSITION: Final = r"(0|[1-9][0-9]{0,6}):(0|[1-9][0-9]{0,11}):(0|[1-9][0-9]{0,6})"
"""What spells a position, as a pattern."""

_POSITION: Final = re.compile(POSITION, re.ASCII)
_SHOWN: Final = 60

PositionText = Annotated[
    str,
    Field(
        pattern=f"^{POSITION}$",
        description="Partition, block, and place in the block; within a partition they ascend.",
    ),
]


class PositionMalformedError(TorghutError):
    """A text is no position in the stream of outcomes."""

    code: ClassVar[str] = "live.position-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a position such as 0:12:3, start or now, found {found[:_SHOWN]!r}; "
            "take it from something that was received"
        )
        self.found = found


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where one outcome stands; those of a partition compare in the order they were decided.

    Attributes:
        partition: Input partition, from 0.
        block: Number of the block.
        place: Of the context in the block, from 0.
    """

    partition: int
    block: int
    place: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.block}:{self.place}"


def start_of(partition: int) -> Position:
    """Return the position before the first outcome of a partition."""
    return Position(partition, -1, 0)


START: Final = start_of(0)
"""Before the first outcome of a log that has one partition."""

PLACE_MAX: Final = 9_999_999
"""Behind every place in a block; a service says so where it knows the block and not its last."""


def parse_position(text: str) -> Position:
    """Return the position that ``text`` spells; ``start`` stands before everything.

    Raises:
        PositionMalformedError: It spells none.

    Example:
        >>> parse_position("0:12:3") < parse_position("0:13:0")
        True
    """
    if text == "start":
        return START
    match = _POSITION.fullmatch(text)
    if match is None:
        raise PositionMalformedError(found=text)
    return Position(int(match[1]), int(match[2]), int(match[3]))
