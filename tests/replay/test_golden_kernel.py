"""What a released version of the kernel decided, this one decides too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernels import compiled, reference
from tests.replay.golden_kernel import FOLDER, GoldenRun, decide_again
from torghut.decisions.kernel.deciding import KERNEL_VERSION


def _load(path: Path) -> GoldenRun:
    run: GoldenRun = json.loads(path.read_text(encoding="utf-8"))
    return run


def test_this_version_has_a_golden_run() -> None:
    assert (FOLDER / f"v{KERNEL_VERSION}.json").is_file()


@pytest.mark.parametrize("kernel", [compiled, reference], ids=["compiled", "interpreted"])
def test_the_golden_run_is_decided_alike(kernel: type) -> None:
    run = _load(FOLDER / f"v{KERNEL_VERSION}.json")

    leaves, outcomes, states = decide_again(run, kernel())

    assert leaves == run["leaves"]
    assert outcomes == run["outcomes"]
    assert states == run["final_states"]
