"""The live loop: take what waits, decide it, make it durable, and only then tell of it.

One block is under way at a time. Where it could not be made durable nothing of it has happened:
what it held waits again in its order, the memory is folded anew from the log, and whatever must
come first, a switch thrown meanwhile, is recorded before the first decision after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import Taken, parse_cursor, record_batch
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.counts import COUNTS
from torghut.eventlog.errors import (
    ClaimLostError,
    ConcurrencyConflictError,
    LogReadError,
    LogWriteError,
)
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.projections import project
from torghut.kernel.clock import SteadyClock, SteadyNs, WallClock
from torghut.kernel.units import MS_PER_S
from torghut.schemas.control import ControlRecord, LagBegan
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.rows import CONTEXT
from torghut.workflows.decision_loop import snapshot_of
from torghut.workflows.live.advice.awaiting import Awaiting
from torghut.workflows.live.intake.lateness import Lateness
from torghut.workflows.live.intake.waiting import Item, WaitingContext, WaitingControl, WaitingLine
from torghut.workflows.live.loop.blocks import Done, Gathered, answers_of
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.loop.declaring import Declaring
from torghut.workflows.live.loop.gathering import gather
from torghut.workflows.live.loop.keeping import LogKeeper
from torghut.workflows.live.loop.persisting import OvertakenError, Persistence
from torghut.workflows.live.loop.snapshots import keep_within
from torghut.workflows.live.loop.tally import Tally, tally_of
from torghut.workflows.live.observing.witness import Witness
from torghut.workflows.live.told.asked import Asked
from torghut.workflows.live.told.controls import control_lines
from torghut.workflows.live.told.finding import Search
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.outcomes import (
    Came,
    Renderings,
    Settled,
    outcomes_of,
    settled_now,
    settled_then,
    spelled,
    spelled_now,
    with_asides,
)
from torghut.workflows.live.told.telling import Telling, kept_block
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.opening import Setup, fold_at_head, fresh_fold, open_fold

_RECALLED: Final = 2048
"""Outcomes read back at the start, so that what is offered again is known."""
_RECALLED_BLOCKS: Final = 4096  # most that are read for that
_LOOKED_BACK: Final = 64  # blocks, for the newest control record

Recorded = Callable[[Sequence[ControlRecord]], None]
"""Told which control records became durable."""


@dataclass(slots=True, kw_only=True)
class LiveLoop:
    """Decides one log, live; ``begin`` it, then ``run`` it until its line is closed.

    Attributes:
        keeper: Of the log.
        partition: Of the log, which it alone decides.
        setup: What the log is decided with.
        policy: Budgets.
        line: What waits.
        condition: What is not as it should be.
        witness: Told what happens, for others.
        wall: For people.
        steady: For durations.
        speed: Of playing; None where lag is not measured.
        declarations_of: Declares a live feed by its digest; None for a part of a recorded source.
        attentive: Awaited before anything is taken: looks at what must come first.
        done: Told of each durable block.
        recorded: Told of the new control records of each durable block.
        outcomes: All outcomes, for all who listen.
        controls: What became of control records, likewise.
        asked: Who waits for what becomes of which context.
        search: Finds in the log what became of a context first.
        awaiting: Which contexts wait for advice, and who is asked for it.
        fold: The memory; as of the log's head, but for what is under way.
        head: Of the log.
        tally: What the log holds.
        lateness: Whether the loop is behind.
        last_decision_wall_ns: When the last block with a decision became durable.
        begun_ns: When it began, on the steady clock.
        lag_ms: Of the last contexts taken.
        persistence: Makes its blocks durable.
        declaring: Keeps what declares feeds.
    """

    keeper: LogKeeper
    setup: Setup
    policy: LivePolicy
    line: WaitingLine
    condition: Condition
    witness: Witness
    wall: WallClock
    steady: SteadyClock
    speed: float | None
    declarations_of: Callable[[str], bytes | None]
    partition: int = 0
    attentive: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)
    done: Callable[[Done], None] = lambda _: None
    recorded: Recorded = lambda _: None
    outcomes: Telling = field(init=False)
    controls: Telling = field(init=False)
    asked: Asked = field(init=False)
    search: Search = field(init=False)
    awaiting: Awaiting = field(init=False)
    fold: DecisionFold = field(init=False)
    head: Head = field(init=False)
    tally: Tally = field(default_factory=Tally)
    lateness: Lateness = field(init=False)
    last_decision_wall_ns: int | None = None
    begun_ns: int = field(init=False)
    lag_ms: float | None = None
    persistence: Persistence = field(init=False)
    declaring: Declaring = field(init=False)
    _renderings: Renderings = field(init=False)

    def __post_init__(self) -> None:
        self.begun_ns = self.steady.now_ns()
        self.persistence = Persistence(
            keeper=self.keeper,
            budgets=self.policy.loop,
            condition=self.condition,
            ending=lambda: self.line.closed,
            reopened=self._reopened,
            witness=self.witness,
            steady=self.steady,
        )
        self.declaring = Declaring(
            persistence=self.persistence, declarations_of=self.declarations_of
        )
        timeliness, kept = self.policy.timeliness, self.policy.telling.kept_outcomes
        self.lateness = Lateness(begin_ms=timeliness.lag_begin_ms, end_ms=timeliness.lag_end_ms)
        log, retry_s = self.keeper.log, self.policy.loop.retry_ms / MS_PER_S
        self.outcomes, self.controls = (
            Telling(
                log=log, partition=self.partition, lines_of=lines_of, limit=kept, retry_s=retry_s
            )
            for lines_of in (self._told_lines, control_lines)
        )
        aside = self.policy.loop.aside_ms
        self.awaiting = Awaiting(line=self.line, steady=self.steady, aside_ms=aside)
        self.asked = Asked(self.policy.door.answer_ms / MS_PER_S)
        self.search = Search(
            log=lambda: self.keeper.log,
            partition=self.partition,
            lines_of=self._lines,
            retry_ms=self.policy.loop.retry_ms,
        )
        self.fold, self.head = fresh_fold(self.setup), Head(partition=self.partition)
        self._read_from(log)

    @property
    def holding(self) -> bool:
        """Whether nothing can become durable for now."""
        return self.persistence.holding

    async def begin(self) -> None:
        """Open the fold and read back what listeners may ask for first.

        Raises:
            TorghutError: The log cannot be taken up.
        """
        log = self.keeper.log
        opened = await open_fold(log, self.setup, partition=self.partition)
        self._adopt(opened.fold, await log.head(self.partition))
        self.tally = tally_of(await project(log, COUNTS, partition=self.partition))
        self.line.put([WaitingControl(record=r, urgent=True) for r in opened.controls])
        self.awaiting.give_up(self.fold)
        recalled = min(_RECALLED, self.policy.telling.kept_outcomes)
        await self.outcomes.recall(recalled, blocks=_RECALLED_BLOCKS)
        await self.controls.recall(1, blocks=_LOOKED_BACK)

    async def run(self) -> None:
        """Decide until the line is closed and empty, and nothing waits; then keep a snapshot.

        Raises:
            ClaimLostError: Another process decides the partition by now.
            LogWriteError: The service is ending, and the log is away.
            TorghutError: What the log holds cannot be gone on from.
        """
        while await self.line.filled() or self.awaiting.give_up(self.fold):
            await self.attentive()
            items = self.line.take(self.policy.loop.batch_records)
            try:
                await self._settle(items)
                self.line.rest()
            except ClaimLostError:
                self.line.put_back(items)
                raise
            except (OvertakenError, ConcurrencyConflictError):
                self.line.put_back(items)
                await self._fold_anew()
            except (LogWriteError, LogReadError):
                self.line.put_back(items)
                raise
        await self._keep_snapshot()

    async def _settle(self, items: Sequence[Item]) -> None:
        """Decide items and make the block durable; then tell of it."""
        begun_ns = self.steady.now_ns()
        first_symbol = len(self.fold.symbols)
        gathered = gather(items, self.fold, self._lag_record(items, begun_ns))
        if gathered.empty:
            return
        if await self.declaring.keep(gathered) and self._must_redo(gathered):
            raise OvertakenError
        contexts = np.array(gathered.rows, dtype=CONTEXT)
        decided = self.fold.decide(contexts, gathered.arrivals)
        taken = Taken(
            contexts=contexts,
            quarantined=gathered.quarantined,
            cursor=gathered.cursor_after(parse_cursor(self.head.cursor)),
            first_symbol=first_symbol,
        )
        block = record_batch(self.fold, taken, decided, self.head)
        decided_ns = self.steady.now_ns()
        settled = settled_now(block, contexts, decided, gathered.names)
        lines = await self._made_durable(block, gathered, settled)
        done = Done(
            block=block,
            decided=decided,
            gathered=gathered,
            lines=lines,
            waited=self.awaiting.answered(settled),
            decide_ns=decided_ns - begun_ns,
            durable_at_ns=(durable_at_ns := self.steady.now_ns()),
            durable_ns=durable_at_ns - decided_ns,
        )
        await self._tell(done)
        if (block.number + 1) % self.policy.loop.snapshot_blocks == 0:
            await self._keep_snapshot()

    async def _made_durable(
        self, block: Block, gathered: Gathered, settled: Settled
    ) -> Sequence[Line]:
        """Make a block durable, and its lines meanwhile.

        Where a switch was thrown while nothing could become durable, it may have been acknowledged
        already: what was decided without it is told as history then, and nobody acts on it.

        Raises:
            OvertakenError: It must be decided again.
            LogWriteError: It is not durable, and the service is ending.
            RowUnrenderableError: It is durable, and cannot be told.
        """
        lines: Sequence[Line] | None = None
        came = Came(contexts=gathered.came(self.speed), waited=self.awaiting.came)

        def meanwhile() -> None:
            nonlocal lines
            lines = lines or spelled_now(settled, self._renderings, came)

        async def attempt(log: DecisionLog) -> None:
            again = self.persistence.holding and self._must_redo(gathered)
            if again and (await log.head(self.partition)).digest != block.digest:
                raise OvertakenError
            await log.append(block, meanwhile=meanwhile)

        if await self.persistence.insist(attempt) and self.line.urgent:
            lines = None
        elif lines is None:
            lines = await spelled(settled, self._renderings, came)
        while lines is None:
            try:
                lines = await self._lines(block)
            except LogReadError as fault:
                await self.persistence.bear(fault)
        return lines

    def _must_redo(self, gathered: Gathered) -> bool:
        """Return whether something must come before contexts that are not durable yet."""
        if not gathered.contexts:
            return False
        begins = any(isinstance(arrival.record, LagBegan) for arrival in gathered.arrivals)
        lag_ms = self.lateness.measured(gathered.contexts, self.steady.now_ns(), self.speed)
        return self.line.urgent or (not begins and self.lateness.begins(lag_ms))

    def _lag_record(self, items: Sequence[Item], now_ns: SteadyNs) -> ControlRecord | None:
        """Measure lag by the oldest context; return what records where it begins or ends."""
        contexts = [one for one in items if isinstance(one, WaitingContext)]
        if not contexts:
            return None
        if self.speed is not None:
            self.lag_ms = self.lateness.measured(contexts, now_ns, self.speed)
        return self.lateness.record(self.lag_ms, self.head.number + 1)

    async def _tell(self, done: Done) -> None:
        """Take a durable block in and hand out what it holds."""
        block, gathered = done.block, done.gathered
        self.head = head_of(block)
        self.tally.count(
            done.decided,
            contexts=len(gathered.contexts),
            quarantined=len(gathered.quarantined),
        )
        if gathered.contexts:
            self.last_decision_wall_ns = self.wall.now_ns()
        self.recorded([arrival.record for arrival in done.decided.received])
        lines = with_asides(block, done.lines, gathered.traces) if gathered.traces else done.lines
        self.outcomes.publish(kept_block(block, lines))
        for line in done.lines:
            self.asked.tell(line.name, line.text)
        self.awaiting.follow(done.decided, gathered.contexts, self.fold, self.speed)
        if gathered.arrivals or done.decided.applied:
            self.lateness.follow(self.fold)
            await asyncio.sleep(0)  # who waits for a decision is answered before these are spelled
            self.controls.publish(kept_block(block, await control_lines(block)))
            for control, answer in answers_of(done):
                if control.answer is not None and not control.answer.done():
                    control.answer.set_result(answer)
        self.done(done)

    async def _fold_anew(self) -> None:
        """Fold the log as it is now, and tell what it holds that was not told.

        Raises:
            LogWriteError: The service is ending, and the log is away.
            TorghutError: What the log holds cannot be gone on from.
        """
        while True:
            try:
                log = self.keeper.log
                opened = await fold_at_head(log, self.setup, partition=self.partition)
                head = await log.head(self.partition)
                if head != self.head:
                    await self._tell_unknown(log)
                    self.tally = tally_of(await project(log, COUNTS, partition=self.partition))
            except (LogReadError, LogWriteError) as fault:
                await self.persistence.bear(fault)
            else:
                self._adopt(opened.fold, head)
                self.awaiting.take_over(opened.fold)
                return

    async def _tell_unknown(self, log: DecisionLog) -> None:
        """Publish what stands behind the last block that was told."""
        async for block in log.blocks(self.partition, after=self.head.number):
            lines = await self._told_lines(block), await control_lines(block)
            self.outcomes.publish(kept_block(block, lines[0]))
            self.controls.publish(kept_block(block, lines[1]))
            self.head = head_of(block)

    def _adopt(self, fold: DecisionFold, head: Head) -> None:
        """Go on from ``fold``, which is as of ``head``."""
        self.fold, self.head = fold, head
        self._read_from(self.keeper.log)
        self.declaring.know(fold.sources)
        self.lateness.follow(fold)

    def _reopened(self, log: DecisionLog) -> None:
        """Read from another object from now on."""
        self.outcomes.log = self.controls.log = log
        self._read_from(log)

    def _read_from(self, log: DecisionLog) -> None:
        """Look up in a log what rows need to be rendered, but for what the fold knows."""
        rules = Rulebook(log, run_id="")
        rules.know(self.fold.declarations, self.fold.packages)
        self._renderings = Renderings(rules)

    async def _keep_snapshot(self) -> None:
        """Keep the memory, so that the next start need not decide everything again."""
        if self.head.number < 0:
            return
        snapshots = snapshot_of(self.fold, self.head), self.tally.snapshot(self.head)
        budget_ms = self.policy.loop.commit_away_ms
        for fault in await keep_within(self.keeper.log, *snapshots, budget_ms=budget_ms):
            self.condition.begin("log-slow", f"a snapshot was not kept: {fault}")
            self.witness.snapshot_missed(self.head.number, fault)

    async def _told_lines(self, block: Block) -> Sequence[Line]:
        """Return the same, and what stands aside."""
        return with_asides(block, await self._lines(block))

    async def _lines(self, block: Block) -> Sequence[Line]:
        """Return the outcomes of a block that is read back."""
        return await outcomes_of(settled_then(block), self._renderings)
