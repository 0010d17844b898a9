"""Single steps: one encoded context to its row and leaf, a row as JSON, the regimes of a market.

Many short rounds; the figure is that of the quietest one, because whatever else the machine does
only adds to a step of microseconds. Ratios are medians over the rounds, as everywhere.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeVar

import msgspec
import numpy as np

from benchmarks.figures import Goal, Line, Quantity, Result, percentile, spread
from benchmarks.market import RowArray, fresh_fold, names, quotes
from benchmarks.rounds import Effort, timed
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.render_context import RenderContext, render_context
from torghut.decisions.rendering import render_json
from torghut.kernel.ids import SERVING, symbol_key
from torghut.kernel.native.loading import entry
from torghut.router.regime import filter_step
from torghut.schemas.rows import CONTEXT, DECISION, ParameterRow, Rows, StateRow

T = TypeVar("T")
R = TypeVar("R")

_SYMBOLS: Final = 500
_WARM: Final = 20_000
_STEPS: Final = 3_000
_SAMPLES: Final = 200
_NS_PER_US: Final = 1_000
_CONTEXT: Final = struct.Struct("<IHBBBQqqdddddd")
_NAN: Final = float("nan")


class Quote(msgspec.Struct, frozen=True, gc=False):
    """One quote as a feed sends it."""

    symbol: str
    sequence: int
    event_ns: int
    receive_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The steps of one round, in microseconds: percentiles on the wall, the mean of CPU time."""

    p50: float
    p99: float
    cpu: float


def measure_latency(effort: Effort) -> Iterator[Result]:
    """Measure one context at a time, from JSON to row and leaf, and rows to JSON."""
    fold = fresh_fold(_SYMBOLS)
    rows = quotes(_WARM + _STEPS * _rounds(effort), symbols=_SYMBOLS)
    fold.decide(rows[:_WARM].copy())
    row = np.zeros(1, CONTEXT)
    buffer = row.view(np.uint8).data
    decode = msgspec.json.Decoder(Quote).decode

    def unpack(message: bytes) -> None:
        quote = decode(message)
        where = (fold.symbol_index(quote.symbol), 0, 0, 0, 0)
        when = (quote.sequence, quote.event_ns, quote.receive_ns)
        sizes = (quote.bid_size, quote.ask_size, _NAN, _NAN)
        _CONTEXT.pack_into(buffer, 0, *where, *when, quote.bid, quote.ask, *sizes)

    def decide(message: bytes) -> bytes:
        unpack(message)
        return fold.decide(row).arms[SERVING].rows

    decided: list[bytes] = []
    ours: list[Round] = []
    theirs: list[Round] = []
    for start in range(_WARM, len(rows), _STEPS):
        messages = _encode(rows[start : start + _STEPS])
        theirs.append(_repeat(unpack, messages)[0])
        one, decided = _repeat(decide, messages)
        ours.append(one)
    baseline = "msgspec and struct alone: the same bytes into a row"
    yield from _lines("one encoded context to row and leaf", (15.0, 60.0), ours, theirs, baseline)
    yield from _measure_rendering(effort, fold, [row for row in decided if row])


def measure_regimes(effort: Effort) -> Iterator[Result]:
    """Measure the posterior step of a market of symbols, compiled, beside numpy's."""
    fold = fresh_fold(_SYMBOLS)
    fold.decide(quotes(_WARM, symbols=_SYMBOLS))
    states, parameters = fold.arms[SERVING], fold.tables.parameters
    draw = np.random.Generator(np.random.PCG64(1))
    samples = [draw.normal(0.0, 0.4, states["features"].shape) for _ in range(_SAMPLES)]

    def sampled(step: Callable[[RowArray, RowArray], object], rows: RowArray) -> Round:
        times = []
        with timed() as watch:
            for features in samples:
                rows["features"] = features
                begin = time.perf_counter_ns()
                step(rows, parameters)
                times.append((time.perf_counter_ns() - begin) / _NS_PER_US)
        cpu = watch.cpu_s / len(samples) * 1e6
        return Round(p50=percentile(times, 0.5), p99=percentile(times, 0.99), cpu=cpu)

    vectorised = states.copy()
    stepped = entry(_step_all, (states, parameters), None)
    ours: list[Round] = []
    theirs: list[Round] = []
    for _ in range(_rounds(effort)):
        ours.append(sampled(stepped, states))
        theirs.append(sampled(_step_vectorised, vectorised))
    apart = float(np.max(np.abs(states["posterior"] - vectorised["posterior"])))
    yield Line(
        measurement=f"regime posteriors of {_SYMBOLS} symbols, p50",
        unit="us",
        wall=min(one.p50 for one in ours),
        baseline="the same step in numpy, vectorised over the symbols",
        wall_ratio=median(a.p50 / b.p50 for a, b in zip(ours, theirs, strict=True)),
        goals=(Goal(quantity=Quantity.WALL, most=60.0),),
        spread_ratio=spread([one.p50 for one in ours]),
        note=f"posteriors at most {apart:.0e} apart",
    )


