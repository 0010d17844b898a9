"""The seven phases in their one order, and the SLO gates that each must state."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import BeforeValidator, Field

PhaseName = Literal[
    "gate-evaluation",
    "promotion-prerequisites",
    "rollback-readiness",
    "drift-gate",
    "paper-canary",
    "runtime-governance",
    "rollback-proof",
]

PHASES: Final[tuple[PhaseName, ...]] = get_args(PhaseName)
"""Their order, for every manifest."""

LANE_PHASES: Final = PHASES[:5]
"""Those that the lane records; the scheduler's safety controls judge the others."""

CANARY: Final[PhaseName] = "paper-canary"
RUNTIME: Final[PhaseName] = "runtime-governance"
ROLLBACK: Final[PhaseName] = "rollback-proof"

GateId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]

DRIFT_GATE: Final = "slo_drift_gate_allowed"
CANARY_GATE: Final = "slo_paper_canary_patch_present"
RUNTIME_GATE: Final = "slo_runtime_rollback_not_triggered"
ROLLBACK_GATE: Final = "slo_rollback_evidence_required_when_triggered"

REQUIRED_GATES: Final[Mapping[PhaseName, tuple[GateId, ...]]] = MappingProxyType(
    {
        "gate-evaluation": ("slo_signal_count_minimum", "slo_decision_count_minimum"),
        "promotion-prerequisites": ("slo_required_artifacts_present",),
        "rollback-readiness": ("slo_required_rollback_checks_present",),
        "drift-gate": (DRIFT_GATE,),
        "paper-canary": (CANARY_GATE,),
        "runtime-governance": (RUNTIME_GATE,),
        "rollback-proof": (ROLLBACK_GATE,),
    }
)
"""By phase: what its ``slo_gates`` name at least."""


def _one_spelling(value: object) -> object:
    """Return ``skip`` for ``skipped``; both are read, one is written."""
    return "skip" if value == "skipped" else value


PhaseStatus = Annotated[Literal["pass", "fail", "skip"], BeforeValidator(_one_spelling)]
"""Of a phase; ``skipped`` is read as ``skip``."""

Target = Literal["paper", "live"]
"""What a candidate asks to be promoted to."""


def status_without_patch(target: Target) -> Literal["fail", "skip"]:
    """Return what the paper canary comes to where no strategy patch was produced.

    Example:
        >>> status_without_patch("paper"), status_without_patch("live")
        ('fail', 'skip')
    """
    return "skip" if target == "live" else "fail"
