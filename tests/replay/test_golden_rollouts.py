"""Recorded rollouts still read, and still lead to the same manifest, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from jsonschema import Draft202012Validator

from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import ROLLOUT
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.rollout.events import ROLLOUT_EVENT, RolloutEvent

FOLDER: Final = Path(__file__).parent / "golden" / "rollouts"
SCHEMA: Final = (
    Path(__file__).resolve().parents[2] / "schemas/artifacts/autonomy-phase-manifest-v1.json"
)
NAMES: Final = sorted(path.name.split(".")[0] for path in FOLDER.glob("*.events.jsonl"))


def recorded(name: str) -> list[RolloutEvent]:
    """Return the events of a recorded run."""
    lines = (FOLDER / f"{name}.events.jsonl").read_bytes().splitlines()
    return [ROLLOUT_EVENT.validate_json(line, strict=True) for line in lines]


def test_there_are_runs_of_every_ending() -> None:
    assert NAMES == [
        "advised",
        "crashed",
        "failed-gate",
        "live-without-patch",
        "not-final",
        "pass",
        "reassessed",
        "rolled-back",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_recorded_events_lead_to_the_recorded_manifest(name: str) -> None:
    found = manifest_bytes(manifest_of(ROLLOUT.fold(recorded(name))))

    assert found == (FOLDER / f"{name}.manifest.json").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_recorded_manifest_still_reads_and_fits_its_schema(name: str) -> None:
    body = (FOLDER / f"{name}.manifest.json").read_bytes()

    assert manifest_bytes(read_manifest(body)) == body
    Draft202012Validator(json.loads(SCHEMA.read_bytes())).validate(json.loads(body))
