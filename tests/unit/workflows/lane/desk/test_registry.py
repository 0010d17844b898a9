"""What a live target takes: each thing that is missing is named, and evidence is only as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Final, cast

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.approving import CANDIDATE
from tests.support.governance.governing import (
    BEYOND,
    SECOND_NS,
    START_NS,
    drift_policy,
    safety_policy,
)
from tests.support.governance.promoting import (
    ROLLED_OUT,
    claim,
    fingerprint_of,
    office,
    record_runs,
    shown,
    signing,
)
from tests.support.governance.staging import arrived, built_roadmap
from tests.support.lane.drifting import END_NS, detected, measured
from tests.support.lane.queueing import asked
from tests.support.lane.rollouts import evidence_files
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.cycles.cycle import BeginCycle, EndCycle
from torghut.governance.notes.note import note_path, read_note, render_note
from torghut.governance.safety.continuity import ObserveCycle
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.fields import Evidence, reading_of
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.schemas.rollout.lane import CandidateSpec, LaneInputs
from torghut.schemas.rollout.phases import Target
from torghut.schemas.scheduling.note import IterationNote, Throughput
from torghut.workflows.aggregates import CYCLE_RECORD, SIGNALS, Governance
from torghut.workflows.approving.answering import (
    answer_approval,
    promotion_asked,
    request_approval,
)
from torghut.workflows.approving.grounds import RecordedGrounds
from torghut.workflows.approving.promoting import register_candidate
from torghut.workflows.drift.evidence import About
from torghut.workflows.drift.measuring import Measured
from torghut.workflows.lane.desk.registry import Registry
from torghut.workflows.lane.naming import candidate_id_of
from torghut.workflows.lane.ports import Admission, Evaluating, LaneWork, PatchTerms
from torghut.workflows.staging.moving import STAGE_STREAM
from torghut.workflows.streams import Streams

CAP: Final = Decimal(25_000)
SPEC: Final = CandidateSpec(
    kind="package", router="index-daily", package=CANDIDATE, declarations=None
)
LIVE_STAGE: Final = 4
AFTER_S: Final = (END_NS - START_NS) // SECOND_NS + 60


def work(replaces: str | None = "ab" * 32) -> LaneWork:
    """Return work of which only what it replaces is looked at."""
    terms = PatchTerms(
        symbols=("a",), notional_cap=1.0, replaces=replaces, replaces_declarations=None
    )

    async def intact() -> tuple[int, int]:
        return 0, 0

    return LaneWork(
        submission=submission(),
        inputs=cast("LaneInputs", None),
        evaluate=cast("Evaluating", None),
        intact=intact,
        patch=terms,
    )


def submission(target: Target = "live") -> CandidateSubmitted:
    """Return a submission of the candidate."""
    wanted = asked().model_dump(mode="json") | {
        "candidate": SPEC.model_dump(mode="json"),
        "target": target,
    }
    return CandidateSubmitted.model_validate(
        {"submission": 1, "asked": wanted, "at_ns": str(START_NS)}
    )


@dataclass
class World:
    """Everything that a live target takes, but for what a test leaves out."""

    log: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    store: InMemoryArtifacts = field(default_factory=lambda: InMemoryArtifacts(evidence_files()))
    allow_live: bool = True
    after_s: int = AFTER_S

    @property
    def governance(self) -> Governance:
        """The streams."""
        return Governance(streams=Streams(self.log), causes=CAUSES)

    def approve(self) -> None:
        """Let the candidate be approved."""
        run(
            register_candidate(
                Streams(self.log), "index-daily", ROLLED_OUT, run_id="run-1", at_ns=START_NS
            )
        )
        record_runs(self.log)
        claim(self.log)
        place = office(self.log)
        manifest = shown()
        approval = run(
            request_approval(
                place,
                manifest,
                promotion_asked(manifest, CANDIDATE, CAP),
                author=fingerprint_of("author"),
                reason="better",
                sign=signing("author"),
            )
        )
        expires = place.now_ns + 24 * 3600 * SECOND_NS
        grant = partial(answer_approval, place, approval, "grant", sign=signing("ben"))
        run(grant(expires_at_ns=expires))

    def climb(self, stage: int = LIVE_STAGE) -> None:
        """Let the rollout have come to a stage."""
        events = arrived(stage).events()
        run(self.log.append_events(STAGE_STREAM, events, expected_version=0, causes=CAUSES))

    def cycle(self, found: Measured | None = None, *, candidate: str | None = None) -> None:
        """Let a cycle have measured drift, and its note say where that stands."""
        about = About(run_id="run-1", candidate_id=candidate or candidate_id_of(SPEC))
        shown_by = detected(self.store, found, about=about)
        evidence = Evidence(path=shown_by.path, sha256=shown_by.sha256)
        note = IterationNote(
            iteration=1,
            cycle=1,
            epoch=1,
            holder="one",
            began_at_ns=END_NS,
            outcome="lane_completed",
            reason="no-candidate-waiting",
            no_signal=None,
            phase_manifest=None,
            manifest_status=None,
            emergency_stop_evidence=None,
            rollback_evidence=None,
            drift_status="stable",
            drift_evidence=evidence,
            continuity_alert=False,
            requested_promotion_target=None,
            missing_for_live=(),
            throughput=Throughput(signals=0, decisions=0, window_ns=0, decisions_per_s=None),
            recommendation_trace_ids=(),
            remarks=(),
        )
        body = render_note(note)
        self.store.create(note_path(1), body)
        begin = BeginCycle(cycle=1, epoch=1, holder="one", policies="ab" * 32, at_ns=END_NS)
        end = EndCycle(
            cycle=1,
            outcome="lane_completed",
            reason="no-candidate-waiting",
            note=Evidence(path=note_path(1), sha256=sha256_hex(body)),
            at_ns=END_NS,
        )
        run(self.governance.run(CYCLE_RECORD, begin))
        run(self.governance.run(CYCLE_RECORD, end))

    def silence(self) -> None:
        """Let signals be missing until an alert stands."""
        for number in range(1, 5):
            command = ObserveCycle(
                cycle=number,
                at_ns=START_NS + number,
                session="open",
                signals=0,
                reason="source-silent",
                policy=safety_policy().continuity,
            )
            run(self.governance.run(SIGNALS, command))

    def admitted(self, target: Target = "live", replaces: str | None = "ab" * 32) -> Admission:
        """Return what a run of the candidate is admitted for now."""
        registry = Registry(
            office=office(self.log, after_s=self.after_s),
            grounds=RecordedGrounds(
                governance=self.governance,
                roadmap=built_roadmap(),
                allow_live=self.allow_live,
                drift=drift_policy(),
                store=self.store,
            ),
            roadmap=built_roadmap(),
        )
        return run(registry.admit(submission(target), work(replaces)))


def whole() -> World:
    """Return a world in which nothing is missing."""
    world = World()
    world.approve()
    world.climb()
    world.cycle()
    return world


def missing(world: World) -> Sequence[str]:
    """Return what is missing for live, where the target was lowered for it."""
    admission = world.admitted()
    assert admission.target == ("paper" if admission.missing else "live")
    assert (admission.notional_cap is None) == bool(admission.missing)
    return admission.missing


def test_live_takes_everything_at_once() -> None:
    admission = whole().admitted()

    assert (admission.target, admission.missing) == ("live", ())
    assert admission.approver == "production"
    assert admission.notional_cap is not None
    assert admission.notional_cap <= float(CAP), "no more than was approved, and than is given"
    assert admission.rollback_target == f"index-daily@{'ab' * 6}"


def test_paper_takes_nothing() -> None:
    admission = World(allow_live=False).admitted("paper", None)

    assert (admission.target, admission.missing, admission.approver) == ("paper", (), None)
    assert admission.rollback_target == "defensive-weights"


def test_each_thing_that_is_missing_is_named() -> None:
    assert missing(World(allow_live=False)) == (
        "live-not-allowed",
        "approvals-not-requested",
        "drift-evidence-missing",
        "stage-allows-paper-only",
    )


def test_one_thing_that_is_missing_is_enough() -> None:
    world = whole()
    world.allow_live = False
    assert missing(world) == ("live-not-allowed",)

    world = whole()
    world.silence()
    assert missing(world) == ("continuity-alert",)

    world = World()
    world.approve()
    world.cycle()
    world.climb(LIVE_STAGE - 1)
    assert missing(world) == ("stage-allows-paper-only",)

    world = World()
    world.climb()
    world.cycle()
    assert missing(world) == ("approvals-not-requested",)


def test_approval_that_has_expired_is_none() -> None:
    world = whole()
    world.after_s = 24 * 3600

    assert "approvals-expired" in missing(world)


# --- the chain from the record to the note to the evidence --------------------------------------


def test_note_that_is_not_the_one_on_record_shows_nothing() -> None:
    world = whole()
    body = world.store.read(note_path(1))
    world.store.replace(note_path(1), body + b"\n")

    assert missing(world) == ("drift-evidence-missing",)


def test_evidence_that_is_not_the_one_in_the_note_shows_nothing() -> None:
    world = whole()
    shown_by = read_note(world.store.read(note_path(1))).drift_evidence
    assert shown_by is not None
    world.store.replace(
        shown_by.path, world.store.read(shown_by.path).replace(b"stable", b"STABLE")
    )

    assert missing(world) == ("drift-evidence-missing",)


@pytest.mark.parametrize("kept", ["note", "evidence"])
def test_file_that_is_gone_shows_nothing(kept: str) -> None:
    world = whole()
    cited = read_note(world.store.read(note_path(1))).drift_evidence
    assert cited is not None
    gone = note_path(1) if kept == "evidence" else cited.path
    files = {path: world.store.read(path) for path in (note_path(1), cited.path) if path != gone}
    world.store = InMemoryArtifacts(files)

    assert missing(world) == ("drift-evidence-missing",)


def test_evidence_of_another_candidate_or_too_old_or_of_drift_does_not_count() -> None:
    other, old, drifted = World(), whole(), World()
    for world in (other, drifted):
        world.approve()
        world.climb()
    other.cycle(candidate="package-other")
    loss = reading_of(BEYOND["performance_drawdown_exceeded"], samples=1000)
    drifted.cycle(measured({"performance_drawdown_exceeded": loss}))
    old.after_s = AFTER_S + 1800

    assert missing(other) == ("drift-evidence-of-another-candidate",)
    assert missing(drifted) == ("drift-evidence-not-stable",)
    assert missing(old) == ("drift-evidence-stale",)
    assert replace(old, after_s=AFTER_S).admitted().target == "live"


def test_cycle_under_way_does_not_hide_the_one_before() -> None:
    world = whole()
    begin = BeginCycle(cycle=2, epoch=1, holder="one", policies="ab" * 32, at_ns=END_NS + SECOND_NS)
    run(world.governance.run(CYCLE_RECORD, begin))

    assert missing(world) == ()
