"""What a cycle's note says, out of what the cycle found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.governance.cycles.cycle import INTERRUPTED
from torghut.governance.safety.continuity import ContinuityState
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.units import NS_PER_S
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.scheduling.advice import CHANGES_MAX, AdviceNoted
from torghut.schemas.scheduling.cycles import CycleBegan, CycleOutcome
from torghut.schemas.scheduling.note import IterationNote, Throughput
from torghut.workflows.scheduling.governor import CycleAt
from torghut.workflows.scheduling.ports import LaneEnded, Observed
from torghut.workflows.scheduling.steps.drifting import DriftSeen
from torghut.workflows.scheduling.steps.manifests import Published
from torghut.workflows.scheduling.steps.rollback.rolling_back import RolledBack
from torghut.workflows.scheduling.steps.subjects import RunSubject, Subjects

_REMARK: Final = 500
_REMARKS: Final = 50
"""Letters of a remark, and remarks of a note."""

Numbered = Callable[[int], IterationNote]
"""Makes a note of its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a cycle found out and did."""

    observed: Observed
    continuity: ContinuityState
    at_work: bool
    lane: LaneEnded | None
    drift: DriftSeen
    latch: LatchState
    stop_evidence: Evidence | None
    subjects: Subjects
    rolled_back: Sequence[RolledBack]
    published: Mapping[RunSubject, Published]
    remarks: tuple[str, ...]


def outcome_of(findings: Findings) -> tuple[CycleOutcome, str]:
    """Return how a cycle ended, and why."""
    if findings.observed.no_signal is not None:
        return "blocked_no_signal", findings.observed.no_signal
    if findings.lane is None:
        return "lane_completed", "lane-at-work" if findings.at_work else "no-candidate-waiting"
    if findings.lane.failure:
        return "lane_execution_failed", "lane-broke-off"
    return "lane_completed", "lane-ran-through"


def note_of(at: CycleAt, findings: Findings) -> Numbered:
    """Return the note of a cycle, but for its number."""
    outcome, reason = outcome_of(findings)
    current = findings.subjects.current
    published = None if current is None else findings.published.get(current)
    manifest = None if published is None else published.manifest

    def numbered(iteration: int) -> IterationNote:
        return IterationNote(
            iteration=iteration,
            cycle=at.cycle,
            epoch=at.epoch,
            holder=at.holder,
            began_at_ns=at.now_ns,
            outcome=outcome,
            reason=reason,
            no_signal=findings.observed.no_signal,
            phase_manifest=None if published is None else published.evidence,
            manifest_status=_standing(published),
            emergency_stop_evidence=findings.stop_evidence,
            rollback_evidence=_rollback_evidence(findings),
            drift_status=findings.drift.status,
            drift_evidence=_detection(findings.drift),
            continuity_alert=findings.continuity.alert_id is not None,
            requested_promotion_target=(
                None if manifest is None else manifest.requested_promotion_target
            ),
            missing_for_live=(
                () if manifest is None else manifest.observation_summary.missing_for_live
            ),
            throughput=_throughput(findings.observed),
            recommendation_trace_ids=() if findings.lane is None else findings.lane.traces,
            remarks=_cut(tuple(_remarks(findings))),
            advice=_advice(findings.observed),
        )

    return numbered


def interrupted_note(began: CycleBegan) -> Numbered:
    """Return the note of a cycle whose process died in it, but for its number."""

    def numbered(iteration: int) -> IterationNote:
        return IterationNote(
            iteration=iteration,
            cycle=began.cycle,
            epoch=began.epoch,
            holder=began.holder,
            began_at_ns=began.at_ns,
            outcome="lane_execution_failed",
            reason=INTERRUPTED,
            no_signal=None,
            phase_manifest=None,
            manifest_status=None,
            emergency_stop_evidence=None,
            rollback_evidence=None,
            drift_status=None,
            drift_evidence=None,
            continuity_alert=False,
            requested_promotion_target=None,
            missing_for_live=(),
            throughput=Throughput(signals=0, decisions=0, window_ns=0, decisions_per_s=None),
            recommendation_trace_ids=(),
            remarks=("This cycle broke off; what it had on record holds.",),
        )

    return numbered


def _detection(drift: DriftSeen) -> Evidence | None:
    """Return the file that shows what drift there was; None where it could not be written."""
    examined = drift.evidence["drift_last_detection_path"]
    if examined.fault is not None:
        return None
    return Evidence(path=examined.reference.path, sha256=examined.reference.sha256)


def _standing(published: Published | None) -> Literal["pass", "fail", "not-final"] | None:
    """Return what the current manifest says."""
    if published is None:
        return None
    final = published.manifest.observation_summary.finalised
    return published.manifest.status if final else "not-final"


def _throughput(observed: Observed) -> Throughput:
    """Return what the loop got through."""
    seconds = observed.window_ns / NS_PER_S
    return Throughput(
        signals=observed.signals,
        decisions=observed.decisions,
        window_ns=observed.window_ns,
        decisions_per_s=observed.decisions / seconds if seconds > 0 else None,
    )


def _advice(observed: Observed) -> AdviceNoted | None:
    """Return how advice stands; None where nobody could look."""
    seen = observed.advice
    if seen is None:
        return None
    return AdviceNoted(
        mode=seen.mode,
        deterministic_only=seen.deterministic_only,
        changes=tuple(seen.changed[-CHANGES_MAX:]),
        changes_before=max(0, len(seen.changed) - CHANGES_MAX),
        counts=seen.counts,
        rollback=seen.rollback,
    )


def _remarks(findings: Findings) -> Iterator[str]:
    """Yield what else a reader should know."""
    lane, latch = findings.lane, findings.latch
    if lane is not None and lane.failure:
        yield f"lane: {lane.failure}"
    if latch.incident is not None:
        triggers = ", ".join(sorted(latch.incident.triggers))
        yield f"stopped by {triggers}: {latch.incident.incident_id}"
    yield from _unwell(findings.drift)
    for one in findings.rolled_back:
        for line in one.remarks:
            yield named(one.run, line, findings.subjects)
    yield from _others(findings)
    yield from findings.remarks


def named(run: RunSubject, line: str, subjects: Subjects) -> str:
    """Return a remark on a run, which names it unless it is the one that the note is about."""
    return line if run == subjects.current else f"{run.name}: {line}"


def _others(findings: Findings) -> Iterator[str]:
    """Yield how the runs stand that are governed beside the current one, and what shows that."""
    for one in findings.rolled_back:
        said = findings.published.get(one.run)
        if said is None or one.run == findings.subjects.current:
            continue
        manifest = said.manifest
        why = manifest.runtime_governance.reason or manifest.rollback_proof.reason
        serves = "serves" if one.run in findings.subjects.serving else "does not serve"
        shown = f", {one.evidence.path}" if one.evidence is not None else ""
        yield (
            f"{one.run.name} of {manifest.candidate_id} {serves}: {manifest.status}"
            f"{f', {why}' if why else ''}{shown}"
        )


def _rollback_evidence(findings: Findings) -> Evidence | None:
    """Return what shows the rollback of the current run, else of another one."""
    first = sorted(findings.rolled_back, key=lambda one: one.run != findings.subjects.current)
    return next((one.evidence for one in first if one.evidence is not None), None)


def _cut(remarks: Sequence[str]) -> tuple[str, ...]:
    """Return as many remarks as a note has room for; the last one says how many more there are."""
    more = len(remarks) - _REMARKS
    if more > 0:
        remarks = (*remarks[: _REMARKS - 1], f"and {more + 1} more remarks")
    return tuple(one[:_REMARK] for one in remarks)


def _unwell(drift: DriftSeen) -> Iterator[str]:
    """Yield what drifted, and what could not be measured."""
    for finding in drift.verdict.findings:
        if finding.code is not None:
            yield f"drift: {finding.check}: {finding.code}"
