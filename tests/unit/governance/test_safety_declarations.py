"""Safety and drift are declared completely and with the defaults that were agreed, or refused."""

from __future__ import annotations

import pytest

from tests.support.decisions.declared import changed
from tests.support.governance.governing import drift_policy, safety_policy
from torghut.governance.declarations import parse_drift_policy, parse_safety_policy
from torghut.schemas.declarations.errors import DeclarationContentError
from torghut.schemas.declarations.safety import DRIFT_CODES

SAFETY = "governance/policies/safety.yaml"
DRIFT = "governance/policies/drift.yaml"


def test_stop_limits_are_those_agreed() -> None:
    stop = safety_policy().stop

    assert (stop.signal_lag_ms, stop.staleness_grace_ms) == (600_000, 180_000)
    assert (stop.staleness_streak, stop.lane_failure_streak) == (3, 3)
    assert (stop.fallback_ratio, stop.drawdown_ratio) == (0.25, 0.08)
    assert stop.recovery_evaluations == 3
    assert safety_policy().continuity.healthy_cycles == 2
    assert safety_policy().approvals.expiry_max_ms == 24 * 3_600_000


def test_drift_limits_are_those_agreed() -> None:
    limits = [check.threshold for check in drift_policy().checks]

    assert limits == [0.02, 180_000, 0.05, 0, 0.45, 0.1, 0.2, 0.2, 0, 0.08, 35, 0.25]


def test_every_drift_code_is_declared_once() -> None:
    assert tuple(check.code for check in drift_policy().checks) == DRIFT_CODES

    twice = changed(DRIFT, DRIFT_CODES[0], DRIFT_CODES[1])
    with pytest.raises(DeclarationContentError, match="once each and in this order"):
        parse_drift_policy(twice, file=DRIFT)


def test_floor_is_not_declared_as_a_ceiling() -> None:
    with pytest.raises(DeclarationContentError, match="< for performance_net_pnl_below_floor"):
        parse_drift_policy(changed(DRIFT, 'comparator: "<"', 'comparator: ">"'), file=DRIFT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("signal_lag_ms: 600000", "signal_lag_ms: 0"),
        ("fallback_ratio: 0.25", "fallback_ratio: 25"),
        ("recovery_evaluations: 3", "recovery_evaluations: 0"),
        ("expiry_max_ms: 86400000", "expiry_max_ms: 86400001"),
        ("grants_required: 1", "grants_required: 0"),
        ("roles: [production]", "roles: []"),
        ("drawdown_ratio: 0.08", "drawdown_percent: 8"),
    ],
)
def test_limit_that_would_never_stop_anything_is_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_safety_policy(changed(SAFETY, old, new), file=SAFETY)
