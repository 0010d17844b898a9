"""What the lane's own gates come to, out of what an artifact says: for the lane and for reviewers.

Whoever holds a run's artifacts gets the same figures from them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from torghut.evals.figures import GateFigure, figure
from torghut.kernel.digests import sha256_hex
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.governing.drift_evidence import DriftJudged
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.rollout.evaluation import ContaminationVerdict, EvaluationVerdict
from torghut.schemas.rollout.gates import SHORT_OF
from torghut.schemas.rollout.lane import RollbackReadiness
from torghut.schemas.rollout.phases import CANARY_GATE, DRIFT_GATE, LANE_PHASES, Target
from torghut.workflows.drift.calling import status_called

REHEARSED: Final[tuple[SwitchName, ...]] = get_args(SwitchName)
"""The hard switches without which no candidate can be taken back."""

REHEARSAL_MAX_NS: Final = 72 * 3600 * 1_000_000_000
"""A rehearsal that is older shows nothing about what runs now."""

CHAINED: Final = len(LANE_PHASES) - 1
"""Links that the chain of stages has when the last phase of the lane looks at it."""

_SEED_DIGITS: Final = 8


def seed_of(run_id: str) -> int:
    """Return the seed of a run's draws: the same inputs draw the same."""
    return int(sha256_hex(run_id.encode())[:_SEED_DIGITS], 16)


def recommended(
    verdict: EvaluationVerdict, contamination: ContaminationVerdict, *, reproducible: bool
) -> str:
    """Return what is recommended: what cannot be believed is refused, whatever it earned."""
    return verdict if contamination == "clean" and reproducible else "refuse"


def count_figures(
    policy: EvaluationPolicy, *, signals: int, decisions: int
) -> Sequence[GateFigure]:
    """Return the two counts that the contract names."""
    fewest, least = policy.minimums.signals, policy.minimums.decisions
    return [
        figure(
            "slo_signal_count_minimum",
            (float(signals), ">=", float(fewest)),
            unit="signals",
            n=signals,
            reason=f"{SHORT_OF}{fewest}",
        ),
        figure(
            "slo_decision_count_minimum",
            (float(decisions), ">=", float(least)),
            unit="decisions",
            n=decisions,
            reason=f"{SHORT_OF}{least}",
        ),
    ]


def readiness_figure(readiness: RollbackReadiness, target: Target, now_ns: int) -> GateFigure:
    """Return whether a candidate could be taken back, as of ``now_ns``."""
    missing = missing_checks(readiness, target, now_ns)
    wanted = len(REHEARSED) + 2 + (target == "live")
    return figure(
        "slo_required_rollback_checks_present",
        (float(wanted - len(missing)), ">=", float(wanted)),
        unit="checks",
        n=wanted,
        reason=missing[0] if missing else "",
    )


def missing_checks(readiness: RollbackReadiness, target: Target, now_ns: int) -> Sequence[str]:
    """Return which rollback checks are missing, as codes."""
    works = {one.name for one in readiness.switches if one.effective and one.restored}
    age_ns = now_ns - readiness.rehearsed_at_ns
    checks = {
        **{f"switch-not-rehearsed-{name}": name in works for name in REHEARSED},
        "rehearsal-stale": 0 <= age_ns <= REHEARSAL_MAX_NS,
        "rollback-target-missing": readiness.rollback_target is not None,
    }
    if target == "live":
        checks["approver-missing"] = readiness.approver is not None
    return [code for code, held in checks.items() if not held]


def chain_figure(faults: int) -> GateFigure:
    """Return whether the stages of a run hang together."""
    return figure(
        "lineage_chain_faults_maximum",
        (float(faults), "<=", 0.0),
        unit="faults",
        n=CHAINED,
        reason="lineage-broken",
    )


def drift_figure(judged: DriftJudged, target: Target) -> GateFigure:
    """Return whether drift lets a run on: a verdict that says stable, and for live a fresh one."""
    taken = judged.verdict
    called = None
    if taken is not None:
        called = status_called(taken.verdict.status, withheld=judged.withheld)
    reason = "drift-not-judged" if called is None else f"drift-{called}"
    stale = False
    if taken is not None and called == "stable" and target == "live":
        age_ns = judged.looked_at_ns - taken.at_ns
        stale = not 0 <= age_ns <= judged.max_age_ms * NS_PER_MS
        reason = "drift-verdict-stale"
    return figure(
        DRIFT_GATE,
        (float(called == "stable" and not stale), ">=", 1.0),
        unit="verdicts",
        n=int(called is not None),
        reason=reason,
    )


def patch_figure(patches: int) -> GateFigure:
    """Return whether there is a strategy patch."""
    return figure(
        CANARY_GATE,
        (float(patches), ">=", 1.0),
        unit="patches",
        n=patches,
        reason="strategy-patch-missing",
    )
