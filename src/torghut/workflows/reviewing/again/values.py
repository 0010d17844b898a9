"""One value beside itself: as recorded, and as it is derived again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.types import Message

_SHOWN: Final = 3
"""Most fields that are named where two differ in many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One thing that was recorded, and what it comes to again.

    Attributes:
        what: It is.
        recorded: In words.
        again: In words; the same words where it is the same.
    """

    what: str
    recorded: str
    again: str

    @property
    def same(self) -> bool:
        """Whether both are the same."""
        return self.recorded == self.again


@dataclass(slots=True, kw_only=True)
class Derived:
    """What was derived again, and what could not be.

    Attributes:
        values: In the order derived.
        left: What was not, with why, in words.
    """

    values: list[Value] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, what: str, recorded: object, again: object) -> None:
        """Add a value by what it looks like."""
        self.values.append(Value(what=what, recorded=_text(recorded), again=_text(again)))

    def compare(self, what: str, recorded: Message, again: Message, shown: Sequence[str]) -> None:
        """Add a record of which only a few fields are shown, unless others differ."""
        one, two = recorded.model_dump(mode="json"), again.model_dump(mode="json")
        differing = [name for name in one if one[name] != two.get(name)]
        names = [*shown, *[name for name in differing if name not in shown][:_SHOWN]]
        self.values.append(
            Value(
                what=what,
                recorded=", ".join(f"{name} {_text(one[name])}" for name in names),
                again=", ".join(f"{name} {_text(two.get(name))}" for name in names),
            )
        )

    def leave(self, what: str, why: str) -> None:
        """Say what is not derived again."""
        self.left.append(f"{what}: {why}")


def row_text(row: GateRow) -> str:
    """Return what a gate's row says, in one line."""
    measured = (
        f"{_text(row.value)} {row.comparator} {_text(row.threshold)} {row.unit or ''}".strip()
    )
    counted = f"n {_text(row.n)}"
    said = row.status if row.reason is None else f"{row.status}, {row.reason}"
    return f"{measured}, {counted}: {said}"


def _text(value: object) -> str:
    """Return a value without a digit lost."""
    match value:
        case None:
            return "none"
        case float() if value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact
            return str(int(value))
        case float():
            return repr(value)
        case _:
            return str(value)
