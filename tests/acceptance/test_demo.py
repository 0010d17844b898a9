"""``torghut demo``: killed half-way, resumed, replayed, and the published root all the same."""

from __future__ import annotations

import json
import os
import select
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tests.commands import installation, started, typed
from tests.declared import ROOT
from torghut import bootstrap
from torghut.settings import DECLARATIONS_DIR, settings

_SILENCE_S = 3.0


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path) as made:
        yield made


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
@pytest.mark.timeout(180)
def test_demo_comes_to_the_published_root_and_a_second_one_starts_fresh(folder: Path) -> None:
    first = typed("demo")
    second = typed("demo", "--json")
    baseline = bootstrap.demo_baseline()

    assert first.status == 0, first.err
    lines = first.out.splitlines()
    assert "1999-01-04 to 2018-12-31" in lines[0]
    assert "Open Source License" in lines[0]
    assert lines[0].endswith("recorded data, not live.")
    assert "does not overlap" in lines[2]
    assert baseline.root in first.out
    assert second.json["root"] == baseline.root
    assert 0 < second.json["killed_after_contexts"] < baseline.contexts
    assert second.json["contexts"] == second.json["decided"] + second.json["refused"]
    assert len(list((folder / "var" / "demo").glob("demo.log.*Z"))) == 1
    assert Path(second.json["page"]).is_file()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_demo_is_never_silent_for_long(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--json") as process:
        longest, said = _longest_silence_s(process)

    assert json.loads(said)["root_as_published"]
    assert longest < _SILENCE_S


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
