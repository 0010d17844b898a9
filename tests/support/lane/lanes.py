"""A lane's world in memory: governance's log, artifacts, a decision log, and candidates for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped, text_of
from tests.support.decisions.kernels import compiled
from tests.support.governance.governing import verdict
from torghut.artifacts.package import Package
from torghut.decisions.declarations import Declarations
from torghut.evals.figures import figure
from torghut.evals.judging import FixedSampleJudge
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.declarations import parse_evaluation_policy
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.governance.ledger.ledger import LEDGER, ledger_stream, read_ledger_event
from torghut.governance.ledger.state import LedgerState
from torghut.router.package import RegimeModel, read_regime_model
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.governing.drift import VerdictTaken
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneAsked
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.lane import CandidateSpec, LaneInputs, LogWindow, SwitchRehearsed
from torghut.schemas.rollout.phases import REQUIRED_GATES, Target
from torghut.schemas.rollout.run import DriftStatus, ExecutionContext
from torghut.schemas.rows import RowArray
from torghut.schemas.types import message_digest
from torghut.workflows.approving.promoting import register_candidate
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.lane.contest.arms import Arm, ArmPlan
from torghut.workflows.lane.contest.cutting import Window
from torghut.workflows.lane.contest.evaluating import Evaluator, contest_of
from torghut.workflows.lane.contest.redeciding import Reading
from torghut.workflows.lane.contest.standing import champion_of, horizon_ns_of, standing_at
from torghut.workflows.lane.evidence import RunFiles
from torghut.workflows.lane.gates import REHEARSED
from torghut.workflows.lane.naming import candidate_digest_of, candidate_id_of, run_id_of
from torghut.workflows.lane.ports import (
    Admission,
    DriftFound,
    Evaluated,
    Evaluating,
    LanePorts,
    LaneWork,
    PatchTerms,
    Rehearsed,
)
from torghut.workflows.lane.running import LaneResult, lane_command, lane_state, run_autonomous_lane
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.streams import Streams

SYMBOL: Final = "fxcm:EURUSD"
ROUTER: Final = "fx-intraday"
CONTEXT: Final = ExecutionContext.model_validate(
    {
        "repository": "torghut",
        "base": "champion",
        "head": "candidate",
        "artifactPath": "var/torghut",
        "priorityId": "p1",
    }
)


@cache
def evaluation_policy() -> EvaluationPolicy:
    """Return the shipped evaluation policy."""
    file = "governance/policies/evaluation.yaml"
    return parse_evaluation_policy(text_of(file), file=file)


async def decided_log(
    rows: RowArray, package: Package, declared: Declarations | None = None
) -> InMemoryLog:
    """Return a log in which ``package`` decided ``rows`` of one symbol."""
    log = InMemoryLog(clock=HandClock())
    setup = Setup(kernel=compiled(), declarations=declared or shipped(), packages={ROUTER: package})
    opened = await open_fold(log, setup)
    source = ArraySource(rows=rows, symbols=(SYMBOL,))
    await run_loop(
        Run(
            source=source,
            log=log,
            fold=opened.fold,
            controls=opened.controls,
            settings=LoopSettings(batch_records=2000),
        )
    )
    return log


COUNTED: Final = (9000, 8000)
"""Signals and decisions of an evaluation that is made up."""


def evaluated(
    *, verdict: str = "promote", reason: str = "better", broken: bool = False
) -> Evaluating:
    """Return an evaluation that comes to ``verdict`` without deciding anything."""

    async def evaluate(_files: RunFiles, _told: object, /) -> Evaluated:
        if broken:
            message = "the evaluation broke"
            raise ZeroDivisionError(message)
        passed = verdict == "promote"
        counts = [
            figure(gate, (float(count), ">=", 2000.0), unit="things", n=count, reason="too-few")
            for gate, count in zip(REQUIRED_GATES["gate-evaluation"], COUNTED, strict=True)
        ]
        edge = figure(
            "gate_edge", (float(passed), ">=", 1.0), unit="bps/step", n=9000, reason=reason
        )
        return Evaluated(
            figures=[*counts, edge],
            artifacts=[],
            observations={"verdict": verdict, "reason": reason},
            signals=COUNTED[0],
            decisions=COUNTED[1],
        )

    return evaluate


SPEC: Final = CandidateSpec(kind="package", router=ROUTER, package="ca" * 32, declarations=None)
WINDOW: Final = Window(first_ns=1, last_ns=2)


async def made_work(
    world: LaneWorld, evaluate: Evaluating | None = None, *, spec: CandidateSpec = SPEC
) -> LaneWork:
    """Return work whose evaluation is made up."""
    submission = await world.submitted(spec, WINDOW)
    inputs = LaneInputs(
        candidate=spec,
        target=submission.asked.target,
        first_ns=WINDOW.first_ns,
        last_ns=WINDOW.last_ns,
        log_block=1,
        log_head="ab" * 32,
        champion_packages={ROUTER: "cb" * 32},
        champion_declarations="cd" * 32,
        policies={},
        kernel_version=1,
    )

    await register_candidate(
        Streams(world.events),
        spec.router,
        LedgerCandidate(
            candidate_id=candidate_id_of(spec),
            digest=candidate_digest_of(spec) or "",
            package=spec.package,
        ),
        run_id=run_id_of(inputs),
        at_ns=world.clock.now_ns(),
    )

    async def intact() -> tuple[int, int]:
        return world.intact

    return LaneWork(
        submission=submission,
        inputs=inputs,
        evaluate=evaluate or evaluated(),
        intact=intact,
        patch=PatchTerms(
            symbols=(SYMBOL,),
            notional_cap=100_000.0,
            replaces="cb" * 32,
            replaces_declarations=None,
        ),
    )


def made_run(world: LaneWorld, evaluate: Evaluating | None = None) -> LaneResult:
    """Return what becomes of a candidate whose evaluation is made up."""

    async def run() -> LaneResult:
        return await run_autonomous_lane(await made_work(world, evaluate), world.ports())

    return asyncio.run(run())


def working(*names: str, at_ns: int) -> Rehearsed:
    """Return that hard switches work, by default all."""
    switches = [
        SwitchRehearsed(name=name, effective=True, restored=True, elapsed_ms=1.5, symbols=1)
        for name in names or REHEARSED
    ]
    return Rehearsed(switches=switches, at_ns=at_ns)


def drift_found(status: DriftStatus | None, *, at_ns: int = 0) -> DriftFound:
    """Return what is on record of drift that is called ``status``."""
    if status is None:
        return DriftFound(verdict=None)
    shown = {
        "stable": verdict(),
        "unhealthy": verdict(missing=["data_staleness_p95_exceeded"]),
    }.get(status, verdict("regime_transition_shock_ratio_exceeded"))
    taken = VerdictTaken(evaluation=1, at_ns=at_ns, verdict=shown, candidate=None)
    return DriftFound(verdict=taken, withheld=status == "cooldown")


@dataclass(slots=True)
class LaneWorld:
    """Governance in memory.

    Attributes:
        target: That candidates ask for.
        files: The artifact root.
        events: Governance's own log.
    """

    target: Target = "paper"
    admission: Admission = field(
        default_factory=lambda: Admission(target="paper", rollback_target="champion")
    )
    drift: DriftFound = field(default_factory=lambda: drift_found("stable"))
    drift_max_age_ms: int = 1_800_000
    tried: Rehearsed | None = None
    intact: tuple[int, int] = (2, 2)
    files: InMemoryArtifacts = field(default_factory=InMemoryArtifacts)
    clock: HandClock = field(default_factory=HandClock)
    events: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))

    def ports(self) -> LanePorts:
        """Return what the lane is given."""
        return LanePorts(
            events=self.events,
            store=self.files,
            wall=self.clock,
            admission=self.admission,
            cycle_length_s=60,
            drift_max_age_ms=self.drift_max_age_ms,
            drift=self.last_drift,
            rehearse=self.rehearse,
        )

    async def ledger(self) -> LedgerState:
        """Return who contends, and who lost."""
        return await Streams(self.events).state(LEDGER, read_ledger_event, ledger_stream(ROUTER))

    async def last_drift(self) -> DriftFound:
        """Return what drift came to by now."""
        return self.drift

    async def rehearse(self) -> Rehearsed:
        """Return what a rehearsal shows: by default that every hard switch works, now."""
        return self.tried or working(at_ns=self.clock.now_ns())

    async def submitted(self, spec: CandidateSpec, window: Window) -> CandidateSubmitted:
        """Submit a candidate."""
        asked = LaneAsked(
            candidate=spec,
            window=LogWindow(
                log="made.log",
                partition=0,
                first_ns=window.first_ns,
                last_ns=window.last_ns,
            ),
            target=self.target,
            context=CONTEXT,
            author="ann",
        )
        command = SubmitCandidate(asked=asked, at_ns=self.clock.now_ns())
        await lane_command(self.events, command, "test")
        waiting = (await lane_state(self.events)).next
        assert waiting is not None
        return waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A candidate to be tried.

    Attributes:
        spec: What it is.
        plan: What it decides by, given the champion's plan.
        plugged: Stands in for the kernel under that plan.
    """

    spec: CandidateSpec
    packages: Mapping[str, RegimeModel] | None = None
    declarations: Declarations | None = None
    plugged: Arm | None = None

    def plan(self, champion: ArmPlan) -> ArmPlan:
        """Return what the candidate decides by."""
        return replace(
            champion,
            declarations=self.declarations or champion.declarations,
            packages={**champion.packages, **(self.packages or {})},
        )


