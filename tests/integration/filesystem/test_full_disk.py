"""A switch is thrown, and a page written, on a disk that is really full."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.system


def test_a_switch_is_thrown_and_a_page_written_on_a_full_disk(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare on the path: install the system package util-linux")
    enter = [unshare, "--map-root-user", "--mount"]
    tried = subprocess.run([*enter, "true"], check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")

    ended = subprocess.run(
        [*enter, sys.executable, "-m", "tests.integration.filesystem.mounted", str(tmp_path)],
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
    assert json.loads(ended.stdout) == {
        "thrown": ["throw-1", "the switch file is empty"],
        "released": True,
        "page": 7,
    }
