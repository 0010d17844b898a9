"""Ladders, tolerances and risks are declared completely, or refused."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.decisions.declared import changed, text_of
from torghut.governance.declarations import (
    parse_baseline_policy,
    parse_exposure_policy,
    parse_risk_register,
)
from torghut.schemas.declarations.errors import DeclarationContentError

LADDER: Final = "governance/policies/exposure.yaml"
RISKS: Final = "governance/risks.yaml"
BASELINE: Final = "governance/policies/baseline.yaml"
STEPS: Final = '"0", "0.05", "0.1", "0.25", "0.5", "1"'


@pytest.mark.parametrize(
    "steps",
    [
        '"0"',
        '"0", "0.5"',
        '"0.1", "1"',
        '"0", "0.5", "0.5", "1"',
        '"0", "1", "0.5"',
        '"0", "2"',
        "",
    ],
)
def test_steps_that_do_not_rise_from_nothing_to_all_are_refused(steps: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_exposure_policy(changed(LADDER, STEPS, steps), file=LADDER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("passing_windows: 3", "passing_windows: 0"),
        ("dwell_ms: 14400000", "dwell_ms: 0"),
        ("drill_max_age_ms: 86400000", "drill_max_age_ms: 86400001"),
        ("  window_max_age_ms: 300000\n", ""),
    ],
)
def test_climbing_that_takes_nothing_is_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_exposure_policy(changed(LADDER, old, new), file=LADDER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: baseline-on-recorded-data", "id: latency-outside-the-log"),
        ("owner: production", "owner: somebody"),
        ("    owner: production\n", ""),
        ("since_stage: 3", "since_stage: 6"),
        ("says: ", "said: "),
    ],
)
def test_risk_that_says_too_little_is_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_risk_register(changed(RISKS, old, new), file=RISKS)


def test_risk_may_be_declared_before_somebody_owns_it() -> None:
    found = parse_risk_register(changed(RISKS, "owner: production", "owner: null"), file=RISKS)

    assert found.risks[0].owner is None


def test_tolerances_are_shares() -> None:
    assert parse_baseline_policy(text_of(BASELINE), file=BASELINE).decisions_min > 0
    with pytest.raises(DeclarationContentError):
        parse_baseline_policy(changed(BASELINE, "brier_rise: 0.02", "brier_rise: 2"), file=BASELINE)
