"""Candidates of known worth through the whole lane: each comes to what it is worth, and why.

On made prices in every run of the tests, on a week of recorded EURUSD minutes where data is there.
How the better one was made better is told in ``tests/planted.py``.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.declared import shipped
from tests.lanes import ROUTER, SYMBOL, LaneWorld, Trial, package_trial, run_trial
from tests.planted import announced, market, planted_arm, regimes
from tests.unit.router.test_baselines import package
from torghut import bootstrap
from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.governance.verification.verifying import read_manifest
from torghut.market.ports import Cursor
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, read_regime_model
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rows import RowArray
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.lane.running import LaneResult
from torghut.workflows.rollout.places import CURRENT

EXPECTED: Final = {
    "better": ("promote", "lane-passed", None),
    "equal": ("no-op", "not-better-than-champion", "gate_edge_over_champion"),
    "worse": ("deny", "worse-than-champion", "gate_edge_over_champion"),
    "tail-seller": ("deny", "-above-limit", "gate_tail_loss"),
    "peeking": ("refuse", "looks-ahead", "gate_contamination"),
    "unrepeatable": ("refuse", "differs-when-run-twice", "gate_reproducibility"),
}
"""By candidate: the verdict, the reason or its end, and a gate that says so."""

SIZE_ON_RECORDED: Final = 0.1
RIGHT_ON_RECORDED: Final = 0.9
"""A minute of EURUSD moves little beside what trading it costs: a weaker hint is no edge there."""


def almost(champion: Package) -> Package:
    """Return the champion's package with a little more confidence, which is no edge."""
    model = read_regime_model(champion)
    other = dataclasses.replace(model, confidence_bias=model.confidence_bias + 0.2)
    return build_package(
        kind=REGIME_MODEL_KIND,
        name=champion.name,
        files={MODEL_PATH: StoredFile(body=other.to_bytes())},
        created_from=champion.manifest.created_from,
    )


def trial_of(name: str, champion: Package, size: float) -> Trial:
    """Return a planted candidate."""
    candidate = almost(champion)
    if name == "equal":
        return package_trial(candidate)
    models = {ROUTER: read_regime_model(champion)}
    plan = ArmPlan(declarations=shipped(), packages=models)
    return package_trial(candidate, plugged=planted_arm(name, plan, size))


def check(name: str, result: LaneResult, world: LaneWorld) -> None:
    """Check that a candidate came to what it is worth, in the manifest that was published."""
    verdict, reason, gate = EXPECTED[name]
    assert result.verdict == verdict
    assert result.ended.reason.endswith(reason)
    manifest = read_manifest(world.files.read(CURRENT))
    rows = {row.id: row for row in manifest.phases[0].slo_gates}
    if gate is None:
        assert [phase.status for phase in manifest.phases[:5]] == ["pass"] * 5
        return
    assert rows[gate].status == "fail"
    assert manifest.status == manifest.phases[0].status == manifest.phases[4].status == "fail"
    card = EvaluationCard.model_validate_json(
        world.files.read(f"runs/{result.ended.run_id}/evaluation-card.json")
    )
    assert (card.contamination == "clean") == (name not in {"peeking", "unrepeatable"})
    if name == "tail-seller":
        assert all(one.finding == "better" for one in card.differences), "it earns on average"


@pytest.mark.parametrize("name", EXPECTED)
def test_planted_candidate_comes_to_what_it_is_worth(name: str) -> None:
    world, champion = LaneWorld(), regimes()

    result = run_trial(world, market(), champion, trial_of(name, champion, 0.05))

    check(name, result, world)


@cache
def recorded_week(folder: Path) -> RowArray:
    """Return the recorded EURUSD minutes, announced."""
    source = bootstrap.source(str(folder / "lean-forex/minute"), shipped())
    number = list(source.description.symbols).index(SYMBOL)
    batches = source.batches(after=Cursor(), max_records=100_000)
    every = np.concatenate([batch.contexts.copy() for batch in batches])
    rows = every[every["symbol"] == number]
    rows["symbol"], rows["source"], rows["sequence"] = 0, 0, np.arange(len(rows))
    return announced(rows, seed=1, right=RIGHT_ON_RECORDED)


@pytest.mark.data
@pytest.mark.parametrize("name", EXPECTED)
def test_planted_candidate_on_recorded_prices(name: str, recorded_data: Path) -> None:
    world, champion = LaneWorld(), package(ROUTER)
    rows = recorded_week(recorded_data)

    result = run_trial(world, rows, champion, trial_of(name, champion, SIZE_ON_RECORDED))

    check(name, result, world)
