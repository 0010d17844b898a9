"""The course of faults sees a worker that ended by itself, and a defect however it was said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.carrying.carried_chaos import check_not_ended, defects_in
from tests.support.carrying.deployments import Worker


def ended(folder: Path, status: int) -> Worker:
    """Return a worker that ended by itself with this status."""
    leaving = f"import sys; sys.exit({status})"
    process = subprocess.Popen([sys.executable, "-S", "-c", leaving])
    process.wait()
    return Worker(name="one", log="", bootstrap="", folder=folder, process=process)


def test_worker_that_ended_by_a_defect_fails_the_course(tmp_path: Path) -> None:
    one = ended(tmp_path, 3)
    one.out.write_text("cli.unforeseen: expected no error like this one\n", "utf-8")
    with pytest.raises(AssertionError, match=r"one ended by itself with 3: cli\.unforeseen"):
        check_not_ended(one)


@pytest.mark.parametrize("status", [0, 1, 4, 5])
def test_worker_that_ended_for_another_reason_of_its_own_fails_the_course(
    tmp_path: Path, status: int
) -> None:
    with pytest.raises(AssertionError, match=f"ended by itself with {status}"):
        check_not_ended(ended(tmp_path, status))


def test_worker_that_found_no_server_may_have_ended(tmp_path: Path) -> None:
    check_not_ended(ended(tmp_path, 7))
    check_not_ended(Worker(name="new", log="", bootstrap="", folder=tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        '{"time":"2014-05-05T12:00:00Z","level":"error","event":"defect","where":"worker"}',
        "cli.unforeseen: expected no error like this one, found ZeroDivisionError",
        "Traceback (most recent call last):",
    ],
)
def test_defect_is_seen_however_it_was_said(tmp_path: Path, line: str) -> None:
    (tmp_path / "one.out").write_text(f"worker   one of the group torghut\n{line}\n", "utf-8")
    (tmp_path / "two.out").write_text("worker   two of the group torghut\n", "utf-8")
    assert defects_in(tmp_path) == [line]
