"""A full and a read-only file system, real ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.adapters.sqlite.files import closed, crashed

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.system


def in_namespace(case: str, folder: Path) -> Mapping[str, object]:
    """Return what ``case`` of ``mounted.py`` found on ``folder``."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare on the path: install the system package util-linux")
    enter = [unshare, "--map-root-user", "--mount"]
    tried = subprocess.run([*enter, "true"], check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")
    ended = subprocess.run(
        [*enter, sys.executable, "-m", "tests.integration.sqlite.mounted", case, str(folder)],
        cwd=ROOT,
        env={
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "PATH": os.defpath + ":/usr/sbin:/sbin",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    found: Mapping[str, object] = json.loads(ended.stdout)
    return found


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
