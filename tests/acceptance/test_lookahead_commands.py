"""``torghut lookahead check``: clean, leak or undetermined, with the exit code of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.decisions.kernels import compiled
from tests.support.machine.commands import Ended, prices, typed
from torghut.decisions.kernel.engine import DecisionKernel


@pytest.fixture
def uri(folder: Path) -> str:
    return prices(folder / "prices.csv", count=800)


def check(uri: str, *arguments: str, package: str = "fx-intraday") -> Ended:
    return typed("lookahead", "check", "--package", package, "--source", uri, *arguments)


def clairvoyant() -> DecisionKernel:
    """Return a kernel whose confidence is taken from the next decision."""
    honest = compiled()

    def run(*arrays: npt.NDArray[np.void]) -> tuple[int, int]:
        taken, written = honest.run(*arrays)  # type: ignore[arg-type]
        told = arrays[6][:written]
        told["score"][:-1] = told["score"][1:]
        return taken, written

    return replace(honest, run=run)  # type: ignore[arg-type]


def test_kernel_is_clean(uri: str) -> None:
    people, machines = check(uri), check(uri, "--json")

    assert (people.status, machines.status) == (0, 0)
    assert people.out.startswith("verdict     clean (")
    assert "what a language model remembers" in people.out
    assert machines.json["verdict"] == "clean"
    assert machines.json["cuts"] >= 50
    assert machines.json["leaks"] == []


def test_kernel_that_knows_the_next_score_leaks(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "torghut.composition.deciding.compiled_kernel", lambda _folder: clairvoyant()
    )

    people, machines = check(uri), check(uri, "--json")

    assert (people.status, machines.status) == (1, 1)
    (leak,) = machines.json["leaks"]
    assert leak["field"] == "score"
    assert leak["context"] < leak["first_cut"]
    assert "score" in people.out


def test_too_few_cuts_leave_it_undetermined(uri: str) -> None:
    ended = check(uri, "--cuts", "3", "--json")

    assert (ended.status, ended.json["verdict"]) == (6, "undetermined")


def test_same_seed_gives_the_same_report(uri: str) -> None:
    assert check(uri, "--seed", "7", "--json").out == check(uri, "--seed", "7", "--json").out


def test_package_that_serves_nothing_there_is_a_usage_error(uri: str) -> None:
    ended = check(uri, package="index-daily")

    assert ended.status == 2
    assert "fx-intraday" in ended.err
