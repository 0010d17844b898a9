"""Evidence of drift is written once, under its own digest, and says what was on record."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.decisions.logs import in_memory
from tests.support.governance.governing import SECOND_NS, drift_policy
from tests.support.lane.drifting import (
    ABOUT,
    END_NS,
    detected,
    events_after,
    measured,
    verdict_on,
    written,
)
from tests.support.lane.rollouts import CANDIDATE, RUN_ID
from torghut.artifacts.errors import ArtifactExistsError
from torghut.drift.verdicts import judge_drift
from torghut.governance.rollouts.evidence import EvidenceFault, Subject, examine
from torghut.governance.safety.drift_actions import DRIFT_ACTIONS, TakeVerdict
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.drift_evidence import (
    DriftActionRecord,
    DriftDetection,
    DriftOutcome,
)
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.publish import MODELS
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.types import Message
from torghut.schemas.upcasting import read_message
from torghut.workflows.drift.evidence import About, write_action, write_detection
from torghut.workflows.drift.measuring import WindowAsked, measure

KINDS = ("detection", "action", "outcome")


def read(store: InMemoryArtifacts, reference: EvidenceReference) -> Message:
    """Return what ``reference`` cites."""
    return read_message(store.read(reference.path), MODELS)


def test_each_file_is_named_by_its_own_bytes_in_the_folder_of_its_run() -> None:
    store = InMemoryArtifacts()

    for kind, reference in zip(KINDS, written(store), strict=True):
        body = store.read(reference.path)
        assert reference.path == f"drift/{RUN_ID}/{sha256_hex(body)}-{kind}.json"
        assert reference.sha256 == sha256_hex(body)
        assert reference.schema_ == f"drift.{kind}.v1"


def test_action_says_what_was_triggered_and_cites_the_verdict() -> None:
    store = InMemoryArtifacts()
    detection, action, outcome = written(store)

    record, ended = read(store, action), read(store, outcome)

    assert isinstance(record, DriftActionRecord)
    assert isinstance(ended, DriftOutcome)
    assert (record.detection.path, record.detection.sha256) == (detection.path, detection.sha256)
    assert [(step.action, step.decision) for step in record.steps] == [
        ("reselection", "triggered"),
        ("rollback", "demanded"),
    ]
    assert ended.action.sha256 == action.sha256
    assert ended.action_id == record.steps[0].action_id
    assert ended.outcome == "completed"


def test_action_that_rests_is_recorded_as_withheld() -> None:
    store = InMemoryArtifacts()
    drifted = measured({"data_duplicate_ratio_exceeded": reading_of(0.06, samples=990)})
    later = TakeVerdict(
        evaluation=2,
        at_ns=END_NS + SECOND_NS,
        verdict=verdict_on(drifted),
        candidate=None,
        policy=drift_policy(),
    )
    events = DRIFT_ACTIONS.decide(later, DRIFT_ACTIONS.fold(events_after(drifted)))

    reference = write_action(
        store, ABOUT, detected(store, drifted), events, evaluation=2, at_ns=later.at_ns
    )

    record = read(store, reference)
    assert isinstance(record, DriftActionRecord)
    assert [(one.action, one.decision, one.action_id) for one in record.steps] == [
        ("retrain", "withheld", None)
    ]
    assert record.steps[0].rests_until_ns is not None
    assert record.steps[0].rests_until_ns > later.at_ns


def test_of_a_stable_window_nothing_follows_and_that_is_on_file() -> None:
    store, stable = InMemoryArtifacts(), measured()

    reference = write_action(
        store, ABOUT, detected(store, stable), events_after(stable), evaluation=1, at_ns=END_NS
    )

    record = read(store, reference)
    assert isinstance(record, DriftActionRecord)
    assert record.steps == ()


def test_same_again_changes_nothing_and_anything_else_has_another_name() -> None:
    store = InMemoryArtifacts()
    first, again = detected(store), detected(store)
    later = detected(store, at_ns=END_NS + SECOND_NS)

    assert first == again
    assert later.path != first.path


def test_file_in_the_place_of_another_is_refused() -> None:
    store = InMemoryArtifacts()
    reference = detected(store)
    store.replace(reference.path, b"{}")

    with pytest.raises(ArtifactExistsError):
        detected(store)


@pytest.mark.parametrize("place", range(3), ids=KINDS)
@pytest.mark.parametrize(
    ("run_id", "candidate_id", "fault"),
    [
        (RUN_ID, CANDIDATE, None),
        ("another-run", CANDIDATE, EvidenceFault.STALE),
        (RUN_ID, "another-candidate", EvidenceFault.STALE),
    ],
)
def test_examination_refuses_what_is_about_another_run_or_candidate(
    place: int, run_id: str, candidate_id: str, fault: EvidenceFault | None
) -> None:
    store = InMemoryArtifacts()
    reference = written(store)[place]
    subject = Subject(run_id=run_id, candidate_id=candidate_id)

    assert examine(reference, store.read(reference.path), subject).fault == fault


def test_measured_window_of_a_log_is_kept_whole() -> None:
    store, policy = InMemoryArtifacts(), drift_policy()

    async def kept() -> EvidenceReference:
        log = await in_memory()
        found = await measure(log, WindowAsked(subject="run"), policy)
        verdict = judge_drift(found.window, policy)
        return write_detection(
            store, About(run_id="r", candidate_id="c"), found, verdict, at_ns=2**62
        )

    detection = read(store, asyncio.run(kept()))

    assert isinstance(detection, DriftDetection)
    assert detection.verdict.subject == "run"
    assert len(detection.heads) == 1
    assert len(detection.observations) == 3
