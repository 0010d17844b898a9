"""A decider small enough to test what is around deciders: a counter with a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from torghut.eventlog.decider import Decider
from torghut.kernel.errors import TorghutError
from torghut.schemas.types import Message


class Raised(Message):
    """The counter went up."""

    type: Literal["tests.raised.v1"] = "tests.raised.v1"
    by: int


@dataclass(frozen=True, slots=True)
class Raise:
    """Asks the counter to go up."""

    by: int


class TooHighError(TorghutError):
    """The counter would pass its limit."""

    code: ClassVar[str] = "tests.too-high"


LIMIT: Final = 10


def _decide(command: Raise, total: int) -> Sequence[Raised]:
    if total + command.by > LIMIT:
        message = f"expected at most {LIMIT}, found {total + command.by}"
        raise TooHighError(message)
    return [Raised(by=command.by)] if command.by else []


COUNTER: Final[Decider[Raise, Raised, int]] = Decider(
    initial=0, decide=_decide, evolve=lambda total, event: total + event.by
)
