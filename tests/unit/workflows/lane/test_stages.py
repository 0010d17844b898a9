"""The chain of stage manifests: whatever is altered in it shows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.lane.lanes import LaneWorld, made_run
from torghut.kernel.canonical import canonical_bytes, parse_json_object
from torghut.kernel.digests import sha256_hex
from torghut.schemas.rollout.lane import StageManifest
from torghut.schemas.rollout.phases import LANE_PHASES
from torghut.workflows.lane.stages import chain_faults, lineage_of, stage_file


def chained() -> tuple[InMemoryArtifacts, str, str]:
    """Return the files of a run, its folder, and the digest of its inputs."""
    world = LaneWorld()
    result = made_run(world)
    folder = f"runs/{result.ended.run_id}"
    return world.files, folder, sha256_hex(world.files.read(f"{folder}/inputs.json"))


def faults(files: InMemoryArtifacts, folder: str, inputs: str) -> Sequence[str]:
    """Return what is wrong with the whole chain."""
    return list(chain_faults(files, folder, inputs, len(LANE_PHASES)))


def test_chain_of_a_run_holds() -> None:
    assert faults(*chained()) == []


def test_chain_begins_with_the_inputs() -> None:
    files, folder, _ = chained()

    assert "expected to follow" in faults(files, folder, "0" * 64)[0]


@given(data=st.data())
def test_any_bit_changed_in_any_link_shows(data: st.DataObject) -> None:
    files, folder, inputs = CHAINED
    phase = data.draw(st.sampled_from(LANE_PHASES))
    path = f"{folder}/{stage_file(phase)}"
    body = files.read(path)
    place = data.draw(st.integers(0, len(body) - 1))
    flipped = bytes([body[place] ^ 1 << data.draw(st.integers(0, 7))])
    altered = InMemoryArtifacts(files._files)  # noqa: SLF001 - a copy of the fake
    altered.replace(path, body[:place] + flipped + body[place + 1 :])

    assert faults(altered, folder, inputs)


CHAINED = chained()


@pytest.mark.parametrize("phase", LANE_PHASES[:-1])
def test_a_link_that_was_made_anew_breaks_the_next_one(phase: str) -> None:
    files, folder, inputs = chained()
    path = f"{folder}/{stage_file(phase)}"  # type: ignore[arg-type]
    stated = {**parse_json_object(files.read(path)), "outputs": []}
    unnamed = StageManifest.model_validate({**stated, "lineage": "0" * 64})
    forged = {**unnamed.model_dump(mode="json"), "lineage": lineage_of(unnamed)}
    files.replace(path, canonical_bytes(forged))

    assert any("expected to follow" in fault for fault in faults(files, folder, inputs))


def test_an_output_that_was_replaced_shows() -> None:
    files, folder, inputs = chained()
    files.replace(f"{folder}/readiness.json", b"{}")

    assert any("readiness.json as cited" in fault for fault in faults(files, folder, inputs))
