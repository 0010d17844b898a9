"""A rollout under any commands in any order: no pass with a failing gate, nothing forgotten."""

from __future__ import annotations

import contextlib
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.lane.rollouts import (
    CANDIDATE,
    INCIDENT_PATH,
    QUIET,
    RUN_ID,
    START_NS,
    cited,
    examined,
    file_of,
    gate_evidence,
    incident,
    manifest_after,
    plan,
    row,
    unmeasured,
    whole_run,
)
from torghut.artifacts.errors import ReadFault
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.rollouts import errors
from torghut.governance.rollouts.evidence import Content, Examined, Subject, examine
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.manifest import (
    final_manifest_of,
    manifest_bytes,
    manifest_of,
)
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CompleteLane,
    CrashLane,
    FinaliseRun,
    ReassessRun,
    RecordPhase,
    RolloutCommand,
    RolloutState,
    StartRun,
    read_rollout_event,
    rollout_stream,
)
from torghut.governance.verification.verifying import read_manifest, verify_manifest
from torghut.kernel.canonical import JsonValue, canonical_bytes
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.events import RolloutEvent
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.phases import (
    LANE_PHASES,
    PHASES,
    REQUIRED_GATES,
    PhaseName,
    Target,
)
from torghut.schemas.rollout.run import DriftStatus, RunPlan
from torghut.workflows.streams import Streams

REFUSALS: Final = tuple(
    error
    for error in vars(errors).values()
    if isinstance(error, type) and error.__module__ == errors.__name__
)
"""What a rollout may refuse a command with; anything else is a defect."""

TIMES: Final = st.integers(min_value=0, max_value=4).map(lambda late: START_NS + late * 10**9)
PLANS: Final = st.sampled_from([plan("paper"), plan("live")])
FOUND: Final = st.sampled_from([None, ReadFault.MISSING, ReadFault.LINKED, b"", b"other"])
DRIFTS: Final = st.sampled_from(["stable", "stable", "detected", "unhealthy", "cooldown", None])
MESSAGES: Final = st.sampled_from(
    [incident(), incident(), incident(run_id="run-0"), gate_evidence("slo_signal_count_minimum")]
)


@st.composite
def pieces(draw: st.DrawFn) -> Examined | None:
    """Draw a piece of evidence, perhaps not as cited, perhaps none."""
    if draw(st.booleans()):
        return None
    found: Content | None = draw(FOUND)
    return examined(draw(MESSAGES), INCIDENT_PATH, found)


FACTS: Final = st.builds(
    RollbackFacts,
    triggered=st.booleans(),
    in_force=st.booleans(),
    incident=pieces(),
    detection=pieces(),
    action=st.none(),
    outcome=pieces(),
)


def rows(gate: str) -> st.SearchStrategy[GateRow]:
    """Return rows of a gate, most of which pass, some of which contradict themselves."""
    passing = row(gate)
    forged = GateRow.model_validate({**passing.model_dump(mode="json"), "value": 0.0})
    return st.sampled_from(
        [
            *[passing] * 9,
            row(gate, 0.0),
            forged,
            unmeasured(gate, "insufficient", "n-below-1500"),
            unmeasured(gate, "pass", "because"),
            unmeasured(gate, "not-applicable", "live-target"),
        ]
    )


@st.composite
def records(draw: st.DrawFn, due: PhaseName | None) -> RecordPhase:
    """Draw the command to record a phase, mostly the one that is due."""
    phase = draw(st.sampled_from([due or LANE_PHASES[-1]] * 9 + list(PHASES)))
    gates = [draw(rows(gate)) for gate in REQUIRED_GATES[phase]]
    extra = draw(st.lists(rows("drawdown_maximum"), max_size=1))
    kept = gates[1:] if draw(st.integers(0, 19)) == 0 else gates
    return RecordPhase(phase=phase, gates=(*kept, *extra), at_ns=draw(TIMES))


