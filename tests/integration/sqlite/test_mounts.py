"""A full and a read-only file system, real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.machine.namespaces import printed_apart
from tests.unit.adapters.sqlite.files import closed, crashed

pytestmark = pytest.mark.system


def in_namespace(case: str, folder: Path) -> object:
    """Return what ``case`` of ``mounted.py`` found on ``folder``."""
    return printed_apart("tests.integration.sqlite.mounted", case, str(folder), timeout_s=50)


def test_a_full_disk_is_said_and_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    assert in_namespace("small", tmp_path) == {
        "writing": "disk-full",
        "kept": True,
        "went on": True,
    }


def test_a_closed_log_can_be_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    closed(tmp_path, blocks=3)

    assert in_namespace("read-only", tmp_path) == {
        "writing": "read-only",
        "reading": 3,
        "intact": True,
    }


def test_a_crashed_log_cannot_be_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    path, _ = crashed(tmp_path, blocks=3)

    assert in_namespace("read-only", path.parent) == {
        "writing": "read-only",
        "reading": "cannot-open",
    }