def package_trial(package: Package, *, plugged: Arm | None = None) -> Trial:
    """Return a router package as a candidate."""
    return Trial(
        spec=CandidateSpec(
            kind="package", router=ROUTER, package=package.digest, declarations=None
        ),
        packages={ROUTER: read_regime_model(package)},
        plugged=plugged,
    )


def declared_trial(declared: Declarations, kind: str = "policy") -> Trial:
    """Return other declarations as a candidate."""
    spec = CandidateSpec.model_validate(
        {"kind": kind, "router": ROUTER, "package": None, "declarations": declared.digest}
    )
    return Trial(spec=spec, declarations=declared)


async def work_of(
    world: LaneWorld, log: InMemoryLog, window: Window, trial: Trial, *, trials: int = 1
) -> LaneWork:
    """Return a run's work, as the composition root would prepare it."""
    submission = await world.submitted(trial.spec, window)
    standing = await standing_at(log, window.last_ns)
    champion = await champion_of(log, standing)
    policy = evaluation_policy()
    contest = contest_of(compiled(), champion, trial.plan(champion), plugged=trial.plugged)
    evaluator = Evaluator(
        reading=Reading(log=log),
        contest=contest,
        window=window,
        policy=policy,
        judge=FixedSampleJudge(),
        trials=trials,
        horizon_ns=horizon_ns_of(champion, standing),
    )
    inputs = LaneInputs(
        candidate=trial.spec,
        target=submission.asked.target,
        first_ns=window.first_ns,
        last_ns=window.last_ns,
        log_block=standing.block,
        log_head=standing.head,
        champion_packages=dict(standing.packages),
        champion_declarations=standing.declarations,
        policies={policy.kind: message_digest(policy)},
        kernel_version=compiled().version,
    )

    async def intact() -> tuple[int, int]:
        return 2, 2

    terms = PatchTerms(
        symbols=(SYMBOL,),
        notional_cap=100_000.0,
        replaces=standing.packages.get(ROUTER),
        replaces_declarations=None,
    )
    return LaneWork(
        submission=submission, inputs=inputs, evaluate=evaluator, intact=intact, patch=terms
    )


def run_trial(world: LaneWorld, rows: RowArray, champion: Package, trial: Trial) -> LaneResult:
    """Return what becomes of a candidate on ``rows``, all of them its window."""

    async def run() -> LaneResult:
        log = await decided_log(rows, champion)
        window = Window(
            first_ns=int(rows["receive_ns"].min()), last_ns=int(rows["receive_ns"].max())
        )
        work = await work_of(world, log, window, trial)
        return await run_autonomous_lane(work, world.ports())

    return asyncio.run(run())
