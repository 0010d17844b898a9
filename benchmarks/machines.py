"""Machines: the names of what the figures were measured on and with."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.rounds import ROOT, scratch_folder

_CPUINFO: Final = Path("/proc/cpuinfo")
_FSYNCS: Final = 50
_PACKAGES: Final = (
    *("torghut", "numpy", "numba", "llvmlite", "msgspec", "pyarrow", "pydantic", "rfc8785"),
    "zstandard",
)


def machine() -> Mapping[str, str]:
    """Name the machine, and how busy it and its disk are."""
    one, _, fifteen = os.getloadavg()
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "load": f"{one:.1f} at the start, {fifteen:.1f} over the 15 minutes before",
        "fdatasync": f"{_fdatasync_ms():.2f} ms",
    }


def versions() -> Mapping[str, str]:
    """Name the versions of what does the work."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version} | packages


def commit() -> str:
    """Return what is checked out, marked if it was changed since; empty where git does not say."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _processor() -> str:
    """Return the processor's name, its architecture where it has none."""
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _fdatasync_ms() -> float:
    """Return the median time of making 4 kB durable, in ms."""
    with scratch_folder() as folder, (folder / "probe").open("wb", buffering=0) as file:
        times = []
        for _ in range(_FSYNCS):
            file.write(bytes(4096))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3
