"""A test run ends by saying what it did not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.tree import ROOT
from tests.support.machine.last_line import last_line

EXAMPLES: Final = """
import pytest

def test_plain():
    pass

@pytest.mark.data
def test_recorded():
    pytest.skip("no recorded market data at here")

@pytest.mark.system
def test_traced():
    pytest.skip("needs strace")
"""
PLUGINS: Final = ("-p", "xdist", "-p", "tests.support.machine.last_line")
"""The one under test, and the one that it works with; those of the examples are none."""
CONFIGURATION: Final = """
[tool.pytest]
markers = ["data: recorded", "system: tool"]
"""


def run(folder: Path, *arguments: str, ci: str = "true") -> subprocess.CompletedProcess[str]:
    """Run the example tests in a process of its own, with the plugin under test."""
    (folder / "test_examples.py").write_text(EXAMPLES, encoding="utf-8")
    (folder / "pyproject.toml").write_text(CONFIGURATION, encoding="utf-8")
    path = os.pathsep.join([str(ROOT), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGINS, *arguments],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": path,
            "CI": ci,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_nothing_left_out_is_said_too() -> None:
    assert last_line({}, {}) == "Not run: nothing."


def test_what_was_left_out_and_skipped_is_counted_and_named() -> None:
    line = last_line({"data": 3, "slow": 1}, {"needs strace": 2})

    assert line.startswith("Not run: 3 want recorded market data; 1 want more time; 2 skipped:")
    assert "make test-all" in line


@pytest.mark.parametrize("workers", ["0", "1"])
def test_last_line_counts_what_was_deselected(tmp_path: Path, workers: str) -> None:
    ended = run(tmp_path, "-m", "not data and not system", "-n", workers)

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].startswith(
        "Not run: 1 want recorded market data; 1 want a system tool or a server."
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"])
def test_ci_refuses_a_skip_for_want_of_a_tool(tmp_path: Path, workers: str) -> None:
    ended = run(tmp_path, "--tools-required", "-n", workers)

    assert ended.returncode == 1
    assert "CI refuses to skip for want of a server or a tool: needs strace" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("Not run: 1 skipped: needs strace; 1 skipped")


def test_missing_recorded_data_is_excused(tmp_path: Path) -> None:
    ended = run(tmp_path, "--tools-required", "-k", "not traced")

    assert ended.returncode == 0


def test_outside_ci_a_missing_tool_is_only_said(tmp_path: Path) -> None:
    ended = run(tmp_path, "--tools-required", ci="")

    assert ended.returncode == 0
