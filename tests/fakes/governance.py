"""A running loop, a lane and a drift meter, made up: what the scheduler's cycles reach for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.governance.governing import BEYOND, drift_policy, safety_policy, scheduler_policy
from tests.support.governance.promoting import keyring
from tests.support.lane.drifting import measured
from tests.support.lane.rollouts import evidence_files, whole_run
from torghut.artifacts.errors import ArtifactUnreadableError, ReadFault
from torghut.governance.allotting.allotting import Shares
from torghut.governance.rollouts.rollout import CrashLane, FinaliseRun, RolloutCommand
from torghut.schemas.control import ControlRecord, LimitsAllotted
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.scheduling.governor import (
    Attempt,
    BackTo,
    Clearances,
    Governor,
    Policies,
    Served,
)
from torghut.workflows.scheduling.ports import (
    Answer,
    DriftMeter,
    ExposureLadder,
    LadderSeen,
    LaneEnded,
    LaneRunner,
    LoopControls,
    LoopView,
    Observed,
    Since,
    SymbolSeen,
    WorkerStands,
)
from torghut.workflows.staging.capping import ReasoningAllowed

CHAMPION: Final = "aa" * 32

GOOD: Final = Observed(
    last_block=0,
    signals=100,
    decisions=99,
    window_ns=60_000_000_000,
    no_signal=None,
    session="open",
    mode="paper",
    lag_ms=reading_of(5.0),
    signal_age_ms=reading_of(900.0),
    fallback_ratio=reading_of(0.0, samples=99),
    universe="available",
    symbols={
        "fxcm:EURUSD": SymbolSeen(
            mode="paper",
            allotment=Decimal(1000),
            exposure=Decimal(500),
            notional_cap=Decimal(1000),
            equity=3.0,
            package=CHAMPION,
            lifetime_ns=1_000_000_000,
        )
    },
    intact=True,
    advice=None,
)
"""A loop that does as it should."""

UNASKED: Final = declared_off("0f" * 32)
"""The service level of advice where a declaration switches it off."""


@dataclass(slots=True, kw_only=True)
class FakeLoop(LoopView, LoopControls):
    """A loop that records what it is offered, unless it is away.

    Attributes:
        shown: What a look finds.
        away: Whether nobody answers.
        hidden: Whether nobody can read the log.
        refuses: Kinds of records that it refuses.
        recorded: What it took, by id.
        thrown: Throws of files that stand.
        decided_by: By which package its decisions are made.
        stands: What its workers say of their stop.
        full: Whether no file can be put anywhere.
        first: Digest of its log's first block.
    """

    shown: Observed = GOOD
    away: bool = False
    hidden: bool = False
    refuses: frozenset[str] = frozenset()
    recorded: dict[str, ControlRecord] = field(default_factory=dict)
    thrown: dict[str, str] = field(default_factory=dict)
    decided_by: str | None = CHAMPION
    blocks: int = 0
    stands: Sequence[WorkerStands] = ()
    full: bool = False
    first: str | None = "1f" * 32

    @override
    async def identity(self) -> str | None:
        return None if self.hidden else self.first

    @override
    def workers(self) -> Sequence[WorkerStands]:
        return self.stands

    @override
    async def look(self, since: Since, /, *, now_ns: int) -> Observed:
        self.blocks += 1
        return replace(self.shown, last_block=-1 if self.hidden else self.blocks)

    @override
    async def applied(self, control_ids: frozenset[str], *, after_block: int) -> frozenset[str]:
        return control_ids & frozenset(self.recorded)

    @override
    async def first_deciders(
        self, control_id: str, *, router: str, count: int
    ) -> Sequence[str | None]:
        return [self.decided_by] * count if control_id in self.recorded else []

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        if self.away:
            return [Answer(control_id=one.control_id, status="unknown") for one in records]
        return [self._answer(one) for one in records]

    def _answer(self, one: ControlRecord) -> Answer:
        if one.kind in self.refuses:
            return Answer(control_id=one.control_id, status="refused", detail="no such package")
        self.recorded.setdefault(one.control_id, one)
        if isinstance(one, LimitsAllotted):
            self._take_allotment(one)
        return Answer(control_id=one.control_id, status="recorded")

    @override
    def throw_stop(self, *, throw_id: str, reason: str) -> None:
        if self.full:
            raise ArtifactUnreadableError(path="switches", fault=ReadFault.UNREADABLE)
        self.thrown[throw_id] = reason

    @override
    async def release_stop(self, *, throw_id: str, reason: str) -> Answer:
        if self.away:
            return Answer(control_id=throw_id, status="unknown")
        self.thrown.pop(throw_id, None)
        return Answer(control_id=throw_id, status="recorded")

    @property
    def stopped(self) -> bool:
        """Whether its latch is closed, or a file stops it."""
        closed = {key.removesuffix(":stopped") for key in self.recorded if key.endswith(":stopped")}
        opened = {
            key.removesuffix(":released") for key in self.recorded if key.endswith(":released")
        }
        return bool(closed - opened or self.thrown)

    def _take_allotment(self, record: LimitsAllotted) -> None:
        seen = self.shown.symbols[record.symbol]
        changed = replace(seen, allotment=Decimal(str(record.allotment)))
        self.shown = replace(self.shown, symbols={**self.shown.symbols, record.symbol: changed})


@dataclass(slots=True, kw_only=True)
class FakeLane(LaneRunner):
    """A lane that runs what waits, command by command, as an honest one would.

    Attributes:
        governance: Where it writes.
        waiting: Commands of the runs that wait.
        breaks_after: It breaks off after so many commands; None: it runs through.
    """

    governance: Governance
    waiting: list[Sequence[RolloutCommand]] = field(default_factory=list)
    breaks_after: int | None = None
    last: LaneEnded | None = None

    @override
    async def current(self) -> LaneEnded | None:
        if self.last is not None:
            await self._end_broken(self.last)
        return self.last

    async def _end_broken(self, ended: LaneEnded) -> None:
        stream = rollout_of(ended.run_id, ended.attempt)
        state = await self.governance.state(stream)
        if state.started is not None and not state.ended:
            await self.governance.run(stream, CrashLane(detail="killed", at_ns=0))

    @override
    async def ended_after(self, position: int, /) -> LaneEnded | None:
        if self.last is None:
            return None
        stream = rollout_of(self.last.run_id, self.last.attempt)
        ends = [
            await self.governance.last_position(stream, f"rollout.lane-{how}.v1")
            for how in ("completed", "crashed")
        ]
        return self.last if max(ends) > position else None

    @override
    async def ended_since(self, position: int, /) -> Sequence[LaneEnded]:
        ends = sorted([one async for one in self._ends()], key=lambda one: one[0])
        before = sum(place <= position for place, _ in ends)
        return [ended for _, ended in ends[max(0, before - 1) :]]

    async def _ends(self) -> AsyncIterator[tuple[int, LaneEnded]]:
        """Yield where the end of each lane stands in the log, and whose it is."""
        store = self.governance.streams.store
        for stream in await store.streams("rollout-"):
            envelopes = await store.read_events(stream)
            plan = json.loads(envelopes[0].body)["plan"]
            for one in envelopes:
                if one.type in ("rollout.lane-completed.v1", "rollout.lane-crashed.v1"):
                    yield (
                        one.position,
                        LaneEnded(run_id=plan["run_id"], attempt=plan["attempt"]),
                    )

    @override
    async def run(self, *, epoch: int, holder: str, starts: bool) -> bool:
        if not (self.waiting and starts):
            return False
        commands = self.waiting[0]
        plan = getattr(commands[0], "plan")  # noqa: B009 - every run starts with its plan
        failure = "" if self.breaks_after is None else "killed by signal 9"
        for command in commands[: self.breaks_after]:
            await self.governance.run(rollout_of(plan.run_id, plan.attempt), command)
            self.waiting = self.waiting[1:] if command is commands[0] else self.waiting
            self.last = LaneEnded(
                run_id=plan.run_id, attempt=plan.attempt, failure=failure, traces=("ab" * 32,)
            )
        if self.last is not None:
            await self._end_broken(self.last)
        return False


@dataclass(slots=True, kw_only=True)
class FakeMeter(DriftMeter):
    """A meter that finds what it is told to find."""

    changes: Mapping[DriftCode, Reading] = field(default_factory=dict)

    @override
    async def measure(self, asked: WindowAsked, /) -> Measured:
        found = measured(self.changes)
        return replace(found, window=replace(found.window, subject=asked.subject))

    def drift(self, *codes: DriftCode) -> None:
        """Let these drift, and nothing else."""
        self.changes = {code: reading_of(BEYOND[code], samples=1000) for code in codes}


@dataclass(slots=True, kw_only=True)
class FakeLadder(ExposureLadder):
    """A ladder on which nothing moves."""

    cap: Decimal | None = None
    routes: bool = True
    reasons: ReasoningAllowed | None = None
    ratio: Reading = UNASKED

    @override
    async def lets_route(self) -> bool:
        return self.routes

    @override
    async def lets_reason(self) -> ReasoningAllowed | None:
        return self.reasons

    @override
    async def unanswered(self, *, now_ns: int) -> Reading:
        return self.ratio

    @override
    async def review(self, *, now_ns: int, run: tuple[str, int] | None) -> LadderSeen:
        return LadderSeen(cap=self.cap)


def lane_commands(*, attempt: int = 1) -> Sequence[RolloutCommand]:
    """Return the commands of an attempt at a run, up to its lane's end."""
    return [one for one in whole_run(attempt=attempt) if not isinstance(one, FinaliseRun)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeClearances(Clearances):
    """What other streams say of a candidate that never came to serve."""

    digest: str | None = None
    target: BackTo = field(default_factory=lambda: BackTo(package=CHAMPION))

    @override
    async def served(self) -> Sequence[Served]:
        return ()

    @override
    async def runs_of(self, served: Served, /) -> Sequence[Attempt]:
        return ()

    @override
    async def digest_of(self, candidate_id: str, /) -> str | None:
        return self.digest

    @override
    async def exposed(self, candidate_id: str, /) -> str | None:
        return self.digest if self.target.serves else None

    @override
    async def back_to(self, candidate_id: str, observed: Observed, /, *, cause: str) -> BackTo:
        return self.target

    @override
    async def take_back(self, candidate_id: str, /, *, cause: str, reason: str) -> None:
        """Take nobody back: nobody came to serve."""


def policies(*, cap: int = 10_000, max_symbols: int = 10) -> Policies:
    """Return the shipped policies, with a portfolio of its own."""
    return Policies(
        safety=safety_policy(),
        drift=drift_policy(),
        scheduler=scheduler_policy(),
        shares=Shares(cap=Decimal(cap), max_symbols=max_symbols, weights={}),
    )


def governor(
    governance: Governance,
    loop: FakeLoop,
    *,
    store: InMemoryArtifacts | None = None,
    lane: FakeLane | None = None,
    meter: FakeMeter | None = None,
    clearances: FakeClearances | None = None,
) -> Governor:
    """Return an governor in which everything is made up."""
    return Governor(
        governance=governance,
        store=store or InMemoryArtifacts(evidence_files()),
        view=loop,
        loop=loop,
        lane=lane or FakeLane(governance=governance),
        drift=meter or FakeMeter(),
        ladder=FakeLadder(),
        policies=policies(),
        clearances=clearances or FakeClearances(),
        keyring=keyring,
    )
