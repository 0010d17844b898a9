"""The five phases of the lane: what each measures, and the rows that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torghut.evals.figures import figure
from torghut.schemas.governing.drift_evidence import DriftJudged
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.rollout.lane import RollbackReadiness, StrategyPatch
from torghut.schemas.rollout.manifest import Observation
from torghut.schemas.rollout.phases import CANARY_GATE, Target
from torghut.workflows.lane.evidence import RunFiles, not_applicable
from torghut.workflows.lane.gates import (
    CHAINED,
    chain_figure,
    drift_figure,
    missing_checks,
    patch_figure,
    readiness_figure,
)
from torghut.workflows.lane.ports import Admission, DriftFound, Evaluated, LaneWork, Rehearsed
from torghut.workflows.lane.stages import chain_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseDone:
    """What a phase came to.

    Attributes:
        gates: Its rows.
        inputs: What it used.
        outputs: What it wrote besides the evidence that its rows cite.
        observations: ``reason`` among them, if any.
    """

    gates: tuple[GateRow, ...]
    inputs: Sequence[EvidenceReference] = ()
    outputs: Sequence[EvidenceReference] = ()
    observations: Mapping[str, Observation] = field(default_factory=dict)

    @property
    def cited(self) -> Sequence[EvidenceReference]:
        """Everything that it leaves behind."""
        return [*self.outputs, *(one for row in self.gates for one in row.evidence)]


def evaluation_done(files: RunFiles, evaluated: Evaluated, inputs: EvidenceReference) -> PhaseDone:
    """Return gate evaluation: the counts and every promotion gate of the judgement."""
    return PhaseDone(
        gates=tuple(files.row(one) for one in evaluated.figures),
        inputs=(inputs,),
        outputs=(inputs, *evaluated.artifacts),
        observations=evaluated.observations,
    )


def prerequisites_done(
    files: RunFiles, required: Sequence[EvidenceReference], intact: tuple[int, int]
) -> PhaseDone:
    """Return promotion prerequisites: what is required, read again, the candidate's own bytes too.

    Args:
        files: Of the run.
        required: Artifacts without which there is nothing to promote on.
        intact: How many packages and declarations are there as named, of how many.
    """
    examined = files.examine(required)
    faults = [one for one in examined if one.fault is not None]
    found = len(examined) - len(faults) + intact[0]
    wanted = len(examined) + intact[1]
    first = f"artifact-{faults[0].fault}" if faults else "candidate-not-intact"
    measured = figure(
        "slo_required_artifacts_present",
        (float(found), ">=", float(wanted)),
        unit="artifacts",
        n=wanted,
        reason=first,
    )
    return PhaseDone(gates=(files.row(measured),), inputs=tuple(required))


def readiness_done(
    files: RunFiles, rehearsed: Rehearsed, admission: Admission, target: Target, now_ns: int
) -> PhaseDone:
    """Return rollback readiness: every switch tried just now, and something to go back to."""
    readiness = RollbackReadiness(
        run_id=files.run_id,
        switches=tuple(rehearsed.switches),
        rehearsed_at_ns=rehearsed.at_ns,
        rollback_target=admission.rollback_target,
        approver=admission.approver,
    )
    shown = [files.keep(readiness, "readiness.json")]
    if rehearsed.details is not None:
        shown.append(files.keep(rehearsed.details, "switch-rehearsals.json"))
    measured = readiness_figure(readiness, target, now_ns)
    missing = missing_checks(readiness, target, now_ns)
    slowest = max((one.elapsed_ms for one in rehearsed.switches), default=0.0)
    return PhaseDone(
        gates=(files.row(measured, *shown),),
        outputs=shown,
        observations={"slowest_switch_ms": slowest, "missing_checks": ", ".join(missing)[:500]},
    )


def drift_done(
    files: RunFiles, drift: DriftFound, target: Target, now_ns: int, *, max_age_ms: int
) -> PhaseDone:
    """Return the drift gate, and the verdict that it rests on as it stands on record."""
    judged = DriftJudged(
        run_id=files.run_id,
        verdict=drift.verdict,
        withheld=drift.withheld,
        looked_at_ns=now_ns,
        max_age_ms=max_age_ms,
    )
    shown = files.keep(judged, "drift-judged.json")
    return PhaseDone(
        gates=(files.row(drift_figure(judged, target), shown),), inputs=(shown,), outputs=(shown,)
    )


def canary_done(
    files: RunFiles, work: LaneWork, admission: Admission, *, passed: bool, lineage: str
) -> PhaseDone:
    """Return the paper canary: the strategy patch, where everything before it passed.

    Args:
        files: Of the run.
        work: Of the run.
        admission: Of the run.
        passed: Whether every phase before passed.
        lineage: Digest of the run's inputs, from which the chain of stages begins.
    """
    faults = list(chain_faults(files.store, files.folder, lineage, CHAINED))
    chain = files.row(chain_figure(len(faults)))
    patch = _patch(files, work, admission) if passed and not faults else None
    if patch is None and admission.target == "live":
        return PhaseDone(gates=(not_applicable(CANARY_GATE, "live-target"), chain))
    shown = () if patch is None else (files.keep(patch, "strategy-patch.json"),)
    own = files.row(patch_figure(len(shown)), *shown)
    return PhaseDone(gates=(own, chain), outputs=shown)


def _patch(files: RunFiles, work: LaneWork, admission: Admission) -> StrategyPatch:
    """Return the change that the candidate asks for."""
    terms = work.patch
    cap = terms.notional_cap
    if admission.notional_cap is not None:
        cap = min(cap, admission.notional_cap)
    return StrategyPatch(
        run_id=files.run_id,
        candidate_id=files.candidate_id,
        candidate=work.submission.asked.candidate,
        replaces=terms.replaces,
        replaces_declarations=terms.replaces_declarations,
        symbols=terms.symbols,
        target=admission.target,
        notional_cap=cap,
    )
