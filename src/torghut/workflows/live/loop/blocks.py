"""What goes into one live block, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from torghut.decisions.fold.batch import Decided
from torghut.eventlog.block import Block
from torghut.market.ports import Arrival, Cursor, Quarantined
from torghut.schemas.live.delivery import Answered
from torghut.workflows.live.advice.awaiting import Waited
from torghut.workflows.live.intake.waiting import WaitingContext, WaitingControl
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.outcomes import Moment


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Items on their way into one block.

    Attributes:
        rows: Fields of ``rows.CONTEXT``, numbered by the run's tables.
        contexts: What they came of, in the same order.
        quarantined: Records that are none, with the digest of their source part.
        traces: The W3C trace of each of those; empty where nobody says.
        arrivals: Control records by the row that they come before.
        controls: What these came of, as far as they waited; each with its arrival.
        cursor: Of a source that can be read again, after the last of them.
        beside: By name, the place of each input beside the source, after the last of them.
        quarantined_beside: How many of the quarantined records came from there.
    """

    rows: list[tuple[float, ...]] = field(default_factory=list)
    contexts: list[WaitingContext] = field(default_factory=list)
    quarantined: list[tuple[str, Quarantined]] = field(default_factory=list)
    traces: list[bytes] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    controls: list[tuple[WaitingControl, Arrival]] = field(default_factory=list)
    cursor: Cursor | None = None
    beside: dict[str, int] = field(default_factory=dict)
    quarantined_beside: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is to be recorded."""
        return not (self.rows or self.quarantined or self.arrivals)

    @property
    def names(self) -> list[tuple[str, str, str]]:
        """Symbol, digest of the source, and id of each context."""
        return [(one.symbol, one.source, one.context_id) for one in self.contexts]

    def cursor_after(self, before: Cursor) -> Cursor:
        """Return the input position after all of it.

        Of a source that cannot be read again it says how much of it was taken.

        Args:
            before: The input position before it.
        """
        count = len(self.rows) + len(self.quarantined) - self.quarantined_beside
        after = self.cursor or replace(before, record=before.record + count)
        return replace(after, beside={**before.beside, **self.beside})

    def came(self, speed: float | None) -> list[Moment]:
        """Return when each context came in, and the speed of playing."""
        return [(one.stamp, speed) for one in self.contexts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A block that is durable, with what was in it.

    Attributes:
        block: As appended.
        decided: What became of it.
        gathered: What it was made of.
        lines: Its outcomes, as told.
        waited: The contexts that had waited and are decided here, as far as they are known.
        decide_ns: From taking to a whole block.
        durable_ns: From then until it was durable.
        durable_at_ns: When that was, on the steady clock.
    """

    block: Block
    decided: Decided
    gathered: Gathered
    lines: Sequence[Line]
    waited: Sequence[Waited]
    decide_ns: int
    durable_ns: int
    durable_at_ns: int


def answers_of(done: Done) -> Iterator[tuple[WaitingControl, Answered]]:
    """Yield what became of each control record that waited.

    Two records may have the same id, so each is known by its own arrival.
    """
    refused = {id(one.arrival): str(one.code) for one in done.decided.refused}
    repeated = {id(one) for one in done.decided.repeated}
    for item, arrival in done.gathered.controls:
        code = refused.get(id(arrival), "")
        status = "refused" if code else "repeated" if id(arrival) in repeated else "taken"
        answer = {
            "control_id": item.record.control_id,
            "status": status,
            "code": code,
            "detail": "",
            "position": f"{done.block.partition}:{done.block.number}:{arrival.row}",
        }
        yield item, Answered.model_validate(answer)
