"""The caps in force are those of the stage, and of the first one before any was entered."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.support.governance.staging import (
    advance,
    arrived,
    back,
    built_roadmap,
    shipped_roadmap,
    stages,
)
from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.progress import StageState
from torghut.schemas.declarations.roadmap import StageRoadmap


def loosened(stage: int, notional: str) -> StageRoadmap:
    """Return the roadmap with another notional cap for one stage."""
    document = built_roadmap().model_dump(mode="json")
    document["stages"][stage]["caps"]["notional_cap"] = notional
    return StageRoadmap.model_validate_json(json.dumps(document))


def test_before_any_stage_the_first_ones_caps_hold() -> None:
    assert caps_in_force(StageState(), shipped_roadmap()) == shipped_roadmap().stages[0].caps


@pytest.mark.parametrize("stage", range(6))
def test_stage_in_force_says_what_is_allowed(stage: int) -> None:
    assert (
        caps_in_force(arrived(stage).state, built_roadmap()) == built_roadmap().stages[stage].caps
    )


def test_going_back_takes_at_once_what_the_later_stage_allowed() -> None:
    stream = arrived(5)
    stream.send(back(stream, 0))

    assert caps_in_force(stream.state, built_roadmap()).target == "paper"
    assert caps_in_force(stream.state, built_roadmap()).notional_cap == 0


def test_roadmap_tightened_later_holds_and_one_loosened_later_does_not() -> None:
    stream = arrived(4)

    assert caps_in_force(stream.state, loosened(4, "100")).notional_cap == Decimal(100)
    assert caps_in_force(stream.state, loosened(4, "99999")).notional_cap == Decimal(10_000)


def test_first_stage_is_entered_without_a_review() -> None:
    stream = stages()
    stream.send(advance(stream, 0))

    assert caps_in_force(stream.state, built_roadmap()) == built_roadmap().stages[0].caps
