"""Where a model was fitted: what changes its last digits and therefore its digest."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Final, cast

from llvmlite import binding

FIT_THREADS: Final = 1
"""Threads a fit may use: with two the sums are taken in another order."""

_LIBRARIES: Final = ("numpy", "hmmlearn", "scikit-learn", "scipy", "numba", "llvmlite")


def environment_fingerprint() -> Mapping[str, str]:
    """Return interpreter, libraries, processor and threads, by name."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        "system": platform.system().lower(),
        "machine": platform.machine(),
        "cpu": cast("str", binding.get_host_cpu_name()),
        "threads": str(FIT_THREADS),
    }