class Rollouts(RuleBasedStateMachine):
    """A run in a log, beside the state that a process has in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.log = InMemoryLog(clock=HandClock())
        self.state = ROLLOUT.initial
        self.asked: list[RolloutCommand] = []
        self.final: bytes | None = None

    def ask(self, command: RolloutCommand) -> None:
        """Hand in a command; a refusal changes nothing."""
        self.asked.append(command)
        stream = rollout_stream(RUN_ID)
        before, events = self.state, list[RolloutEvent]()
        with contextlib.suppress(*REFUSALS):
            events += run(
                Streams(self.log).run(ROLLOUT, read_rollout_event, stream, command, causes=CAUSES)
            )
        for event in events:
            self.state = ROLLOUT.evolve(self.state, event)
        assert (self.state == before) is (not events)

    def rebuilt(self) -> RolloutState:
        """Return the state as a restarted process would have it."""
        envelopes = run(self.log.read_events(rollout_stream(RUN_ID)))
        return ROLLOUT.fold(map(read_rollout_event, envelopes))

    @rule(asked=PLANS, at_ns=TIMES)
    def start(self, asked: RunPlan, at_ns: int) -> None:
        """Start the run, perhaps with another plan than before."""
        self.ask(StartRun(plan=asked, at_ns=at_ns))

    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        """Record a phase, perhaps another one, perhaps with what nobody may say."""
        self.ask(data.draw(records(self.state.due)))

    @rule(at_ns=TIMES)
    def go_on(self, at_ns: int) -> None:
        """Do what an honest lane and scheduler would do next."""
        if self.state.started is None:
            self.ask(StartRun(plan=plan(), at_ns=at_ns))
        elif self.state.ended:
            self.ask(FinaliseRun(drift_status="stable", rollback=QUIET, at_ns=at_ns))
        elif self.state.due is None:
            self.ask(CompleteLane(rollback=QUIET, at_ns=at_ns))
        else:
            gates = tuple(row(gate) for gate in REQUIRED_GATES[self.state.due])
            self.ask(RecordPhase(phase=self.state.due, gates=gates, at_ns=at_ns))

    @rule(facts=FACTS, at_ns=TIMES)
    def complete(self, facts: RollbackFacts, at_ns: int) -> None:
        """End the lane, with what a latch may say."""
        self.ask(CompleteLane(rollback=facts, at_ns=at_ns))

    @precondition(lambda self: len(self.state.phases) > 1)
    @rule(at_ns=TIMES, detail=st.text(max_size=5))
    def crash(self, at_ns: int, detail: str) -> None:
        """Let the lane crash."""
        self.ask(CrashLane(detail=detail, at_ns=at_ns))

    @rule(facts=FACTS, drift=DRIFTS, at_ns=TIMES)
    def finalise(self, facts: RollbackFacts, drift: DriftStatus | None, at_ns: int) -> None:
        """Let the safety controls speak."""
        self.ask(FinaliseRun(drift_status=drift, rollback=facts, at_ns=at_ns))

    @rule(facts=FACTS, drift=DRIFTS, at_ns=TIMES)
    def reassess(self, facts: RollbackFacts, drift: DriftStatus | None, at_ns: int) -> None:
        """Let the safety controls of a later cycle speak."""
        self.ask(ReassessRun(drift_status=drift, rollback=facts, at_ns=at_ns))

    @precondition(lambda self: bool(self.asked))
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """Deliver a command a second time, however late."""
        self.ask(data.draw(st.sampled_from(self.asked)))

    @rule()
    def restart(self) -> None:
        """Forget everything but the log."""
        self.state = self.rebuilt()

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """The state in memory is the one that the log leads to."""
        assert self.rebuilt() == self.state

    @invariant()
    def manifest_is_whole_and_the_same_when_rebuilt(self) -> None:
        """Seven phases, the same bytes from the log, and once final never another."""
        if self.state.started is None:
            return
        body = manifest_bytes(manifest_of(self.state))
        manifest = read_manifest(body)
        assert manifest_bytes(manifest_of(self.rebuilt())) == body
        assert [phase.name for phase in manifest.phases] == list(PHASES)
        never_a_pass_with_a_failing_gate(manifest)
        final = final_manifest_of(self.state)
        assert manifest.observation_summary.finalised is (final is not None)
        if final is not None:
            written = manifest_bytes(final)
            assert self.final in (None, written)
            self.final = written
            assert self.state.reassessed is not None or written == body

    @invariant()
    def manifest_keeps_its_contract_for_a_reader(self) -> None:
        """Whatever happens, a reader finds no breach of the contract, and no signed pass."""
        if self.state.started is None:
            return
        body = manifest_bytes(manifest_of(self.state))
        verdict = verify_manifest(body, {}, envelope=None, trusted=(), now_ns=START_NS)
        assert [one for one in verdict.checks if not one.passed and one.breach == "contract"] == []
        assert verdict.exit_code is not ExitCode.YES


def never_a_pass_with_a_failing_gate(manifest: PhaseManifest) -> None:
    """Check what no sequence of commands may ever bring about."""
    for phase in manifest.phases:
        stated = {one.id for one in phase.slo_gates}
        assert stated.issuperset(REQUIRED_GATES[phase.name])
        if phase.status == "pass":
            assert {one.status for one in phase.slo_gates} <= {"pass", "not-applicable"}
        if phase.status == "skip":
            assert phase.name in ("paper-canary", "runtime-governance")
    proof = manifest.rollback_proof
    if not proof.rollback_triggered:
        assert list(proof.paths()) == []
    elif proof.status == "pass":
        assert proof.rollback_incident_evidence_path == INCIDENT_PATH
    failing = [one for one in manifest.phases if one.status == "fail"]
    assert manifest.status == ("fail" if failing else "pass")


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


@given(cut=st.integers(min_value=0, max_value=8), target=st.sampled_from(["paper", "live"]))
def test_run_broken_off_anywhere_and_finalised_is_whole(cut: int, target: Target) -> None:
    commands = whole_run(target=target)
    begun = [*commands[: 1 + cut], CrashLane(detail="killed", at_ns=START_NS)]
    if cut >= 6:
        begun = commands[: 1 + cut]
    body = manifest_after([*begun, commands[-1]])
    manifest = read_manifest(body)

    assert manifest.observation_summary.finalised
    assert manifest.status == ("pass" if cut >= 6 else "fail")
    if cut < 6:
        first = next(one.name for one in manifest.phases if one.status == "fail")
        assert first == LANE_PHASES[min(cut, 4)]


@given(body=st.binary(max_size=60) | st.sampled_from([b"[]", b"null", b"{}", b'{"phases":1}']))
def test_no_bytes_are_a_manifest_by_chance(body: bytes) -> None:
    verdict = verify_manifest(body, {}, envelope=None, trusted=(), now_ns=START_NS)

    assert verdict.exit_code in (ExitCode.CONTRACT, ExitCode.INTEGRITY)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(data=st.data(), value=JSON)
def test_manifest_with_anything_in_place_of_a_part_is_no_signed_pass(
    data: st.DataObject,
    value: JsonValue,
) -> None:
    whole = read_manifest(manifest_after(whole_run())).model_dump(mode="json")
    key = data.draw(st.sampled_from(sorted(whole)))
    body = canonical_bytes({**whole, key: value})
    verdict = verify_manifest(body, {}, envelope=None, trusted=(), now_ns=START_NS)

    assert verdict.exit_code not in (ExitCode.YES, ExitCode.NO)


@given(found=st.binary(max_size=40))
def test_only_the_bytes_that_are_cited_are_evidence(found: bytes) -> None:
    message = incident()
    subject = Subject(run_id=RUN_ID, candidate_id=CANDIDATE)

    assert examine(cited(message, INCIDENT_PATH), file_of(message), subject).fault is None
    assert examine(cited(message, INCIDENT_PATH), found, subject).fault is not None
