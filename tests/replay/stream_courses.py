"""What golden streams are recorded from: commands in a row, one course for each way it can go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from tests.fakes.eventlog import run
from tests.replay.golden_streams import add_message, add_stream
from tests.support.governance.approving import (
    EVE,
    approval,
    deny,
    grant,
    granted,
    request,
    revoke,
    use,
)
from tests.support.governance.climbing import caps, climbed, hours, look, windows
from tests.support.governance.governance_pages import CLOSED, standing
from tests.support.governance.governing import (
    ANN,
    BEN,
    SECOND_NS,
    START_NS,
    Memory,
    drift_policy,
    readings,
    safety_policy,
    verdict,
)
from tests.support.governance.promoting import (
    answer,
    claim_of,
    demote,
    keyring,
    later,
    ledger,
    promote,
    register,
    retain,
    signed_approval,
    take_back,
)
from tests.support.governance.releasing import LatchLog
from tests.support.governance.staging import advance, all_shown, arrived, back, review
from tests.support.lane.lanes import LaneWorld, made_run
from tests.support.lane.queueing import ended, queue, start, submit
from tests.support.live.latencies import counted, latencies, reading
from torghut.governance.allotting.allotment import (
    ALLOTMENTS,
    Allot,
    AllotmentCommand,
    AllotmentState,
    RefuseAllotment,
    Seen,
)
from torghut.governance.allotting.allotting import Shares
from torghut.governance.approvals.making import MAKERS, ClaimCandidate, MakersState, read_candidate
from torghut.governance.approvals.signing import read_signed
from torghut.governance.cycles.cycle import (
    CYCLES,
    BeginCycle,
    BindGovernance,
    CycleCommand,
    CycleState,
    EndCycle,
    MeanNote,
    SeePortfolio,
)
from torghut.governance.leasing.epochs import (
    EPOCHS,
    BeginEpoch,
    EndEpoch,
    EpochCommand,
    EpochState,
)
from torghut.governance.rollouts.evidence import INCIDENT_SCHEMA, Examined
from torghut.governance.safety.canary import (
    CANARY,
    CanaryCommand,
    CanaryState,
    JudgeCanary,
    ProducePatch,
)
from torghut.governance.safety.continuity import CONTINUITY, ContinuityState, ObserveCycle
from torghut.governance.safety.drift_actions import (
    DRIFT_ACTIONS,
    DriftCommand,
    DriftState,
    EndAction,
    TakeVerdict,
)
from torghut.governance.safety.latch import LATCH, EvaluateSafety, LatchCommand, ReleaseLoop
from torghut.governance.safety.rollback import (
    OWED,
    ROLLBACK,
    ConfirmDrained,
    ConfirmEffective,
    JudgeProof,
    RollbackCommand,
    RollbackState,
    SupersedeRollback,
    SwitchBack,
    TriggerRollback,
)
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.canary import CANARY_EVENT, CanaryEvent
from torghut.schemas.governing.continuity import (
    CONTINUITY_EVENT,
    ContinuityEvent,
    NoSignalReason,
)
from torghut.schemas.governing.drift import DRIFT_EVENT, DriftEvent
from torghut.schemas.governing.fields import Evidence, Found, Person, reading_of
from torghut.schemas.governing.lanes import MAKER_EVENT, MakerSigned
from torghut.schemas.governing.latch import LATCH_EVENT, LatchEvent, SafetyReadings
from torghut.schemas.governing.lease import LEASE_EVENT, LeaseEvent
from torghut.schemas.governing.rollback import ROLLBACK_EVENT, RollbackEvent
from torghut.schemas.publish import MODELS, stated_type
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.scheduling.allotments import ALLOTMENT_EVENT, AllotmentEvent
from torghut.schemas.scheduling.cycles import CYCLE_EVENT, CycleEvent, CycleOutcome
from torghut.schemas.upcasting import read_message
from torghut.workflows.aggregates import STOP_LATCH
from torghut.workflows.latching.releasing import statement_of

Play = Callable[[], Sequence[bytes]]


class _Latch:
    """A latch that is told one thing after the other."""

    def __init__(self) -> None:
        self.memory: Memory[LatchCommand, LatchEvent, LatchState] = Memory(LATCH, LATCH_EVENT)

    def evaluate(self, *told: SafetyReadings) -> None:
        """Evaluate ``told``, a minute apart."""
        for one in told:
            last = self.memory.state.last
            number = 1 if last is None else last.evaluation + 1
            self.memory.send(
                EvaluateSafety(
                    latch="main",
                    evaluation=number,
                    at_ns=START_NS + 60 * SECOND_NS * number,
                    readings=one,
                    policy=safety_policy(),
                )
            )

    def release(self, who: Person) -> None:
        """Release what is in force."""
        incident = self.memory.state.incident
        assert incident is not None
        self.memory.send(
            ReleaseLoop(
                incident_id=incident.incident_id,
                triggers=incident.triggers,
                person=who,
                reason="looked at, mended and tried",
                at_ns=self.memory.state.time_ns + SECOND_NS,
                policy=safety_policy(),
            )
        )


def _recovered() -> Sequence[bytes]:
    latch = _Latch()
    lag = readings(lag_ms=reading_of(600_000.0))
    stale = readings(signal_age_ms=reading_of(180_001.0))
    latch.evaluate(readings(), lag, readings(), stale, *[readings()] * 3, stale, stale)
    return latch.memory.bodies


def _released() -> Sequence[bytes]:
    latch = _Latch()
    latch.evaluate(readings(mode="live"), readings(mode="live", lane="failed"))
    latch.evaluate(readings(mode="live", drawdown_ratio=reading_of(0.09)))
    latch.evaluate(readings(mode="live", evidence="unknown"))
    latch.release(ANN)
    latch.release(BEN)
    latch.evaluate(readings(mode="live"), readings(fallback_ratio=reading_of(0.5, samples=4)))
    return latch.memory.bodies


def _signed_release() -> Sequence[bytes]:
    log = LatchLog()
    log.evaluate(readings(mode="live"), readings(mode="live", drawdown_ratio=reading_of(0.09)))
    log.release("ben")
    log.release("eve")
    stream = STOP_LATCH.stream
    return [one.body for one in run(log.events.read_events(stream))]


def _flapping() -> Sequence[bytes]:
    memory: Memory[DriftCommand, DriftEvent, DriftState] = Memory(DRIFT_ACTIONS, DRIFT_EVENT)
    unknown: DriftCode = "data_duplicate_ratio_exceeded"
    loss = verdict("performance_drawdown_exceeded")
    shock = verdict("regime_transition_shock_ratio_exceeded", missing=[unknown])
    for number, told in enumerate([verdict(), shock, verdict(), shock, loss], start=1):
        memory.send(
            TakeVerdict(
                evaluation=number,
                at_ns=START_NS + 300 * SECOND_NS * number,
                verdict=told,
                candidate="cd" * 32,
                policy=drift_policy(),
            )
        )
    demand = memory.state.rollbacks[0][0]
    evidence = Evidence(path="drift/outcome.json", sha256="ef" * 32)
    memory.send(
        EndAction(
            action_id=demand, outcome="completed", evidence=evidence, at_ns=memory.state.time_ns
        )
    )
    return memory.bodies


def _interrupted() -> Sequence[bytes]:
    memory: Memory[ObserveCycle, ContinuityEvent, ContinuityState] = Memory(
        CONTINUITY, CONTINUITY_EVENT
    )
    silent: list[NoSignalReason | None] = ["source-silent"] * 3
    told: list[NoSignalReason | None] = ["bootstrap", None, *silent, None, None]
    for cycle, reason in enumerate((*told, "market-closed"), start=1):
        memory.send(
            ObserveCycle(
                cycle=cycle,
                at_ns=START_NS + 60 * SECOND_NS * cycle,
                session="closed" if reason == "market-closed" else "open",
                signals=0 if reason else 5,
                reason=reason,
                policy=safety_policy().continuity,
            )
        )
    return memory.bodies


def _patched() -> Sequence[bytes]:
    memory: Memory[CanaryCommand, CanaryEvent, CanaryState] = Memory(CANARY, CANARY_EVENT)
    patch = Evidence(path="runs/run-1/strategy-patch.json", sha256="ef" * 32)
    found: Sequence[Found | None] = (None, "verified", "wrong-digest")
    for number, one in enumerate(found, start=1):
        memory.send(
            JudgeCanary(
                run_id="run-1",
                candidate="cd" * 32,
                judgement=number,
                target="paper",
                found=one,
                at_ns=START_NS + number,
            )
        )
        memory.send(
            ProducePatch(run_id="run-1", candidate="cd" * 32, patch=patch, at_ns=START_NS + number)
        )
    return memory.bodies


def _proven() -> Sequence[bytes]:
    memory: Memory[RollbackCommand, RollbackEvent, RollbackState] = Memory(ROLLBACK, ROLLBACK_EVENT)
    policy = safety_policy().rollback
    cited = EvidenceReference(
        path="incidents/incident-1.json", sha256="ef" * 32, schema=INCIDENT_SCHEMA
    )
    commands: Sequence[RollbackCommand] = (
        JudgeProof(run_id="run-1", judgement=1, offered={}, at_ns=START_NS),
        TriggerRollback(
            run_id="run-1",
            cause="drift",
            cause_id="rollback-1",
            goes_back_to="aa" * 32,
            detected_at_ns=START_NS,
            at_ns=START_NS + SECOND_NS,
        ),
        SwitchBack(control_id="control-1", at_ns=START_NS + 2 * SECOND_NS),
        JudgeProof(run_id="run-1", judgement=2, offered={}, at_ns=START_NS),
        ConfirmEffective(
            by=["aa" * 32] * policy.proving_decisions,
            at_ns=START_NS + 3 * SECOND_NS,
            policy=policy,
        ),
        JudgeProof(
            run_id="run-1",
            judgement=3,
            offered={OWED: Examined(reference=cited, fault=None)},
            at_ns=START_NS,
        ),
        ConfirmDrained(at_ns=START_NS + 9 * SECOND_NS),
    )
    for command in commands:
        memory.send(command)
    return memory.bodies


def _superseded() -> Sequence[bytes]:
    memory: Memory[RollbackCommand, RollbackEvent, RollbackState] = Memory(ROLLBACK, ROLLBACK_EVENT)
    for number, cause_id in enumerate(("incident-1", "incident-2")):
        trigger = TriggerRollback(
            run_id="run-1",
            cause="stop-latch",
            cause_id=cause_id,
            goes_back_to="aa" * 32,
            detected_at_ns=START_NS + number * SECOND_NS,
            at_ns=START_NS + number * SECOND_NS,
        )
        memory.send(trigger)
        if not number:
            memory.send(SupersedeRollback(reason="stop-over", at_ns=START_NS))
    return memory.bodies


def _used() -> Sequence[bytes]:
    stream = granted()
    stream.send(grant(who=EVE, after_s=10))
    stream.send(use(after_s=20))
    return stream.bodies


def _denied() -> Sequence[bytes]:
    stream = approval()
    stream.send(request())
    stream.send(deny())
    return stream.bodies


def _revoked() -> Sequence[bytes]:
    stream = granted()
    stream.send(revoke())
    return stream.bodies


def _handed_over() -> Sequence[bytes]:
    memory: Memory[EpochCommand, LeaseEvent, EpochState] = Memory(EPOCHS, LEASE_EVENT)
    commands: Sequence[EpochCommand] = (
        BeginEpoch(epoch=1, holder="host-1", at_ns=START_NS),
        EndEpoch(epoch=1, holder="host-1", how="released", at_ns=START_NS + SECOND_NS),
        BeginEpoch(epoch=3, holder="host-2", at_ns=START_NS + 2 * SECOND_NS),
        EndEpoch(epoch=3, holder="host-2", how="lost", at_ns=START_NS + 3 * SECOND_NS),
        BeginEpoch(epoch=4, holder="host-1", at_ns=START_NS + 4 * SECOND_NS),
    )
    for command in commands:
        memory.send(command)
    return memory.bodies


def _lowered_and_raised() -> Sequence[bytes]:
    memory: Memory[AllotmentCommand, AllotmentEvent, AllotmentState] = Memory(
        ALLOTMENTS, ALLOTMENT_EVENT
    )
    held = Seen(allotment=Decimal(1000), exposure=Decimal(400))
    for cycle, weight in enumerate(("0.25", "0.25", "1"), start=1):
        memory.send(
            Allot(
                cycle=cycle,
                seen={"fxcm:EURUSD": held},
                applied=frozenset(one.control_id for one in memory.state.pending[:1]),
                shares=Shares(
                    cap=Decimal(10_000),
                    max_symbols=10,
                    weights={"fxcm:EURUSD": Decimal(weight), "fxcm:NZDUSD": Decimal(1)},
                ),
                after_block=cycle,
                at_ns=START_NS + cycle * SECOND_NS,
            )
        )
        held = Seen(allotment=Decimal(250), exposure=Decimal(0))
    (last,) = memory.state.pending
    memory.send(RefuseAllotment(control_id=last.control_id, at_ns=START_NS))
    return memory.bodies


def _two_cycles() -> Sequence[bytes]:
    memory: Memory[CycleCommand, CycleEvent, CycleState] = Memory(CYCLES, CYCLE_EVENT)
    note = Evidence(path="notes/iteration-1.md", sha256="ef" * 32)
    outcomes: Sequence[CycleOutcome] = ("lane_completed", "lane_execution_failed")
    for cycle, outcome in enumerate(outcomes, start=1):
        at_ns = START_NS + 60 * cycle * SECOND_NS
        commands: Sequence[CycleCommand] = (
            BeginCycle(cycle=cycle, epoch=cycle, holder="host-1", policies="ab" * 32, at_ns=at_ns),
            SeePortfolio(
                cycle=cycle,
                equity=100.0 / cycle,
                capital=1000.0,
                last_block=cycle,
                reset_ns=0,
                at_ns=at_ns,
            ),
            EndCycle(cycle=cycle, outcome=outcome, reason="because", note=note, at_ns=at_ns),
        )
        for command in commands:
            memory.send(command)
    return memory.bodies


def _bound_cycle() -> Sequence[bytes]:
    memory: Memory[CycleCommand, CycleEvent, CycleState] = Memory(CYCLES, CYCLE_EVENT)
    note = Evidence(path="notes/iteration-1.md", sha256="ef" * 32)
    at_ns = START_NS + 60 * SECOND_NS
    commands: Sequence[CycleCommand] = (
        BindGovernance(log="1f" * 32, signer=None, at_ns=at_ns),
        BeginCycle(cycle=1, epoch=1, holder="host-1", policies="ab" * 32, at_ns=at_ns),
        MeanNote(cycle=1, note=note, at_ns=at_ns),
        EndCycle(cycle=1, outcome="lane_completed", reason="because", note=note, at_ns=at_ns),
        BindGovernance(log="1f" * 32, signer="3f" * 32, at_ns=at_ns + SECOND_NS),
    )
    for command in commands:
        memory.send(command)
    return memory.bodies


def _on_and_back() -> Sequence[bytes]:
    stream = arrived(1)
    stream.send(review(stream, {}))
    stream.send(review(stream, all_shown(1)))
    stream.send(advance(stream, 2))
    stream.send(back(stream, 0))
    return stream.bodies


def _signed() -> Sequence[bytes]:
    stream = signed_approval(answer("author", "request"), answer("ben", "grant"))
    stream.send(later(answer("eve", "revoke"), 60))
    return stream.bodies


def _made_by_two() -> Sequence[bytes]:
    stream: Memory[ClaimCandidate, MakerSigned, MakersState] = Memory(MAKERS, MAKER_EVENT)
    for who in ("author", "mel"):
        stream.send(claim_of(who))
    return stream.bodies


def _taken_back() -> Sequence[bytes]:
    stream = ledger("a", "b", "c")
    stream.send(retain("c"))
    stream.send(promote("a", 0))
    stream.send(promote("b", 1))
    stream.send(take_back(2))
    stream.send(promote("a", 3, target="live"))
    stream.send(promote("b", 4, run="again"))
    stream.send(take_back(5, cause="incident-2"))
    stream.send(register("d"))
    stream.send(demote("d"))
    return stream.bodies


def _up_and_down() -> Sequence[bytes]:
    stream, hour = climbed(2)
    at_ns = hours(hour + 1)
    stream.send(look(stream, at_ns, windows=windows(at_ns, good=False)))
    stream.send(look(stream, hours(hour + 2), caps=caps("100000")))
    stream.send(look(stream, hours(hour + 3), stopped=True, drill_age_ms=None))
    return stream.bodies


def _seen_from_afar() -> Sequence[bytes]:
    stream, hour = climbed(1)
    told = look(stream, hours(hour + 1), switched=True)
    stream.send(replace(told, seen_to=40))
    told = look(stream, hours(hour + 2), by_hand=True)
    stream.send(replace(told, seen_to=44))
    told = look(stream, hours(hour + 3), stopped=True, rollback=True, on_paper=True)
    stream.send(replace(told, seen_to=60, entered_ns=hours(hour + 2.5)))
    return stream.bodies


def _read_and_restarted() -> Sequence[bytes]:
    stream = latencies()
    stream.send(reading(counted(0.004), after_s=60))
    stream.send(reading(counted(0.004, 0.004, 9.0), after_s=120))
    stream.send(reading(counted(0.002), after_s=180, started_s=150))
    stream.send(reading(counted(0.002, 40.0), after_s=100_000, started_s=150))
    return stream.bodies


def _queued() -> Sequence[bytes]:
    stream = queue()
    for router in ("a", "b", "c"):
        stream.send(submit(router))
    for submission, outcome in enumerate(("completed", "failed", "killed"), start=1):
        run_id = f"lane-{min(submission, 2)}"
        attempt = max(1, submission - 1)
        stream.send(start(submission, run_id=run_id, attempt=attempt))
        stream.send(ended(run_id=run_id, attempt=attempt, outcome=outcome))
    stream.send(submit("a"))
    stream.send(start(4, attempt=2))
    return stream.bodies


def _lane_artifacts() -> Mapping[str, bytes]:
    """Return what a run of the lane leaves behind, by path below its folder."""
    world = LaneWorld()
    folder = f"runs/{made_run(world).ended.run_id}"
    places = ("inputs.json", "readiness.json", "strategy-patch.json", "stages/5-paper-canary.json")
    return {place: world.files.read(f"{folder}/{place}") for place in places}


COURSES: Final[Mapping[tuple[str, str], Play]] = {
    ("allotments", "lowered-and-raised"): _lowered_and_raised,
    ("approval", "denied"): _denied,
    ("approval", "revoked"): _revoked,
    ("approval", "signed"): _signed,
    ("approval", "used"): _used,
    ("canary", "patched"): _patched,
    ("continuity", "interrupted"): _interrupted,
    ("cycles", "bound"): _bound_cycle,
    ("cycles", "two"): _two_cycles,
    ("drift", "flapping"): _flapping,
    ("exposure", "seen-from-afar"): _seen_from_afar,
    ("exposure", "up-and-down"): _up_and_down,
    ("lanes", "queued"): _queued,
    ("latency", "read-and-restarted"): _read_and_restarted,
    ("latch", "recovered"): _recovered,
    ("latch", "released"): _released,
    ("latch", "signed"): _signed_release,
    ("lease", "handed-over"): _handed_over,
    ("ledger", "taken-back"): _taken_back,
    ("makers", "two"): _made_by_two,
    ("rollback", "proven"): _proven,
    ("rollback", "superseded"): _superseded,
    ("stages", "on-and-back"): _on_and_back,
}
"""By kind of stream and name."""

if __name__ == "__main__":
    for (kind, name), play in COURSES.items():
        add_stream(kind, name, play())
    statement, _ = read_signed(answer("ben", "grant").envelope, keyring())
    add_message("artifacts/approval-statement.v1", "grant", statement)
    made, _ = read_candidate(claim_of("author").envelope, keyring())
    add_message("artifacts/maker-statement.v1", "author", made)
    release = statement_of(
        f"incident-{'ab' * 32}",
        ["signal-lag", "drawdown"],
        reason="looked at, mended and tried",
        signed_at_ns=START_NS,
    )
    add_message("artifacts/release-statement.v1", "two-triggers", release)
    add_message("artifacts/governance-standing.v1", "stopped", standing(latch=CLOSED))
    for place, body in _lane_artifacts().items():
        artifact = read_message(body, MODELS)
        name = stated_type(type(artifact)).partition(".")[2]
        add_message(f"artifacts/{name}", place.rpartition("/")[2].removesuffix(".json"), artifact)