def _measure_rendering(
    effort: Effort, fold: DecisionFold, decided: Sequence[bytes]
) -> Iterator[Result]:
    """Measure rows to published JSON."""
    contexts = _render_contexts(fold)
    keys = np.frombuffer(b"".join(decided), DECISION)["symbol_key"].tolist()
    rows = [(row, contexts[key]) for row, key in zip(decided, keys, strict=True)]

    def render(item: tuple[bytes, RenderContext]) -> bytes:
        return render_json(*item)

    spelled = [msgspec.json.decode(render(row)) for row in rows]
    encode = msgspec.json.Encoder().encode
    ours: list[Round] = []
    theirs: list[Round] = []
    for _ in range(_rounds(effort)):
        theirs.append(_repeat(encode, spelled)[0])
        ours.append(_repeat(render, rows)[0])
    baseline = "msgspec encoding the same values from a dictionary"
    yield from _lines("one row to published JSON", (30.0, None), ours, theirs, baseline)


def _lines(
    measurement: str,
    limits_us: tuple[float, float | None],
    ours: Sequence[Round],
    theirs: Sequence[Round],
    baseline: str,
) -> Iterator[Line]:
    """Yield the median and the slow end of a step; no limit for the one means no goal."""
    quietest = min(ours, key=lambda one: one.p50)
    yield Line(
        measurement=f"{measurement}, p50",
        unit="us",
        cpu=quietest.cpu,
        wall=quietest.p50,
        baseline=baseline,
        cpu_ratio=median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True)),
        wall_ratio=median(a.p50 / b.p50 for a, b in zip(ours, theirs, strict=True)),
        goals=(Goal(quantity=Quantity.WALL, most=limits_us[0]),),
        spread_ratio=spread([one.p50 for one in ours]),
    )
    yield Line(
        measurement=f"{measurement}, p99",
        unit="us",
        wall=quietest.p99,
        baseline=baseline,
        wall_ratio=median(a.p99 / b.p99 for a, b in zip(ours, theirs, strict=True)),
        goals=(Goal(quantity=Quantity.WALL, most=limits_us[1]),) if limits_us[1] else (),
        spread_ratio=spread([one.p99 for one in ours]),
    )


def _rounds(effort: Effort) -> int:
    """Return how many short rounds to make."""
    return 2 * effort.rounds


def _repeat(step: Callable[[T], R], items: Sequence[T]) -> tuple[Round, list[R]]:
    """Time ``step`` on each item by itself; return what it returned beside that."""
    clock = time.perf_counter_ns
    times: list[float] = []
    results: list[R] = []
    with timed() as watch:
        for item in items:
            begin = clock()
            result = step(item)
            times.append((clock() - begin) / _NS_PER_US)
            results.append(result)
    cpu = watch.cpu_s / len(items) * 1e6
    return Round(p50=percentile(times, 0.5), p99=percentile(times, 0.99), cpu=cpu), results


def _encode(rows: RowArray) -> Sequence[bytes]:
    """Return quotes as a feed would send them."""
    symbols = names(_SYMBOLS)
    columns = [rows[name].tolist() for name in ("symbol", *Quote.__struct_fields__[1:])]
    return [
        msgspec.json.encode(Quote(symbols[symbol], *values))
        for symbol, *values in zip(*columns, strict=True)
    ]


def _render_contexts(fold: DecisionFold) -> Mapping[int, RenderContext]:
    """Return what the rows of each symbol leave to the declarations, by symbol key."""
    declared = fold.genesis.declarations
    return {
        symbol_key(facts.name): render_context(
            instrument=declared.instrument(facts.name),
            gates=declared.gates,
            parameters=fold.tables.parameters[index],
            lineage=fold.lineage(index, SERVING),
        )
        for index, facts in enumerate(fold.symbols)
    }


def _step_all(states: Rows[StateRow], parameters: Rows[ParameterRow]) -> int:
    """Move every symbol's posterior on by one sample; return how many there are."""
    for index in range(len(states)):
        filter_step(states[index], parameters[index])
    return len(states)


def _step_vectorised(states: RowArray, parameters: RowArray) -> None:
    """Do the same for all symbols at once, in numpy."""
    count = len(states)
    shape = (count, 4, -1)
    distance = states["features"][:, None, :] - parameters["regime_mean"].reshape(shape)
    weighed = distance * distance * parameters["regime_precision"].reshape(shape)
    log_likelihood = parameters["log_norm"] - 0.5 * weighed.sum(axis=2)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    transition = parameters["transition"].reshape(shape)
    posterior = np.einsum("ni,nij->nj", states["posterior"], transition) * likelihood
    posterior /= posterior.sum(axis=1, keepdims=True)
    states["regime_shock"] = 0.5 * np.abs(posterior - states["posterior"]).sum(axis=1)
    states["entropy"] = -(posterior * np.log(posterior)).sum(axis=1) / np.log(4)
    states["posterior"] = posterior
