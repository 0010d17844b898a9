"""The made market of the demo: who was made to be better passes the judge, who was not does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.support.machine.commands import Ended, typed
from torghut.artifacts.package import Package
from torghut.entrypoints.cli.demo import cycles
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.market import STEPS, made_prices, table_of
from torghut.entrypoints.cli.demo.made.world import MadeWorld, make_world
from torghut.kernel.digests import sha256_hex
from torghut.router.package import read_regime_model
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.settings import standing_in

MADE: Final = "10f2ce9e042e79cb03d728e1600aa09f437d3819e3b29650a574c8a19547a013"
"""SHA-256 of the table of made prices, whatever processor and libraries make them."""


@pytest.fixture
def world(folder: Path) -> Iterator[MadeWorld]:
    made = make_world(folder / "governance", aside="before")
    with standing_in(declarations=made.declared, artifacts=made.artifacts):
        yield made


def well(ended: Ended) -> Ended:
    assert ended.status == 0, ended.err
    return ended


def card_of(world: MadeWorld, challenger: Package) -> EvaluationCard:
    cycles.submit(world, challenger)
    (one,) = well(typed("lane", "run", "--once", "--json")).json["runs"]
    body = world.artifacts / "runs" / one["ended"]["run_id"] / "evaluation-card.json"
    return EvaluationCard.model_validate_json(body.read_bytes())


def test_prices_are_the_same_wherever_they_are_made() -> None:
    assert sha256_hex(table_of(made_prices()).encode()) == MADE


@pytest.mark.slow
def test_only_the_challenger_that_was_made_better_passes_the_judge(world: MadeWorld) -> None:
    serves = packages.serving()
    well(
        typed(
            *("run", "--source", f"csv:{world.prices}", "--log", str(world.recorded)),
            *("--package", f"{serves.name}@{serves.digest}", "--no-report"),
        )
    )

    ordinary = card_of(world, packages.ordinary())
    better = card_of(world, packages.constructed())

    over = {one.baseline: one for one in ordinary.differences}["champion"]
    assert (ordinary.verdict, ordinary.reason) == ("deny", "worse-than-champion")
    assert over.lower is not None
    assert over.upper is not None
    assert over.lower < over.mean < over.upper < 0.0
    assert better.verdict == "promote"
    assert [one.finding for one in better.differences] == ["better"] * 4
    assert better.tail.status == "pass"
    assert min(ordinary.decisions, better.decisions) >= 1_500


def test_made_prices_are_the_same_wherever_they_are_made() -> None:
    prices = made_prices()

    assert len(prices) == STEPS
    assert np.array_equal(prices, made_prices())
    assert not np.array_equal(prices, made_prices(seed=8))
    assert table_of(prices[:1]).splitlines()[0] == "symbol,event_time,receive_time,bid,ask"


def test_packages_of_the_made_market_are_sound_and_differ() -> None:
    made = (packages.serving(), packages.ordinary(), packages.constructed())

    assert len({one.digest for one in made}) == 3
    assert [len(read_regime_model(one).labels) for one in made] == [1, 2, 2]


def test_a_made_world_takes_no_other_ones_place(folder: Path) -> None:
    first = make_world(folder / "governance", aside="first")
    kept = first.key.read_bytes()
    second = make_world(folder / "governance", aside="first")

    aside = folder / "governance.first"
    assert second == first
    assert (aside / "made.csv").read_bytes() == second.prices.read_bytes()
    assert (aside / "scheduler.pem").read_bytes() == kept != second.key.read_bytes()
