"""A made-up market of any number of alike symbols, and what it takes to decide it.

Prices walk at random and come back to where they began, so the same rows can be told again, later,
without a jump. Memories are short: a symbol decides in earnest after some forty quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from tests.support.decisions.packages import eager_package
from torghut.composition.deciding import declarations, kernel, package_store
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.market.ports import Batch, Cursor, Source, SourceDescription, SourcePart
from torghut.router.package import read_regime_model
from torghut.schemas.declarations.governance import GatePolicies
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.rows import CONTEXT
from torghut.workflows.opening import Setup
from torghut.workflows.running.serving import serving_packages

RowArray = npt.NDArray[np.void]

MODEL: Final = "fxcm:EURUSD"
"""The shipped instrument that the made-up ones resemble."""

_BEGIN_NS: Final = 1_399_334_400_000_000_000
_STEP_NS: Final = 500_000_000
_TICK: Final = 1e-5
_MOVE_TICKS: Final = 3.0
_PRICE: Final = 1.3
_DIGEST: Final = "ab" * 32
_MEMORY: Final = {
    "sample_interval_ms": 1000,
    "longest_pause_s": 900,
    "fast_samples": 5,
    "slow_samples": 20,
    "channel_samples": 20,
    "warm_up_samples": 20,
    "horizon_samples": 20,
}


def names(count: int) -> tuple[str, ...]:
    """Return the symbols of a market of ``count``."""
    return tuple(f"made-up:S{index:05d}" for index in range(count))


@cache
def declared(count: int) -> Declarations:
    """Return the shipped declarations with ``count`` made-up instruments in place of their own."""
    shipped = declarations()
    like = shipped.instrument(MODEL).model_dump()
    like |= {"calendar": "always-open", "sampling": _MEMORY}
    gates = shipped.gates.model_dump()
    gates["portfolio"] |= {"cap": str(100_000 * count), "max_symbols": count}
    return replace(
        shipped,
        instruments=tuple(
            Instrument.model_validate(like | {"symbol": name}) for name in names(count)
        ),
        gates=GatePolicies.model_validate(gates),
    )


@cache
def shared_kernel() -> DecisionKernel:
    """Return the compiled kernel, loaded once a process."""
    return kernel()


def setup(symbols: int) -> Setup:
    """Return what a run over the made-up market is asked to decide with."""
    package = eager_package(declarations().instrument(MODEL).router)
    return Setup(
        kernel=shared_kernel(),
        declarations=declared(symbols),
        packages={package.manifest.name: package},
    )


def fresh_fold(symbols: int, *, shadow_router: bool = False) -> DecisionFold:
    """Return the memory of a run that has seen nothing but knows every symbol of the market."""
    asked = setup(symbols)
    genesis = Genesis(
        declarations=asked.declarations,
        packages={name: package.digest for name, package in asked.packages.items()},
        shadow_router=shadow_router,
    )
    fold = DecisionFold(kernel=asked.kernel, genesis=genesis)
    for package in asked.packages.values():
        fold.packages[package.digest] = read_regime_model(package)
    for name in names(symbols):
        fold.symbol_index(name)
    fold.source_index(_DIGEST)
    return fold


def installed_setup() -> Setup:
    """Return what a run over real data is asked to decide with: what is shipped.

    A router without a package of its own serves a made-up one, so that its path is measured too.
    """
    declared_here = declarations()
    packages = serving_packages(declared_here, package_store(), {})
    for instrument in declared_here.instruments:
        packages.setdefault(instrument.router, eager_package(instrument.router))
    return Setup(kernel=shared_kernel(), declarations=declared_here, packages=packages)


def quotes(count: int, *, symbols: int, seed: int = 0) -> RowArray:
    """Return ``count`` quotes over ``symbols``, on average two a second of each."""
    draw = np.random.Generator(np.random.PCG64(seed))
    rows = np.zeros(count, CONTEXT)
    rows["symbol"] = draw.integers(0, symbols, count)
    rows["sequence"] = np.arange(count)
    pauses = draw.exponential(_STEP_NS / symbols, count)
    rows["receive_ns"] = _BEGIN_NS + np.cumsum(pauses).astype(np.int64) // 1000 * 1000
    rows["event_ns"] = rows["receive_ns"] - 50_000_000
    bids = np.round(_PRICE / _TICK + _walks(rows["symbol"], draw))
    rows["bid"] = bids * _TICK
    rows["ask"] = (bids + draw.integers(1, 9, count)) * _TICK
    rows["bid_size"] = draw.integers(1, 50, count) * 1e5
    rows["ask_size"] = draw.integers(1, 50, count) * 1e5
    rows["last"] = rows["last_size"] = np.nan
    return rows


def _walks(symbols: npt.NDArray[np.uint32], draw: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a walk of each symbol in ticks, shape (n,), that ends where it began."""
    walks = np.zeros(len(symbols))
    order = np.argsort(symbols, kind="stable")
    _, counts = np.unique(symbols, return_counts=True)
    for places in np.split(order, np.cumsum(counts)[:-1]):
        walk = np.cumsum(draw.normal(0.0, _MOVE_TICKS, len(places)))
        walks[places] = walk - walk[-1] * np.arange(1, len(places) + 1) / len(places)
    return walks


@cache
def _describe(symbols: int) -> SourceDescription:
    """Return what a market of ``symbols`` says of itself; the loop asks at every batch."""
    return SourceDescription(
        kind="made-up",
        parts=[SourcePart(name="made-up", digest=_DIGEST)],
        symbols=names(symbols),
        columns=CONTEXT.names or (),
        assumptions={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Market(Source):
    """The same quotes told again and again, each time later, as often as it takes.

    Attributes:
        rows: Shape (n,), numbered by ``names(symbols)``.
        symbols: How many.
        total: How many contexts to tell; 0 for each row once.
    """

    rows: RowArray
    symbols: int
    total: int = 0

    @property
    @override
    def description(self) -> SourceDescription:
        return _describe(self.symbols)

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        span_ns = int(self.rows["receive_ns"][-1] - self.rows["receive_ns"][0]) + _STEP_NS
        length, total = len(self.rows), self.total or len(self.rows)
        start = after.record
        while start < total:
            told, first = divmod(start, length)
            count = min(max_records, length - first, total - start)
            contexts = self.rows[first : first + count].copy()
            contexts["sequence"] += np.uint64(told * length)
            contexts["receive_ns"] += told * span_ns
            contexts["event_ns"] += told * span_ns
            start += count
            yield Batch(contexts=contexts, cursor=Cursor(record=start))
