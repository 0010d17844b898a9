"""A running loop, a lane and a drift meter, made up: what the scheduler's cycles reach for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.governing import drift_policy, safety_policy, scheduler_policy, verdict
from tests.rollouts import evidence_files, whole_run
from torghut.governance.allotting.allotting import Shares
from torghut.governance.rollouts.evidence import Subject
from torghut.governance.rollouts.rollout import FinaliseRun, RolloutCommand
from torghut.schemas.control import ControlRecord, LimitsAllotted
from torghut.schemas.governing.drift import DriftVerdict
from torghut.schemas.governing.fields import reading_of
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.scheduling.office import BackTo, Clearances, Office, Policies
from torghut.workflows.scheduling.ports import (
    Answer,
    DriftMeasured,
    DriftMeter,
    LaneEnded,
    LaneRunner,
    LaneTerms,
    LoopControls,
    LoopView,
    Observed,
    SymbolSeen,
)

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
            equity=3.0,
            package=CHAMPION,
            lifetime_ns=1_000_000_000,
        )
    },
    intact=True,
)
"""A loop that does as it should."""


@dataclass(slots=True, kw_only=True)
class FakeLoop(LoopView, LoopControls):
    """A loop that records what it is offered, unless it is away.

    Attributes:
        shown: What a look finds.
        away: Whether nobody answers.
        recorded: What it took, by id.
        thrown: Throws of files that stand.
        decided_by: By which package its decisions are made.
    """

    shown: Observed = GOOD
    away: bool = False
    recorded: dict[str, ControlRecord] = field(default_factory=dict)
    thrown: dict[str, str] = field(default_factory=dict)
    decided_by: str | None = CHAMPION
    blocks: int = 0

    @override
    async def look(self, *, after_block: int, now_ns: int) -> Observed:
        self.blocks += 1
        return replace(self.shown, last_block=self.blocks)

    @override
    async def applied(self, control_ids: frozenset[str], *, after_block: int) -> frozenset[str]:
        return control_ids & frozenset(self.recorded)

    @override
    async def first_deciders(self, control_id: str, *, count: int) -> Sequence[str | None]:
        return [self.decided_by] * count if control_id in self.recorded else []

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        if self.away:
            return [Answer(control_id=one.control_id, status="unknown") for one in records]
        for one in records:
            self.recorded.setdefault(one.control_id, one)
            if isinstance(one, LimitsAllotted):
                self._take_allotment(one)
        return [Answer(control_id=one.control_id, status="recorded") for one in records]

    @override
    def throw_stop(self, *, throw_id: str, reason: str) -> None:
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
    terms: list[LaneTerms] = field(default_factory=list)

    @override
    async def current(self) -> LaneEnded | None:
        return self.last

    @override
    async def run(self, terms: LaneTerms) -> LaneEnded | None:
        self.terms.append(terms)
        if not self.waiting:
            return None
        commands = self.waiting[0]
        plan = getattr(commands[0], "plan")  # noqa: B009 - every run starts with its plan
        failure = "" if self.breaks_after is None else "killed by signal 9"
        for command in commands[: self.breaks_after]:
            await self.governance.run(rollout_of(plan.run_id, plan.attempt), command)
            self.waiting = self.waiting[1:] if command is commands[0] else self.waiting
            self.last = LaneEnded(run_id=plan.run_id, attempt=plan.attempt, failure=failure)
        return self.last


@dataclass(slots=True, kw_only=True)
class FakeMeter(DriftMeter):
    """A meter that finds what it is told to find."""

    found: DriftVerdict = field(default_factory=verdict)

    @override
    async def measure(self, subject: Subject, *, from_ns: int, to_ns: int) -> DriftMeasured:
        return DriftMeasured(verdict=self.found)


def lane_commands() -> Sequence[RolloutCommand]:
    """Return the commands of a run up to its lane's end."""
    return [one for one in whole_run() if not isinstance(one, FinaliseRun)]


def clearances(*, back_to: BackTo | None = None) -> Clearances:
    """Return what other streams say of a candidate that is not approved for live."""
    target = back_to or BackTo(package=CHAMPION)
    return Clearances(
        approval_fault=lambda _: "approval-missing",
        stage_target=lambda: "paper",
        back_to=lambda _: target,
        exposure_scale=lambda: Decimal(1),
    )


def policies(*, cap: int = 10_000, max_symbols: int = 10) -> Policies:
    """Return the shipped policies, with a portfolio of its own."""
    return Policies(
        safety=safety_policy(),
        drift=drift_policy(),
        scheduler=scheduler_policy(),
        shares=Shares(cap=Decimal(cap), max_symbols=max_symbols, scale=Decimal(1), weights={}),
    )


def office(
    governance: Governance,
    loop: FakeLoop,
    *,
    store: InMemoryArtifacts | None = None,
    lane: FakeLane | None = None,
    meter: FakeMeter | None = None,
) -> Office:
    """Return an office in which everything is made up."""
    return Office(
        governance=governance,
        store=store or InMemoryArtifacts(evidence_files()),
        view=loop,
        loop=loop,
        lane=lane or FakeLane(governance=governance),
        drift=meter or FakeMeter(),
        policies=policies(),
        clearances=clearances(),
    )
