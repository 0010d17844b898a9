"""What tests of drift evidence share: a window measured, its verdict, and what followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.support.governance.governing import (
    DIGEST,
    SECOND_NS,
    START_NS,
    drift_policy,
    drift_window,
)
from tests.support.lane.rollouts import CANDIDATE, RUN_ID
from torghut.artifacts.ports import ArtifactStore
from torghut.drift.verdicts import judge_drift
from torghut.eventlog.block import Head
from torghut.governance.safety.drift_actions import DRIFT_ACTIONS, EndAction, TakeVerdict
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.drift import ActionEnded, DriftEvent, DriftVerdict
from torghut.schemas.governing.drift_evidence import DriftDetection, DriftObservation
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.upcasting import read_message
from torghut.workflows.drift.evidence import About, write_action, write_detection, write_outcome
from torghut.workflows.drift.measuring import Measured

ABOUT: Final = About(run_id=RUN_ID, candidate_id=CANDIDATE)
END_NS: Final = START_NS + 3600 * SECOND_NS
"""When the window of these tests ends."""


def measured(changes: Mapping[DriftCode, Reading] | None = None) -> Measured:
    """Return a window in which nothing drifts, but for ``changes``."""
    off: dict[DriftCode, Reading] = {"model_llm_error_ratio_exceeded": declared_off(DIGEST)}
    alarms = reading_of(1 / 6, samples=6)
    return Measured(
        window=drift_window({**off, **(changes or {})}),
        observations=(
            DriftObservation(
                name="feature_distribution_alarm_ratio",
                reading=alarms,
                unit="ratio",
                limit=0.34,
                beyond=False,
                says="fxcm:EURUSD spread level up",
            ),
        ),
        heads=(Head(partition=0, number=7, digest=DIGEST),),
        contexts=1000,
        decisions=990,
        last_ns=END_NS - SECOND_NS,
    )


def verdict_on(found: Measured) -> DriftVerdict:
    """Return the verdict under the shipped policy."""
    return judge_drift(found.window, drift_policy())


def detected(
    store: ArtifactStore,
    found: Measured | None = None,
    *,
    about: About = ABOUT,
    at_ns: int = END_NS,
) -> EvidenceReference:
    """Keep a detection and return how it is cited."""
    found = found or measured()
    return write_detection(store, about, found, verdict_on(found), at_ns=at_ns)


def events_after(found: Measured, at_ns: int = END_NS) -> Sequence[DriftEvent]:
    """Return what the drift actions put on record for a window of an exposed candidate."""
    command = TakeVerdict(
        evaluation=1,
        at_ns=at_ns,
        verdict=verdict_on(found),
        candidate=DIGEST,
        policy=drift_policy(),
    )
    return DRIFT_ACTIONS.decide(command, DRIFT_ACTIONS.initial)


def ended_after(events: Sequence[DriftEvent], action_id: str) -> ActionEnded:
    """Return the end of an action that ``events`` triggered."""
    command = EndAction(
        action_id=action_id, outcome="completed", evidence=None, at_ns=END_NS + SECOND_NS
    )
    (ended,) = DRIFT_ACTIONS.decide(command, DRIFT_ACTIONS.fold(events))
    assert isinstance(ended, ActionEnded)
    return ended


def written(store: ArtifactStore) -> tuple[EvidenceReference, EvidenceReference, EvidenceReference]:
    """Keep all three files of one drift: a performance code, so a reselection and a rollback."""
    found = measured({"performance_drawdown_exceeded": reading_of(0.09, samples=990)})
    detection, events = detected(store, found), events_after(found)
    action = write_action(store, ABOUT, detection, events, evaluation=1, at_ns=END_NS)
    (action_id,) = [
        event.action_id for event in events if event.type == "drift.action-triggered.v1"
    ]
    outcome = write_outcome(store, ABOUT, action, ended_after(events, action_id))
    return detection, action, outcome


def detection_at(store: ArtifactStore, reference: EvidenceReference) -> DriftDetection:
    """Return the detection that ``reference`` cites."""
    models = {"drift.detection.v1": DriftDetection}
    return read_message(store.read(reference.path), models)
