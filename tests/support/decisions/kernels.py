"""The kernels that tests share, each compiled once a process and kept between runs."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from torghut.adapters.filesystem.machine_code.keeping import FolderCode
from torghut.decisions.kernel.engine import DecisionKernel, compiled_kernel, reference_kernel
from torghut.decisions.kernel.feature_pass import FeaturePass, compiled_feature_pass


def cache_folder() -> Path:
    """Return where compiled kernels of all builds are kept: this user's temporary folder."""
    return Path(tempfile.gettempdir()) / f"torghut-kernels-{os.getuid()}"


def code_store() -> FolderCode:
    """Return what keeps them there."""
    return FolderCode(cache_folder())


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process of this checkout at a time compile; the others load what it kept."""
    with Path(__file__).open("rb") as this_file:
        fcntl.flock(this_file, fcntl.LOCK_EX)
        yield


@functools.cache
def compiled() -> DecisionKernel:
    """Return the compiled decision kernel."""
    with _one_at_a_time():
        return compiled_kernel(code_store())


@functools.cache
def reference() -> DecisionKernel:
    """Return the same kernel as plain Python."""
    return reference_kernel()


@functools.cache
def feature_pass() -> FeaturePass:
    """Return the compiled feature pass."""
    with _one_at_a_time():
        return compiled_feature_pass(code_store())
