"""Safety and drift: what stops the loop, what counts as drift, and how long an action rests."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Ratio, Role, Why
from torghut.schemas.types import Message

Span = Annotated[int, Field(ge=1, le=366 * 86_400_000, description="Milliseconds.")]
Streak = Annotated[int, Field(ge=1, le=1000, description="In a row.")]


class StopPolicy(Message):
    """When the stop latch closes, and when it may open by itself."""

    signal_lag_ms: Annotated[Span, Field(description="While the session is open; from here on.")]
    staleness_grace_ms: Annotated[
        Span, Field(description="A newest signal older than this is stale.")
    ]
    staleness_streak: Annotated[Streak, Field(description="Stale evaluations, session open.")]
    lane_failure_streak: Annotated[Streak, Field(description="Lane runs that failed.")]
    fallback_ratio: Annotated[Ratio, Field(description="Decisions that fell back; from here on.")]
    drawdown_ratio: Annotated[Ratio, Field(description="Of the portfolio; from here on.")]
    recovery_evaluations: Annotated[
        Streak, Field(description="Clean ones, after which lag and staleness recover.")
    ]
    release_confirm_ms: Annotated[
        Span, Field(description="Within which a second person must confirm a release in live.")
    ]


class ContinuityPolicy(Message):
    """When missing signals raise the continuity alert, and when it clears."""

    no_signal_streak: Annotated[Streak, Field(description="Cycles with the same reason.")]
    healthy_cycles: Annotated[Streak, Field(description="After which the alert clears.")]
    bootstrap_ms: Annotated[
        Span, Field(description="From the first cycle on; later, bootstrap is no excuse.")
    ]


class RollbackPolicy(Message):
    """What proves that a rollback is in force."""

    proving_decisions: Annotated[
        Count, Field(description="First decisions after the switch; all by what it went back to.")
    ]


class ApprovalPolicy(Message):
    """Who may approve a promotion to live, and for how long."""

    expiry_max_ms: Annotated[Span, Field(le=86_400_000)]
    grants_required: Annotated[int, Field(ge=1, le=4, description="By different keys.")]
    roles: Annotated[tuple[Role, ...], Field(min_length=1, description="Any one of them.")]
    run_age_max_ms: Annotated[
        Span, Field(description="Since its run was final, that a manifest still speaks for it.")
    ] = 7 * 86_400_000
    use_retry_ms: Annotated[
        Span,
        Field(description="Since its use, that what broke off may be tried again."),
    ] = 900_000


class LeasePolicy(Message):
    """How the one writer of governance holds on to its right."""

    time_to_live_ms: Annotated[Span, Field(description="Unless renewed; then others may take it.")]


class SafetyPolicy(Message):
    """What stops, releases, rolls back and approves, and for whom it waits."""

    kind: Literal["safety-policy.v1"]
    why: Why
    stop: StopPolicy
    continuity: ContinuityPolicy
    rollback: RollbackPolicy
    approvals: ApprovalPolicy
    lease: LeasePolicy


DriftCode = Literal[
    "data_required_null_rate_exceeded",
    "data_staleness_p95_exceeded",
    "data_duplicate_ratio_exceeded",
    "data_schema_mismatch_detected",
    "model_calibration_error_exceeded",
    "model_llm_error_ratio_exceeded",
    "regime_transition_shock_ratio_exceeded",
    "regime_stale_or_defensive_ratio_exceeded",
    "performance_net_pnl_below_floor",
    "performance_drawdown_exceeded",
    "performance_cost_bps_exceeded",
    "performance_execution_fallback_ratio_exceeded",
]
"""What may have drifted."""

DriftUnit = Literal["ratio", "ms", "records", "brier", "quote", "bps"]

DRIFT_CODES: Final[tuple[DriftCode, ...]] = get_args(DriftCode)

_BELOW: Final = "performance_net_pnl_below_floor"
"""The one code that is about too little; all others are about too much."""


class DriftCheck(Message):
    """One measured number, and the limit beyond which it has drifted."""

    code: DriftCode
    comparator: Annotated[Literal[">", "<"], Field(description="Strict: the limit is no drift.")]
    threshold: Annotated[float, Field(ge=-1e15, le=1e15)]
    unit: DriftUnit
    samples_min: Annotated[Count, Field(description="Measured on fewer, it says nothing.")]

    @model_validator(mode="after")
    def _compares_the_right_way(self) -> Self:
        expected = "<" if self.code == _BELOW else ">"
        if self.comparator != expected:
            message = f"{expected} for {self.code}"
            raise ValueError(message)
        return self


class Cooldowns(Message):
    """How long each action rests after it was triggered, whatever is measured meanwhile."""

    retrain_ms: Span
    reselection_ms: Span


class DriftDetectors(Message):
    """What is watched beside the checks: it is shown to people and leads to no action by itself."""

    calibration_z_max: Annotated[
        float, Field(gt=0, le=100, description="Spiegelhalter's z, in size; beyond it is remarked.")
    ] = 3.5
    reference_ms: Annotated[
        Span, Field(description="Before the window: what its features are compared with.")
    ] = 86_400_000
    reference_samples_min: Annotated[
        Count, Field(description="Of a stream; calibrated on fewer, it says nothing.")
    ] = 1_000
    reference_samples_max: Annotated[
        Count, Field(description="Of a stream; the newest are kept.")
    ] = 4_000
    half_life_samples: Annotated[
        Count, Field(description="Of the moving mean and variance that a value is measured by.")
    ] = 20
    shift_sigmas: Annotated[
        float, Field(gt=0, le=10, description="The smallest lasting shift that is looked for.")
    ] = 1.0
    block_samples: Annotated[
        Count, Field(description="Mean length of a resampled piece; dependence beyond is lost.")
    ] = 50
    resampled_samples: Annotated[
        Count, Field(description="Drawn of each stream to set its limits.")
    ] = 40_000
    false_alarms_per_sample: Annotated[
        float, Field(gt=0, le=0.01, description="Of a stream that has not changed; all its limits.")
    ] = 1e-6
    quorum_ratio: Annotated[
        Ratio, Field(description="Of the streams; more of them must have alarmed.")
    ] = 0.34


class DriftPolicy(Message):
    """Every drift code once, and what follows from drift."""

    kind: Literal["drift-policy.v1"]
    why: Why
    checks: tuple[DriftCheck, ...]
    cooldowns: Cooldowns
    evidence_max_age_ms: Annotated[
        Span, Field(description="An older verdict is no evidence for a live target.")
    ] = 1_800_000
    detectors: DriftDetectors = DriftDetectors()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if tuple(check.code for check in self.checks) != DRIFT_CODES:
            message = f"the codes {', '.join(DRIFT_CODES)}, once each and in this order"
            raise ValueError(message)
        return self
