"""The kernels that tests share, each compiled once a process and kept between runs."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

from torghut.decisions.kernel.engine import DecisionKernel, compiled_kernel, reference_kernel
from torghut.decisions.kernel.feature_pass import FeaturePass, compiled_feature_pass


def cache_folder() -> Path:
    """Return where compiled kernels of all builds are kept: this user's temporary folder."""
    return Path(tempfile.gettempdir()) / f"torghut-kernels-{os.getuid()}"


@functools.cache
def compiled() -> DecisionKernel:
    """Return the compiled decision kernel."""
    return compiled_kernel(cache_folder())


@functools.cache
def reference() -> DecisionKernel:
    """Return the same kernel as plain Python."""
    return reference_kernel()


@functools.cache
def feature_pass() -> FeaturePass:
    """Return the compiled feature pass."""
    return compiled_feature_pass(cache_folder())
