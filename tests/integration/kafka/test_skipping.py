"""A machine that can run no broker is told so in one line, and by ``make test-all`` in its last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.declared import ROOT

pytestmark = pytest.mark.slow  # each is a run of pytest

EXAMPLE: Final = (
    "tests/integration/kafka/test_launcher.py::test_one_node_takes_part_when_it_is_handed_out"
)


def run(folder: Path, *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    """Run one test that wants a broker where there is no Java."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, EXAMPLE],
        cwd=ROOT,
        env={"PATH": str(folder), "CI": ci, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_machine_without_java_skips_what_wants_a_broker_with_one_reason(tmp_path: Path) -> None:
    ended = run(tmp_path, "-m", "not soak")

    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.splitlines()[-1] == (
        "Not run: 1 skipped: no Kafka: no java on the path; install Java 17 or newer."
    )


def test_ci_refuses_to_skip_it(tmp_path: Path) -> None:
    ended = run(tmp_path, "-m", "not soak", "--tools-required", ci="true")

    assert ended.returncode == 1
    assert "CI refuses to skip for want of a server or a tool: no Kafka" in ended.stdout


def test_make_test_leaves_it_out_without_looking_for_java(tmp_path: Path) -> None:
    ended = run(tmp_path)

    assert "1 want a system tool or a server" in ended.stdout.splitlines()[-1]
    assert "skipped" not in ended.stdout
