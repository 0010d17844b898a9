"""The composition root: the one place that chooses implementations."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torghut.adapters.filesystem.declarations import load
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.sources.opening import open_source
from torghut.adapters.system.clock import SystemClock
from torghut.artifacts.package import Package
from torghut.artifacts.ports import PackageStore
from torghut.decisions.declarations import Declarations
from torghut.decisions.engine import DecisionKernel, compiled_kernel, kernel_is_cached
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.market.instruments import receive_latency_ns
from torghut.market.ports import Source
from torghut.settings import settings

BASELINES = "router/baselines"
"""Where packages that come with a checkout or a wheel are kept."""

_COMPILE = "from torghut.bootstrap import compile_kernel; compile_kernel()"


class PackageAmbiguousError(TorghutError):
    """Several packages of one name could serve and none is chosen."""

    code: ClassVar[str] = "bootstrap.package-ambiguous"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, name: str, found: tuple[str, ...]) -> None:
        super().__init__(
            f"router package {name!r}: expected one, found {', '.join(found)}; "
            "choose with --package NAME@DIGEST"
        )
        self.name = name
        self.found = found


@dataclass(frozen=True, slots=True)
class Timing:
    """What a source asks of an instrument."""

    latency_ns: int


def declarations() -> Declarations:
    """Return the declarations of this installation."""
    return load(settings().declarations_dir)


def package_store(root: Path | None = None) -> PackageStore:
    """Return the packages under ``root``, by default those that came with this installation."""
    return FolderPackageStore(root or settings().declarations_dir / BASELINES)


def serving_packages(
    declared: Declarations, store: PackageStore, chosen: Mapping[str, str]
) -> dict[str, Package]:
    """Return the package that serves each router name; names without one are left out.

    Args:
        declared: Which names the instruments use.
        store: Where packages are kept.
        chosen: Digest, or its first digits, by name, where people chose one.

    Raises:
        PackageAmbiguousError: Several have a name and none is chosen.
    """
    serving: dict[str, Package] = {}
    for name in sorted({instrument.router for instrument in declared.instruments}):
        wanted = chosen.get(name, "")
        found = [
            reference
            for reference in store.references()
            if reference.name == name and reference.digest.startswith(wanted)
        ]
        if len(found) > 1:
            raise PackageAmbiguousError(name=name, found=tuple(map(str, found)))
        if found:
            serving[name] = store.load(found[0])
    return serving


def source(uri: str, declared: Declarations) -> Source:
    """Return the source that ``uri`` names."""
    instruments = {
        instrument.symbol: Timing(receive_latency_ns(instrument))
        for instrument in declared.instruments
    }
    return open_source(uri, instruments, cache_root=settings().cache_dir)


def compile_kernel() -> None:
    """Compile the kernel into the cache; for a child process, whose memory then goes away."""
    compiled_kernel(settings().cache_dir)


def kernel(waiting: Callable[[float], None] = lambda _: None) -> DecisionKernel:
    """Return the compiled kernel, compiled in a child process where the cache has not this build.

    Args:
        waiting: Told every half second how many seconds the compilation has taken so far.
    """
    cache = settings().cache_dir
    if cache is not None and not kernel_is_cached(cache):
        begin = time.monotonic()
        with subprocess.Popen([sys.executable, "-c", _COMPILE]) as child:
            while True:
                try:
                    child.wait(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    waiting(time.monotonic() - begin)
    return compiled_kernel(cache)
