"""The composition root of what decides and replays: kernel, declarations, packages, sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torghut.adapters.filesystem.declarations import load
from torghut.adapters.filesystem.machine_code.keeping import FolderCode
from torghut.adapters.filesystem.machine_code.opening import why_refused
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.sources.decoding.scanner import compiled_scanner, scanner_is_kept
from torghut.adapters.sources.opening import open_source
from torghut.adapters.sources.target import InstrumentTiming
from torghut.adapters.system.processes import run_python
from torghut.artifacts.ports import PackageStore
from torghut.decisions.declarations import Declarations
from torghut.decisions.kernel.engine import DecisionKernel, compiled_kernel, kernel_is_kept
from torghut.decisions.kernel.feature_pass import (
    FeaturePass,
    compiled_feature_pass,
    feature_pass_is_kept,
)
from torghut.evals.baselines import BaselineInvalidError, RunBaseline, parse_run_baseline
from torghut.kernel.native.ports import CodeStore
from torghut.market.instruments import receive_latency_ns
from torghut.market.ports import Source
from torghut.settings import settings

__all__ = [
    "BASELINES",
    "DEMO_BASELINE",
    "cache_fault",
    "compile_decisions",
    "compile_reading",
    "declarations",
    "declarations_in",
    "demo_baseline",
    "feature_pass",
    "kernel",
    "kernel_cache",
    "kernels_are_cached",
    "machine_code",
    "package_store",
    "source",
]

BASELINES = "router/baselines"
"""Where packages that come with a checkout or a wheel are kept."""

DEMO_BASELINE = "evals/baselines/demo.json"
"""What the demo comes to, as published."""

_COMPILES = tuple(
    f"from torghut.composition.deciding import {name}; {name}()"
    for name in ("compile_decisions", "compile_reading")
)


def declarations() -> Declarations:
    """Return the declarations of this installation."""
    return load(settings().declarations_dir)


def declarations_in(root: Path) -> Declarations:
    """Return the declarations below ``root``.

    Raises:
        DeclarationError: One is missing, or does not fit its model.
    """
    return load(root)


def package_store(root: Path | None = None) -> PackageStore:
    """Return the packages under ``root``, by default those that came with this installation."""
    return FolderPackageStore(root or settings().declarations_dir / BASELINES)


def source(uri: str, declared: Declarations) -> Source:
    """Return the source that ``uri`` names."""
    instruments = {
        instrument.symbol: InstrumentTiming(latency_ns=receive_latency_ns(instrument))
        for instrument in declared.instruments
    }
    return open_source(uri, instruments, machine_code=_filled_cache())


def demo_baseline() -> RunBaseline:
    """Return what the demo is published to come to.

    Raises:
        BaselineInvalidError: The file that says so is missing or altered.
    """
    try:
        text = (settings().declarations_dir / DEMO_BASELINE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineInvalidError(name=DEMO_BASELINE, found=str(error)) from error
    return parse_run_baseline(text, name=DEMO_BASELINE)


def cache_fault() -> str:
    """Return why compiled kernels are not kept on this machine; empty if they are."""
    folder = settings().cache_dir
    return "no folder is writable" if folder is None else why_refused(folder)


def kernel_cache() -> Path | None:
    """Return where compiled kernels are kept; None where they live in memory."""
    return None if cache_fault() else settings().cache_dir


def machine_code() -> CodeStore | None:
    """Return what keeps compiled kernels; None where they live in memory."""
    folder = kernel_cache()
    return None if folder is None else FolderCode(folder)


def compile_decisions() -> None:
    """Compile what decides into the cache; for a child, with which the compiler's memory goes."""
    compiled_kernel(machine_code())


def compile_reading() -> None:
    """Compile what reads sources into the cache; for a child likewise."""
    store = machine_code()
    compiled_scanner(store)
    compiled_feature_pass(store)


def kernels_are_cached(store: CodeStore) -> bool:
    """Return whether every kernel of this installation is in ``store``."""
    return kernel_is_kept(store) and scanner_is_kept(store) and feature_pass_is_kept(store)


def kernel(waiting: Callable[[float], None] = lambda _: None) -> DecisionKernel:
    """Return the decision kernel, compiled before.

    Args:
        waiting: Told every half second how many seconds the compilation has taken so far.
    """
    return compiled_kernel(_filled_cache(waiting))


def feature_pass() -> FeaturePass:
    """Return the feature pass, compiled before."""
    return compiled_feature_pass(_filled_cache())


def _filled_cache(waiting: Callable[[float], None] = lambda _: None) -> CodeStore | None:
    """Return what keeps compiled kernels, with those of this installation there.

    What is missing is compiled in child processes: this one stays without a compiler.
    """
    store = machine_code()
    if store is not None and not kernels_are_cached(store):
        run_python(_COMPILES, waiting)
    return store
