"""Runs a module where it may mount a file system of its own: in a mount namespace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.decisions.declared import ROOT


def printed_apart(module: str, *arguments: str, timeout_s: float) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON that a module prints; what it mounts is gone when it ends."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare on the path: install the system package util-linux")
    enter = [unshare, "--map-root-user", "--mount"]
    tried = subprocess.run([*enter, "true"], check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")
    ended = subprocess.run(
        [*enter, sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "PATH": os.defpath + ":/usr/sbin:/sbin",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )

    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def mount(*arguments: str) -> None:
    """Mount something, in a module that runs so."""
    subprocess.run(["mount", *arguments], check=True)  # noqa: S607


def mount_small(folder: Path, size: str) -> None:
    """Put a file system of so many bytes on a folder."""
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
