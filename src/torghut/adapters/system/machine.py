"""What this machine and this installation are: processor, interpreter, libraries."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LIBRARIES: Final = (
    "torghut",
    "numpy",
    "numba",
    "llvmlite",
    "pydantic",
    "msgspec",
    "zstandard",
)
_PROCESSORS: Final = Path("/proc/cpuinfo")


def environment() -> Mapping[str, str]:
    """Return what could explain a difference between two machines, by name."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "sqlite": sqlite3.sqlite_version,
        "libc": "-".join(platform.libc_ver()),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": _processor_name(),
        "cpus": str(len(os.sched_getaffinity(0))),
    }


def fingerprint(facts: Mapping[str, str]) -> str:
    """Return a short digest of facts: equal ones have the same."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(facts.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def version(name: str) -> str:
    """Return the version of an installed package; a checkout on the path has none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor_name() -> str:
    """Return what the processor calls itself."""
    try:
        lines = _PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
