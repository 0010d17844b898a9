"""Whatever a venue does and however its reports come, the fold's position becomes the venue's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.decisions.reporting import (
    SETTLE_S,
    TOLERANCE,
    fresh_fold,
    live_feed,
    report_position,
)
from tests.support.decisions.rows import SECOND_NS
from tests.support.decisions.venue import Venue, decimal_of
from torghut.decisions.fold.batch import Decided
from torghut.decisions.recording import Recorded, Taken, learn_names, read_block, record_batch
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.eventlog.block import Head
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.codes import Gate, GateStatus, Intent, Reason
from torghut.schemas.control import ControlRecord, FillReported, PositionReported, StopChanged
from torghut.schemas.rows import DECISION, RowArray

HEAD: Final = Head(partition=0, number=0, digest="ef" * 32)
SHARES: Final = st.sampled_from([Fraction(1, 3), Fraction(1, 2), Fraction(1)])


@dataclass(slots=True, kw_only=True)
class Oracle:
    """The book as a plain sum over what was reported.

    Attributes:
        fills: Quantity and time by fill id, of those that nothing replaced.
        last: Quantity and time of the last snapshot.
        start: The same of the first.
        apart_ns: Since when the two sums are further apart than tolerated; 0 they are not. Where
            they meet for as little as one report, it is told anew from there.
    """

    fills: dict[str, tuple[Fraction, int]] = field(default_factory=dict)
    last: tuple[Fraction, int] | None = None
    start: tuple[Fraction, int] = (Fraction(0), 0)
    apart_ns: int = 0

    def take(self, record: ControlRecord, now_ns: int) -> None:
        """Take in one report before a context received at ``now_ns``."""
        if isinstance(record, FillReported):
            at_ns = record.at_ns or 0
            if record.replaces is not None:
                _, at_ns = self.fills.pop(record.replaces)
            self.fills[record.fill_id] = decimal_of(record.quantity), at_ns
        elif isinstance(record, PositionReported):
            said = decimal_of(record.quantity), record.as_of_ns
            self.start = said if self.last is None else self.start
            self.last = said if self.last is None or said[1] >= self.last[1] else self.last
        if self.last is not None:
            self.waited(now_ns)

    def sums(self) -> tuple[float, float]:
        """Return position and sum of fills."""
        assert self.last is not None
        position, total = (
            quantity + sum((q for q, at_ns in self.fills.values() if at_ns > since_ns), Fraction(0))
            for quantity, since_ns in (self.last, self.start)
        )
        return float(position), float(total)

    def waited(self, now_ns: int) -> bool:
        """Return whether the sums have been apart for longer than declared, as of a context."""
        position, total = self.sums()
        apart = abs(position - total) > TOLERANCE
        self.apart_ns = (self.apart_ns or now_ns) if apart else 0
        return apart and now_ns - self.apart_ns > SETTLE_S * SECOND_NS


class Reports(RuleBasedStateMachine):
    """A venue, a trading loop, the fold, and reports on their way between them."""

    @initialize()
    def begin(self) -> None:
        """Begin with a flat position that was reported."""
        self.feed = live_feed()
        self.begun = take_snapshot(self.feed.fold)
        self.venue, self.oracle = Venue(), Oracle()
        self.delivered: list[ControlRecord] = []
        self.blocks: list[Recorded] = []
        self.tick = 0
        self.stops = 0
        self.stopped = False
        self.most = Fraction(0)  # |position| when a stop came into force
        self._take([(0, report_position("flat", 0.0, self._now()))], [20.0], 3e-5)

    @rule(
        steps=st.lists(st.sampled_from([1.0, 1.0, 20.0, 70.0]), min_size=1, max_size=4),
        drift=st.sampled_from([3e-5, -3e-5, 3e-4, -3e-4]),
        share=st.sampled_from([0.0, 0.5, 1.0]),
        data=st.data(),
    )
    def decide(self, steps: list[float], drift: float, share: float, data: st.DataObject) -> None:
        """Decide some contexts; some of what was reported comes between them, in any order."""
        pending = data.draw(st.permutations(self.venue.pending))
        count = round(share * len(pending))
        coming, self.venue.pending = pending[:count], pending[count:]
        places = st.integers(0, len(steps) - 1)
        rows = sorted(data.draw(st.lists(places, min_size=count, max_size=count)))
        self._take(list(zip(rows, coming, strict=True)), steps, drift)

    @rule(share=SHARES, told=st.sampled_from(["once", "twice", "wrong", "in the wrong order"]))
    def execute(self, share: Fraction, told: str) -> None:
        """Execute some of the open order, and report it well or badly; delivery may take long."""
        if not (fill_id := self.venue.execute(share, self._now())):
            return
        wrong_by = Fraction(7007, 10) if told in ("wrong", "in the wrong order") else Fraction(0)
        report = self.venue.report(fill_id, wrong_by=wrong_by)
        reports = [report, self.venue.correct(report)] if wrong_by else [report]
        if told == "twice":
            again = report.model_dump() | {"control_id": f"again-{fill_id}"}
            reports += [FillReported.model_validate(again), report]
        self.venue.pending += reports[::-1] if told == "in the wrong order" else reports

    @rule(status=st.sampled_from(["rejected", "cancelled", "expired"]))
    def end(self, status: str) -> None:
        """Let the venue end the open order."""
        self.venue.end(status)

    @rule()
    def snapshot(self) -> None:
        """Report the position as it is now."""
        self.venue.snapshot(self._now())

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Report something again that came before."""
        self.venue.pending.append(data.draw(st.sampled_from(self.delivered)))

    @rule(drift=st.sampled_from([3e-4, -3e-4]))
    def stop_or_release(self, drift: float) -> None:
        """Stop trading, or go on."""
        self.stops += 1
        self.stopped = not self.stopped
        record = StopChanged.model_validate(
            {
                "control_id": f"stop-{self.stops}",
                "state": "stopped" if self.stopped else "released",
                "reason": "r",
            }
        )
        self._take([(0, record)], [1.0], drift)
        self.most = abs(self.venue.position)

    @rule(by_log=st.booleans())
    def restart(self, by_log: bool) -> None:  # noqa: FBT001
        """Take the fold up from its snapshot, or from the log alone."""
        body = take_snapshot(self.feed.fold)
        again = fresh_fold()
        restore_snapshot(again, self.begun if by_log else body)
        if by_log:
            for block in self.blocks:
                learn_names(again, block)
                again.replay(block.contexts, block.received, block.applied)
        assert take_snapshot(again) == body
        self.feed.fold = again

    @invariant()
    def no_entry_is_made_twice(self) -> None:
        """What is held and what is ordered was asked for at some time, in one decision."""
        venue = self.venue
        assert max(abs(venue.position), abs(venue.position + venue.rest)) <= venue.asked

    @invariant()
    def exposure_does_not_grow_while_stopped(self) -> None:
        """From a stop on the venue's position shrinks or stays."""
        assert not self.stopped or abs(self.venue.position) <= self.most

    def teardown(self) -> None:
        """Let every report come in, then look whether fold and venue are of one mind."""
        if not hasattr(self, "feed"):
            return
        self.venue.end("cancelled")
        self.venue.snapshot(self._now())
        while self.venue.pending:
            coming, self.venue.pending = self.venue.pending, []
            self._take([(0, one) for one in coming], [1.0], 0.0, acts=False)
        state = self.feed.state
        assert state["reported_position"] == state["reported_fills"] == float(self.venue.position)
        assert state["mismatch_ns"] == 0
        before = take_snapshot(self.feed.fold)
        for record in self.delivered:
            decided = self.feed.fold.decide(
                self.feed.batch([])[:0], [Arrival(row=0, record=record)]
            )
            assert len(decided.repeated) == 1
        assert take_snapshot(self.feed.fold) == before

    def _now(self) -> int:
        """Return the venue's time, a little after the last context; it never stands still."""
        self.tick += 1
        return self.feed.now_ns + self.tick

    def _take(
        self,
        coming: Sequence[tuple[int, ControlRecord]],
        steps_s: Sequence[float],
        drift: float,
        *,
        acts: bool = True,
    ) -> None:
        """Decide contexts with records between them, in two batches or one; look at all of it."""
        contexts = self.feed.batch(steps_s, drift)
        cut = self.tick % (len(contexts) + 1)
        for start, stop in ((0, cut), (cut, len(contexts))):
            arrivals = [Arrival(row=r - start, record=c) for r, c in coming if start <= r < stop]
            decided = self.feed.fold.decide(contexts[start:stop], arrivals)
            self._log(contexts[start:stop], decided)
            self._look(contexts[start:stop], decided, acts=acts)

    def _log(self, contexts: RowArray, decided: Decided) -> None:
        """Keep the block of a batch."""
        taken = Taken(contexts=contexts, quarantined=(), cursor=Cursor(), first_symbol=1)
        self.blocks.append(read_block(record_batch(self.feed.fold, taken, decided, HEAD)))

    def _look(self, contexts: RowArray, decided: Decided, *, acts: bool) -> None:
        """Check what was decided against the oracle, and let the loop act on it."""
        for one in decided.refused:  # its fill comes later: whoever sent it sends it again
            assert one.code == "control.fill-unknown"
            self.venue.pending.append(one.arrival.record)
        self.delivered += [one.record for one in decided.received]
        rows = np.frombuffer(decided.arms[SERVING].rows, DECISION)
        assert len(rows) == len(contexts)
        for place, row in enumerate(rows):
            for arrival in decided.received:
                if arrival.row == place:
                    self.oracle.take(arrival.record, int(row["decided_ns"]))
            self._check(row)
            if acts:
                self.venue.follow(row)

    def _check(self, row: np.void) -> None:
        """Check one decision."""
        waited = self.oracle.waited(int(row["decided_ns"]))
        assert row["position"] == self.oracle.sums()[0]
        assert bool(int(row["reasons"]) >> Reason.POSITION_UNRECONCILED & 1) == waited
        stopped = row["gate_status"][Gate.KILL_SWITCH] == GateStatus.FAIL
        if (stopped or waited) and row["intent"] != Intent.ABSTAIN:
            assert abs(row["target"]) <= abs(row["position"])


TestReports = Reports.TestCase
TestReports.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)


class ManyReports(Reports):
    """The same, at length."""


TestManyReports = pytest.mark.slow(pytest.mark.timeout(300)(ManyReports.TestCase))
TestManyReports.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
