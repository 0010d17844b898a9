"""``torghut demo``: killed half-way, resumed, replayed, and the published root all the same."""

from __future__ import annotations

import json
import os
import select
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from docs.readme_output import COMMANDS, masked, printed, shown
from tests.support.decisions.declared import ROOT
from tests.support.decisions.kernels import compiled
from tests.support.machine.commands import started, typed
from torghut.adapters.filesystem.worker_pages import read_pages
from torghut.composition import deciding
from torghut.settings import DECLARATIONS_DIR, settings
from torghut.workflows.live.switch_ports import WorkerSeen

_SILENCE_S = 3.0


def _longest_silence_s(process: Popen[str]) -> tuple[float, str]:
    """Return the longest time in which a process said nothing, and what it said on stdout."""
    assert process.stdout is not None
    assert process.stderr is not None
    said: dict[int, bytes] = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    waiting, last, longest = set(said), time.monotonic(), 0.0
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [])
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        for descriptor in ready:
            data = os.read(descriptor, 65536)
            said[descriptor] += data
            if not data:
                waiting.remove(descriptor)
    return longest, said[process.stdout.fileno()].decode()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_demo_decides_and_governs_and_a_second_one_starts_fresh(tmp_path: Path) -> None:
    compiled()
    (artifacts := tmp_path / "var").mkdir()
    first = printed(COMMANDS["demo-output"], artifacts)
    with started(tmp_path, "demo", "--json") as process:
        longest, said = _longest_silence_s(process)
    second, baseline = json.loads(said), deciding.demo_baseline()

    assert masked(first) == masked(shown("demo-output")), "the README shows something else"
    lines = first.splitlines()
    assert "1999-01-04 to 2018-12-31" in lines[0]
    assert "Open Source License" in lines[0]
    assert lines[0].endswith("recorded data, not live.")
    assert "does not overlap" in lines[2]
    assert baseline.root in first
    assert any(line.startswith("Made prices") for line in lines), "made things are labelled"
    assert "made to be better: promote" in first
    assert second["root"] == baseline.root
    assert 0 < second["killed_after_contexts"] < baseline.contexts
    assert second["contexts"] == second["decided"] + second["refused"]
    folder = tmp_path / "var" / "demo"
    assert len(list(folder.glob("demo.log.*Z"))) == 1
    assert len(list(folder.glob("governance.*Z"))) == 1
    assert Path(second["page"]).is_file()
    check_governance(second["governance"])
    check_advice(second["advice"])
    assert longest < _SILENCE_S
    assert not any(page.alive for page in _pages(tmp_path)), "something is left running"


def check_governance(said: dict[str, Any]) -> None:
    """Check what the second part came to, and what it left behind."""
    ordinary, better = said["ordinary"], said["made_to_be_better"]
    edge = ordinary["edge_bps_per_step"]
    assert (ordinary["promoted"], ordinary["manifest"]) == (False, "fail")
    assert edge["lower"] < edge["mean"] < edge["upper"] < 0.0
    assert (better["constructed"], better["promoted"], better["manifest"]) == (True, True, "pass")
    assert better["edge_bps_per_step"]["lower"] > 0.0
    assert [one["cycle"] for one in said["cycles"]] == [1, 2, 3, 4, 5]
    assert all(Path(one["note"]).is_file() for one in said["cycles"])
    rolled = said["rollback"]
    assert (rolled["stopped_by"], rolled["cause"]) == (["drawdown"], "stop-latch")
    assert int(rolled["recovery_ns"]) == int(rolled["effective_at_ns"]) - int(
        rolled["detected_at_ns"]
    )
    assert int(rolled["recovery_ns"]) > 0
    assert (rolled["proof"], rolled["manifest"], rolled["decisions"]) == ("pass", "fail", 10)
    codes = said["verify"]
    assert (codes["with_key"], codes["without"], codes["altered"]) == (0, 6, 4)
    assert all(Path(path).is_file() for path in said["look_at"])
    assert said["look_at"][0].endswith("review.html")


def check_advice(said: dict[str, Any]) -> None:
    """Check what came of asking, and that nobody takes the specialist for a model."""
    assert (said["model"], said["specialist"]) == (None, "torghut-specialist-v1")
    assert (said["verdict"], said["answered_again"]) == ("advice-approved", 2)
    assert said["target"] > said["target_before"] > 0.0
    assert said["decided_again"] == said["prices"]
    assert Path(said["log"]).is_file()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_demo_that_is_terminated_ends_what_it_began(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--json") as process:
        while process.poll() is None and not any(page.alive for page in _pages(tmp_path)):
            time.sleep(0.05)
        process.terminate()
        process.communicate()

    assert process.returncode == 6
    assert not any(page.alive for page in _pages(tmp_path))


def _pages(folder: Path) -> Sequence[WorkerSeen]:
    """Return the workers of the demo's live loop."""
    pages = folder / "var" / "demo" / "governance" / "var" / "workers"
    return read_pages(pages) if pages.is_dir() else ()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_root_that_is_not_the_published_one_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = folder / "declared"
    for name in ("streams", "governance", "router", "evals"):
        shutil.copytree(ROOT / name, declared / name)
    policy = declared / "router" / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    policy.write_text(text.replace("max_ratio: 0.85", "max_ratio: 0.8", 1), encoding="utf-8")
    monkeypatch.setenv(DECLARATIONS_DIR, str(declared))
    settings.cache_clear()

    ended = typed("demo")

    assert ended.status == 5
    assert ended.err.splitlines()[-1].startswith("cli.demo-failed: root: ")
    assert "changed since: the declarations" in ended.err


def test_missing_prices_are_told_with_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torghut.adapters.sources.recordings.demo.PACKAGE", "not_installed")

    ended = typed("demo")

    assert ended.status == 2
    assert "pip install 'torghut[demo]'" in ended.err
    assert list(folder.iterdir()) == []
