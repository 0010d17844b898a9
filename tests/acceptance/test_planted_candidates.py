"""Candidates of known worth through the whole lane: each comes to what it is worth, and why.

On made prices in every run of the tests, on a week of recorded EURUSD minutes where data is there.
How the better one was made better is told in ``tests/support/lane/planted.py``.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.eventlog import CAUSES, run
from tests.support.decisions.declared import shipped
from tests.support.governance.promoting import Grounds, key_of, keyring, office
from tests.support.lane.lanes import ROUTER, SYMBOL, LaneWorld, Trial, package_trial, run_trial
from tests.support.lane.planted import announced, market, planted_arm, regimes
from tests.support.lane.rollouts import evidence_files, finalise
from tests.unit.router.test_baselines import package
from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.composition import deciding
from torghut.governance.ledger.errors import ManifestUnfitError
from torghut.governance.verification.verifying import read_manifest
from torghut.market.ports import Cursor
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, read_regime_model
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.lane import CandidateSpec
from torghut.schemas.rows import RowArray
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.approving.manifests import checked
from torghut.workflows.approving.promoting import Changed, promote, register_candidate
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.lane.running import LaneResult
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.rollout.publishing import publish_run
from torghut.workflows.streams import Streams

EXPECTED: Final = {
    "better": ("promote", "lane-passed", None),
    "equal": ("no-op", "not-better-than-champion", "gate_edge_over_champion"),
    "worse": ("deny", "worse-than-champion", "gate_edge_over_champion"),
    "tail-seller": ("deny", "-above-limit", "gate_tail_loss"),
    "peeking": ("refuse", "looks-ahead", "gate_contamination"),
    "unrepeatable": ("refuse", "differs-when-run-twice", "gate_reproducibility"),
}
"""By candidate: the verdict, the reason or its end, and a gate that says so."""

SIZE_ON_RECORDED: Final = 0.15
RIGHT_ON_RECORDED: Final = 0.92
"""A minute of EURUSD moves little beside what trading it costs: a weaker hint is no edge there."""


def almost(champion: Package) -> Package:
    """Return the champion's package with regimes told a little elsewhere, which is no edge.

    A little more confidence would be none either, but a little worse wherever trading loses.
    """
    model = read_regime_model(champion)
    moved = tuple(tuple(one + 0.1 for one in each) for each in model.mean)
    other = dataclasses.replace(model, mean=moved)
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


def promoted(world: LaneWorld, result: LaneResult, spec: CandidateSpec) -> Changed:
    """Finalise a run, sign its manifest, and promote its candidate by it on paper."""
    governance = Governance(streams=Streams(world.events), causes=CAUSES)
    run_id, now_ns = result.ended.run_id, world.clock.now_ns()
    run(governance.run(rollout_of(run_id), dataclasses.replace(finalise(), at_ns=now_ns)))
    ran = run(governance.state(rollout_of(run_id)))
    place = publish_run(ran, world.files, key=key_of("clock")).place
    manifest = checked(
        world.files.read(place),
        world.files,
        world.files,
        place,
        keyring=keyring(),
        now_ns=now_ns,
    )
    assert (manifest.finalised, manifest.signed) == (True, True)
    digest = spec.package or ""
    run(
        register_candidate(
            governance.streams,
            ROUTER,
            LedgerCandidate(
                candidate_id=manifest.document.candidate_id, digest=digest, package=digest
            ),
            run_id=run_id,
            at_ns=now_ns,
        )
    )
    place_of = dataclasses.replace(office(world.events), wall=world.clock)
    return run(promote(place_of, manifest, approval=None, grounds=Grounds()))


@pytest.mark.slow
def test_contamination_safe_evaluation_gates_all_promotions() -> None:
    for name in EXPECTED:
        world, champion = LaneWorld(files=InMemoryArtifacts(evidence_files())), regimes()
        trial = trial_of(name, champion, 0.05)
        result = run_trial(world, market(), champion, trial)
        if EXPECTED[name][0] == "promote":
            assert promoted(world, result, trial.spec).ledger.champion is not None
            continue
        with pytest.raises(ManifestUnfitError):
            promoted(world, result, trial.spec)


@cache
def recorded_week(folder: Path) -> RowArray:
    """Return the recorded EURUSD minutes, announced."""
    source = deciding.source(str(folder / "lean-forex/minute"), shipped())
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
