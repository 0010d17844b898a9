"""Switches are thrown, recorded and obeyed on a disk that is really full."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import compiled

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.system


def on_a_full_disk(module: str, folder: Path) -> object:
    """Return what a module prints as JSON that runs where it may mount a small disk."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare on the path: install the system package util-linux")
    enter = [unshare, "--map-root-user", "--mount"]
    tried = subprocess.run([*enter, "true"], check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")
    compiled()

    ended = subprocess.run(
        [*enter, sys.executable, "-m", f"tests.integration.filesystem.{module}", str(folder)],
        cwd=ROOT,
        env={
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "PATH": os.defpath + ":/usr/sbin:/sbin",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_switch_is_thrown_and_a_page_written_on_a_full_disk(tmp_path: Path) -> None:
    assert on_a_full_disk("mounted", tmp_path) == {
        "thrown": ["throw-1", "the switch file is empty"],
        "released": True,
        "page": 7,
    }


@pytest.mark.timeout(120)
def test_switches_thrown_on_a_full_disk_come_before_the_next_decision(tmp_path: Path) -> None:
    assert on_a_full_disk("serving", tmp_path) == {
        "thrown": [0, 0, 0],
        "told while full": "nothing",
        "degraded": ["disk-full"],
        "stopped": True,
        "recorded": ["defensive-weights", "deterministic-only", "stop"],
    }
