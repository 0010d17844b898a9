"""A stage is on record only as it is: by its own record, of the code, caps and time in force."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.replay.golden_decisions import GOLDEN
from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.governance.staging import arrived, built_roadmap
from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.progress import StageState
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.staging.stage_record import StageRecord
from torghut.workflows.staging.recording import InForce, is_recorded, record_path

MADE: Final = next((GOLDEN / "messages/artifacts/stage-record.v1").glob("*.json"))
WINDOW: Final = next((GOLDEN / "messages/artifacts/slo-window.v1").glob("*.json"))
COMMIT: Final = "ab" * 20


def state() -> StageState:
    """Return a rollout in stage 1, which review 1 let it enter."""
    return arrived(1).state


def in_force() -> InForce:
    """Return what runs, ten minutes on."""
    return InForce(
        commit=COMMIT,
        caps=caps_in_force(state(), built_roadmap()),
        now_ns=START_NS + 600 * SECOND_NS,
    )


def kept(**changes: object) -> InMemoryArtifacts:
    """Return an artifact root with a record of stage 1, but for ``changes``."""
    whole = json.loads(MADE.read_bytes()) | {
        "stage": 1,
        "in_force": True,
        "caps": in_force().caps.model_dump(mode="json"),
        "commit": COMMIT,
        "tree": "clean",
        "windows": [json.loads(WINDOW.read_bytes())],
        "review": None,
        "recorded_at_ns": str(START_NS + 60 * SECOND_NS),
    }
    made = StageRecord.model_validate(whole | changes)
    body = canonical_bytes(made.model_dump(mode="json"))
    return InMemoryArtifacts({record_path(made, body): body})


def test_record_of_the_stage_as_it_is_counts() -> None:
    assert is_recorded(kept(), state(), in_force())
    assert is_recorded(kept(tree="unknown"), state(), in_force())
    reviewed = replace(state(), reviews=2)
    assert is_recorded(kept(review=2), reviewed, in_force())


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": 2},
        {"in_force": False},
        {"commit": "ff" * 20},
        {"tree": "modified"},
        {"windows": []},
        {"review": 1},
        {"review": 3},
        {"recorded_at_ns": str(START_NS - 1)},
        {"recorded_at_ns": str(START_NS + 601 * SECOND_NS)},
        {"caps": built_roadmap().stages[4].caps.model_dump(mode="json")},
    ],
    ids=str,
)
def test_record_of_anything_else_is_none(changes: dict[str, object]) -> None:
    assert not is_recorded(kept(**changes), state(), in_force())


def test_before_the_first_stage_nothing_is_on_record() -> None:
    assert not is_recorded(kept(), StageState(), in_force())
