"""Experts and the router's policy are declared completely, or refused."""

from __future__ import annotations

import pytest

from tests.support.decisions.declared import changed, shipped, text_of
from torghut.router.declarations import parse_expert, parse_router_policy
from torghut.schemas.codes import REGIME_LABELS
from torghut.schemas.declarations.errors import DeclarationContentError
from torghut.schemas.declarations.router import Affinity, ExpertDeclaration

TREND = "router/experts/trend.yaml"
POLICY = "router/policy.yaml"


def test_expert_is_read() -> None:
    trend = parse_expert(text_of(TREND), file=TREND)

    assert trend.expert == "trend"
    assert trend.inputs == ("fast", "slow", "variance_slow")


def test_affinity_is_declared_for_every_label_a_model_can_have() -> None:
    labels = {label for names in REGIME_LABELS.values() for label in names}

    assert set(Affinity.model_fields) == labels


@pytest.mark.parametrize(
    ("label", "leader"),
    [
        ("calm", "reversal"),
        ("normal", "trend"),
        ("elevated", "breakout"),
        ("turbulent", "defensive"),
    ],
)
def test_each_regime_has_its_leader(label: str, leader: str) -> None:
    def share(expert: ExpertDeclaration) -> float:
        return float(getattr(expert.affinity, label))

    assert max(shipped().experts, key=share).expert == leader


def test_static_weights_favour_trend_and_defensive_ones_stay_flat() -> None:
    policy = shipped().router

    assert policy.static_weights.trend > 0.5
    assert policy.defensive_weights.defensive > 0.5


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("expert: trend", "expert: astrology", "expert"),
        ("calm: 0.36", "calm: 1.36", "affinity.calm"),
        ("calm: 0.36", "quiet: 0.36", "affinity.quiet"),
        ("weight_min: 0.05", "weight_min: 0.8", "the document"),
        ("score_gain: 0.25", "score_gain: -1.0", "score_gain"),
        ("[fast, slow, variance_slow]", "[fast, slow, tomorrow]", "inputs[2]"),
        ("stale_after_samples: 30", "stale_after_samples: 0", "stale_after_samples"),
    ],
)
def test_wrong_expert_is_refused_at_its_key(old: str, new: str, key: str) -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse_expert(changed(TREND, old, new), file=TREND)

    assert key in {problem.key for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("entropy_max_ratio: 0.85", "entropy_max_ratio: 85", "entropy_max_ratio"),
        ("trend: 0.55", "trend: 0.50", "static_weights"),
        ("defensive: 0.85", "defensive: 0.95", "defensive_weights"),
        ("[last-known-good, defensive]", "[defensive, last-known-good]", "the document"),
        ("[last-known-good, defensive]", "[]", "fallback_order"),
        ("[last-known-good, defensive]", "[hope, defensive]", "fallback_order[0]"),
        ("cost: 1.0", "cost: -1.0", "confidence_without_package.cost"),
        ("fx: [fx-intraday]", "fx: [FX Intraday]", "packages.fx[0]"),
    ],
)
def test_wrong_policy_is_refused_at_its_key(old: str, new: str, key: str) -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse_router_policy(changed(POLICY, old, new), file=POLICY)

    assert key in {problem.key for problem in refused.value.problems}
