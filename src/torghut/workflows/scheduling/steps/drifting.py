"""A cycle's look at drift: measured on what the loop did, judged, acted on, and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from torghut.drift.verdicts import judge_drift
from torghut.governance.rollouts.evidence import Examined, Subject, examine
from torghut.governance.safety.drift_actions import TakeVerdict
from torghut.schemas.governing.drift import ActionWithheld, DriftEvent, DriftVerdict
from torghut.schemas.governing.rollback import EvidenceName
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.run import DriftStatus
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.drift.calling import status_called
from torghut.workflows.drift.evidence import About, write_action, write_detection
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.governor import MS, CycleAt, Governor
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.keeping import Keeping
from torghut.workflows.scheduling.steps.subjects import Subjects

LOOP: Final = Subject(run_id="loop", candidate_id="loop")
"""What is measured while no candidate was ever run."""

_STEPS: Final = 4
"""In which the beginning of a window moves on by its whole length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen:
    """What a cycle knows of drift.

    Attributes:
        about: What it is shown about first.
        status: As the manifest says it.
        measured: Of the whole loop.
        verdict: Of all checks.
        events: What that put on record.
        evaluation: Its number there.
        evidence: The files that show it, as they were examined after they were written.
        remarks: For the note.
    """

    about: Subject
    status: DriftStatus
    measured: Measured
    verdict: DriftVerdict
    events: Sequence[DriftEvent]
    evaluation: int
    evidence: Mapping[EvidenceName, Examined]
    remarks: tuple[str, ...] = ()


async def look_for_drift(
    governor: Governor, at: CycleAt, observed: Observed, subjects: Subjects
) -> DriftSeen:
    """Measure and judge drift, put on record what follows from it, and keep what shows it.

    It is measured once, on all that the loop did: what decided there is every candidate that
    serves, and performance that drifts demands that each of them goes.
    """
    runs = (*filter(None, [subjects.current]), *subjects.serving)
    about = runs[0].subject if runs else LOOP
    policy = governor.policies.scheduler
    lives_ns = max((one.lifetime_ns for one in observed.symbols.values()), default=0)
    window_ns = max(policy.window_ms * MS, policy.window_lifetimes * lives_ns)
    asked = WindowAsked(
        subject=about.run_id, from_ns=begin_of(at.now_ns, window_ns), to_ns=at.now_ns
    )
    measured = await governor.drift.measure(asked)
    verdict = judge_drift(measured.window, governor.policies.drift)
    before = (await governor.governance.state(DRIFT)).last
    command = TakeVerdict(
        evaluation=1 if before is None else before.evaluation + 1,
        at_ns=at.now_ns,
        verdict=verdict,
        candidate=next(iter(subjects.exposed), None),
        policy=governor.policies.drift,
        others=subjects.exposed[1:],
    )
    events = await governor.governance.run(DRIFT, command)
    withheld = any(isinstance(event, ActionWithheld) for event in events)
    seen = DriftSeen(
        about=about,
        status=status_called(verdict.status, withheld=withheld),
        measured=measured,
        verdict=verdict,
        events=events,
        evaluation=command.evaluation,
        evidence={},
    )
    keeping = Keeping(store=governor.store)
    evidence = _show(governor, at, seen, about, keeping)
    return replace(
        seen, evidence=evidence, remarks=tuple(f"drift: {fault}" for fault in keeping.faults)
    )


def show_drift(
    governor: Governor, at: CycleAt, seen: DriftSeen, about: Subject
) -> Mapping[EvidenceName, Examined]:
    """Keep what shows what a cycle knows of drift as evidence about a run, and return it."""
    if about == seen.about:
        return seen.evidence
    return _show(governor, at, seen, about, Keeping(store=governor.store))


def _show(
    governor: Governor, at: CycleAt, seen: DriftSeen, about: Subject, keeping: Keeping
) -> Mapping[EvidenceName, Examined]:
    """Write what was detected, and what was done about it."""
    named = About(run_id=about.run_id, candidate_id=about.candidate_id)
    window = replace(seen.measured.window, subject=about.run_id)
    verdict = judge_drift(window, governor.policies.drift)
    detection = write_detection(keeping, named, seen.measured, verdict, at_ns=at.now_ns)
    action = write_action(
        keeping,
        named,
        detection,
        seen.events,
        evaluation=seen.evaluation,
        at_ns=at.now_ns,
    )
    return {
        "drift_last_detection_path": _examined(governor, detection, about),
        "drift_last_action_path": _examined(governor, action, about),
    }


def begin_of(now_ns: int, window_ns: int) -> int:
    """Return where a window that ends now begins: as long ago as declared, or a little more.

    It begins at a whole part of its length on the receive clock. So between two of them it only
    grows at its end, and what was measured of it holds.

    Example:
        >>> [begin_of(now_ns, 400) for now_ns in (1000, 1099, 1100)]
        [600, 600, 700]
    """
    step_ns = max(1, window_ns // _STEPS)
    return max(0, (now_ns - window_ns) // step_ns * step_ns)


def _examined(governor: Governor, cited: EvidenceReference, about: Subject) -> Examined:
    """Return what is to be thought of a file that was just written."""
    return examine(cited, read_found(governor.store, cited.path), about)
