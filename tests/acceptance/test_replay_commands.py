"""``torghut replay``: identical, or the first difference, or not re-executable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import copied, write_log
from tests.support.machine.commands import typed
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.schemas.codes import Intent


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log") / "usual.log")


@pytest.fixture
def log(folder: Path, template: Path) -> Path:
    return copied(template, folder / "a.log")


def optimistic() -> DecisionKernel:
    """Return a kernel that is a little more confident than it says it is."""
    honest = compiled()

    def run(*arrays: npt.NDArray[np.void]) -> tuple[int, int]:
        taken, written = honest.run(*arrays)  # type: ignore[arg-type]
        told = arrays[6][:written]
        told["confidence"][told["intent"] == Intent.BUY] += 0.001
        return taken, written

    return replace(honest, run=run)  # type: ignore[arg-type]


def test_log_decided_again_is_identical(log: Path) -> None:
    root = typed("log", "stats", "--log", str(log), "--json").json["root"]

    people = typed("replay", "--verify", "--log", str(log))
    machines = typed("replay", "--verify", "--log", str(log), "--json")

    assert (people.status, machines.status) == (0, 0)
    assert "100 % identical" in people.out
    assert machines.json["identical"]
    assert machines.json["root"] == root
    assert machines.json["differing"] == machines.json["outcomes_differing"] == 0


def test_interpreted_oracle_finds_the_same(log: Path) -> None:
    found = typed("replay", "--verify", "--log", str(log), "--reference", "--json")

    assert found.status == 0
    assert found.json["reference"]
    assert (
        found.json["root"] == typed("replay", "--verify", "--log", str(log), "--json").json["root"]
    )


def test_log_of_another_kernel_disagrees_and_says_where(folder: Path) -> None:
    log = write_log(folder / "b.log", kernel=optimistic())

    people = typed("replay", "--verify", "--log", str(log))
    machines = typed("replay", "--verify", "--log", str(log), "--json")

    assert (people.status, machines.status) == (5, 5)
    assert "100 %" not in people.out
    assert people.out.rstrip().endswith(": fields confidence")
    assert not machines.json["identical"]
    assert machines.json["first"]["fields"] == ["confidence"]


def test_log_of_another_version_is_not_re_executable(folder: Path) -> None:
    log = write_log(folder / "c.log", kernel=replace(compiled(), version=99))

    ended = typed("replay", "--verify", "--log", str(log))

    assert ended.status == 6
    assert "not re-executable" in ended.err
    assert "identical" not in ended.out


def test_replay_says_what_it_is_for(log: Path) -> None:
    assert typed("replay", "--log", str(log)).status == 2
