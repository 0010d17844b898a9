"""What a durable block comes to in figures, log lines and traces, all at once and after it is told.

The loop is charged one call a block. The work waits for a few milliseconds, and is done for all
blocks of that time in one go: alone it would cost every context a tenth of its latency. Whatever
goes wrong in it ends nothing that decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.fold.batch import Decided
from torghut.kernel.clock import SteadyClock, WallClock
from torghut.kernel.ids import SERVING
from torghut.kernel.units import NS_PER_S
from torghut.schemas.codes import PENDING, ControlKind, Intent, Path, RefusalCode
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.log_events import AdvisedLate, BlockCommitted, ControlRefused
from torghut.schemas.rows import DECISION
from torghut.workflows.live.loop.blocks import Done
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.latency import LatencyTally
from torghut.workflows.live.observing.telemetry import Telemetry
from torghut.workflows.live.observing.tracing import BlockTrace, Tracer

_SOON_S: Final = 0.005
"""How long figures stay behind."""

_PATHS: Final = len(Path)
_KINDS: Final = len(Intent) * _PATHS
_BITS: Final = tuple((reason, 1 << reason) for reason in metrics.FALLBACKS)


@dataclass(slots=True, kw_only=True)
class BlockCounting:
    """Counts every block that was told.

    Attributes:
        telemetry: Takes the figures.
        journal: Takes the log lines.
        tracer: Takes the traces.
        wall: Places a trace in time.
        steady: What the loop measured by.
        latency: Counts for the worker's page.
    """

    telemetry: Telemetry
    journal: Journal
    tracer: Tracer
    wall: WallClock
    steady: SteadyClock
    latency: LatencyTally = field(default_factory=LatencyTally)
    _waiting: list[tuple[Done, int]] = field(default_factory=list)

    def told(self, done: Done) -> None:
        """Count a block that has been told, soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(_SOON_S, self._catch_up)
        self._waiting.append((done, self.steady.now_ns()))

    def _catch_up(self) -> None:
        """Count what was told."""
        waiting, self._waiting = self._waiting, []
        for done, told_ns in waiting:
            self.count(done, told_ns)

    def count(self, done: Done, told_ns: int) -> None:
        """Count a block now; ``told`` is for the loop."""
        refused = int(np.count_nonzero(done.decided.outcomes)) - len(done.decided.asked)
        self._count_contexts(done, refused)
        count_decisions(self.telemetry, done.decided)
        self._count_controls(done.decided)
        self._count_late(done, told_ns)
        self._measure(done, told_ns)
        self.journal.say(
            BlockCommitted(
                block=done.block.number,
                contexts=len(done.gathered.contexts),
                refused=refused,
                control_records=len(done.decided.received),
                decide_seconds=done.decide_ns / NS_PER_S,
                commit_seconds=done.durable_ns / NS_PER_S,
            ),
            correlation_id=f"{done.block.partition}:{done.block.number}",
        )
        self._trace(done, told_ns)

    def _count_contexts(self, done: Done, refused: int) -> None:
        """Count what was taken, by what became of it."""
        outcomes, quarantined = done.decided.outcomes, done.gathered.quarantined
        count = self.telemetry.count
        count(metrics.BLOCKS, 1)
        pending, resolved = len(done.decided.asked), len(done.decided.resolved)
        count(metrics.CONTEXTS, len(outcomes) - refused - pending + resolved, "decided")
        count(metrics.CONTEXTS, refused, "refused")
        count(metrics.CONTEXTS, len(quarantined), "quarantined")
        if refused:
            for code, found in enumerate(np.bincount(outcomes).tolist()):
                if code and found and code != PENDING:
                    count(metrics.REFUSED, found, RefusalCode(code))
        for _, record in quarantined:
            count(metrics.REFUSED, 1, record.refusal)

    def _count_controls(self, decided: Decided) -> None:
        """Count control records, and name those that cannot hold."""
        count = self.telemetry.count
        for arrival in decided.received:
            count(metrics.CONTROL_RECORDS, 1, ControlKind(arrival.record.kind), "taken")
        for arrival in decided.repeated:
            count(metrics.CONTROL_RECORDS, 1, ControlKind(arrival.record.kind), "repeated")
        for refused in decided.refused:
            record = refused.arrival.record
            count(metrics.CONTROL_RECORDS, 1, ControlKind(record.kind), "refused")
            self.journal.say(
                ControlRefused(
                    control_id=record.control_id,
                    kind=record.kind,
                    symbol=record.symbol,
                    code=str(refused.code),
                ),
                correlation_id=record.control_id,
            )

    def _count_late(self, done: Done, told_ns: int) -> None:
        """Count and name what was handed over after its budget.

        A decision says so itself only where its budget was over before it was made.
        """
        for one in done.waited:
            if one.due_ns and (late_ns := told_ns - one.due_ns) > 0:
                self.telemetry.count(metrics.ADVISED_LATE, 1)
                self.journal.say(
                    AdvisedLate(context_id=one.context_id, late_seconds=late_ns / NS_PER_S),
                    correlation_id=one.context_id,
                )

    def _measure(self, done: Done, told_ns: int) -> None:
        """Measure the block's steps, and the way of each context in it."""
        observe = self.telemetry.observe
        observe(metrics.DECIDE_DURATION, (done.decide_ns / NS_PER_S,))
        observe(metrics.COMMIT_DURATION, (done.durable_ns / NS_PER_S,))
        asked = {one.context for one in done.decided.asked}
        came: Sequence[int] = [
            *(c.stamp.came_ns for n, c in enumerate(done.gathered.contexts) if n not in asked),
            *(one.came_ns for one in done.waited),
        ]
        durable = [(done.durable_at_ns - one) / NS_PER_S for one in came]
        observe(metrics.INGRESS_TO_DURABLE, durable)
        self.latency.observe(durable)
        observe(metrics.INGRESS_TO_HANDED_OVER, [(told_ns - one) / NS_PER_S for one in came])

    def _trace(self, done: Done, told_ns: int) -> None:
        """Tell when each of the block's steps began and ended."""
        hand_over_ns = told_ns - done.durable_at_ns
        since_told_ns = self.steady.now_ns() - told_ns
        took_ns = done.decide_ns + done.durable_ns + hand_over_ns + since_told_ns
        self.tracer.block(
            BlockTrace(
                partition=done.block.partition,
                number=done.block.number,
                contexts=len(done.gathered.contexts),
                decisions=done.decided.count,
                control_records=len(done.decided.received),
                begun_wall_ns=self.wall.now_ns() - took_ns,
                decide_ns=done.decide_ns,
                commit_ns=done.durable_ns,
                hand_over_ns=hand_over_ns,
            )
        )


def count_decisions(telemetry: Telemetry, decided: Decided) -> None:
    """Count the serving arm's decisions by intent and path, and where the safe path answered."""
    rows = np.frombuffer(decided.arms[SERVING].rows, dtype=DECISION)
    if not len(rows):
        return
    kinds = rows["intent"].astype(np.intp) * _PATHS + rows["path"]
    for kind, found in enumerate(np.bincount(kinds, minlength=_KINDS).tolist()):
        if found:
            telemetry.count(metrics.DECISIONS, found, Intent(kind // _PATHS), Path(kind % _PATHS))
    reasons = rows["reasons"]
    said = int(np.bitwise_or.reduce(reasons))
    for reason, bit in _BITS:
        if said & bit:
            found = int(np.count_nonzero(reasons & np.uint64(bit)))
            telemetry.count(metrics.FALLBACK_DECISIONS, found, reason)
