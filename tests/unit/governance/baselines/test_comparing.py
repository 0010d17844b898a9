"""A comparison says what got worse, what is gone, and what nobody can say."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.replay.golden_decisions import GOLDEN
from tests.support.decisions.declared import text_of
from torghut.governance.baselines.comparing import Difference, compare
from torghut.governance.declarations import parse_baseline_policy
from torghut.schemas.governing.fields import declared_off, reading_of
from torghut.schemas.staging.baseline import Baseline

FILE: Final = "governance/policies/baseline.yaml"
POLICY: Final = parse_baseline_policy(text_of(FILE), file=FILE)
BODY: Final = (GOLDEN / "messages/artifacts/baseline.v1/first.json").read_bytes()
LIMITS: Final = POLICY.tolerances


def baseline(**changes: Any) -> Baseline:  # noqa: ANN401 - parts of a document
    """Return a baseline whose first symbol was graded often, with ``changes`` to that symbol."""
    document = json.loads(BODY)
    for symbol in document["symbols"]:
        symbol["hit_ratio"] = reading_of(0.55, samples=500).model_dump(mode="json")
        symbol["brier"] = reading_of(0.2, samples=500).model_dump(mode="json")
    document["symbols"][0].update(changes)
    return Baseline.model_validate_json(json.dumps(document))


def figure(after: Baseline, name: str, *, before: Baseline | None = None) -> Difference:
    """Return a figure of the first symbol, or of the whole."""
    found = compare(before or baseline(), after, POLICY)
    first = after.symbols[0].symbol if after.symbols else ""
    return next(one for one in found if one.figure == name and one.of in {first, "", "news"})


def reading(value: float | None, samples: int = 500) -> Any:  # noqa: ANN401
    """Return a reading as it stands in a document."""
    return reading_of(value, samples=samples).model_dump(mode="json")


def test_nothing_differs_from_itself() -> None:
    found = compare(baseline(), baseline(), POLICY)

    assert [one for one in found if one.exceeds] == []
    assert {one.change for one in found} <= {0, None}


@pytest.mark.parametrize(
    ("key", "name", "kept", "worse"),
    [
        ("hit_ratio", "hit ratio", 0.5501 - LIMITS.hit_ratio_drop, 0.5499 - LIMITS.hit_ratio_drop),
        ("brier", "brier", 0.1999 + LIMITS.brier_rise, 0.2001 + LIMITS.brier_rise),
    ],
)
def test_reading_beyond_its_tolerance_is_worse(
    key: str, name: str, kept: float, worse: float
) -> None:
    assert figure(baseline(**{key: reading(kept)}), name).verdict == "within"
    assert figure(baseline(**{key: reading(worse)}), name).verdict == "worse"


def test_what_got_better_is_within() -> None:
    assert figure(baseline(hit_ratio=reading(0.9)), "hit ratio").verdict == "within"
    assert figure(baseline(brier=reading(0.0)), "brier").verdict == "within"
    assert figure(baseline(drawdown=0.0), "drawdown").verdict == "within"


def test_money_is_compared_in_parts_of_the_allotment() -> None:
    one = baseline().symbols[0]
    limit = LIMITS.drawdown_ratio_rise * one.allotment
    kept = figure(baseline(drawdown=one.drawdown + 0.99 * limit), "drawdown")
    worse = figure(baseline(drawdown=one.drawdown + 1.01 * limit), "drawdown")

    assert (kept.verdict, worse.verdict) == ("within", "worse")


def test_figure_that_is_not_measured_any_more_is_gone() -> None:
    found = figure(baseline(brier=reading(None, 0)), "brier")

    assert (found.verdict, found.exceeds, found.change) == ("gone", True, None)


def test_figure_of_too_little_says_nothing() -> None:
    few = baseline(hit_ratio=reading(0.0, POLICY.decisions_min - 1))

    assert figure(few, "hit ratio").verdict == "insufficient"
    assert figure(baseline(), "hit ratio", before=few).verdict == "insufficient"


def test_symbol_that_is_not_decided_any_more_is_gone() -> None:
    document = json.loads(BODY)
    document["symbols"] = document["symbols"][1:]
    after = Baseline.model_validate_json(json.dumps(document))
    found = [one for one in compare(baseline(), after, POLICY) if one.figure == "decisions"]

    assert [one.verdict for one in found] == ["gone"]


def test_what_is_declared_off_in_both_is_not_judged() -> None:
    document = json.loads(BODY)
    off = declared_off("ab" * 32).model_dump(mode="json")
    document["fallback"]["router"] = off
    both = Baseline.model_validate_json(json.dumps(document))

    assert figure(both, "router fallback ratio", before=both).verdict == "not-applicable"
    assert figure(both, "router fallback ratio").verdict == "gone"
