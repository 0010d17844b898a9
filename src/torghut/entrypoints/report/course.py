"""One symbol's course in six charts over one another, with the numbers under the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from torghut.entrypoints.report.axes import Range, Tick, range_of, time_ticks
from torghut.entrypoints.report.figures import count
from torghut.entrypoints.report.markup import Markup, element, joined
from torghut.entrypoints.report.paths import area, band, bars, boxes, line, steps
from torghut.entrypoints.report.plots import UNITS, Frame, chart, curve
from torghut.entrypoints.report.readout import readout
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Expert, Gate, Intent, published_name, published_names
from torghut.workflows.report.summary import Series, SymbolReport

_EXPERTS: Final = published_names(Expert)
_SHADES: Final = 4
_STRIP: Final = 12
_COLUMNS: Final = 300
_DWARFED: Final = 4.0


def course(symbol: SymbolReport, series: Series) -> Markup:
    """Return a symbol's charts."""
    ticks = time_ticks(series.time_ns)
    return joined(
        (
            element("p", _explained(series), class_="note"),
            *readout(symbol, series),
            _price(symbol, series, ticks),
            _changes(series, ticks),
            _weights(series, ticks),
            _position(symbol, series, ticks),
            _equity(symbol, series, ticks),
            _gates(series, ticks),
        )
    )


def _explained(series: Series) -> str:
    """Return what a point of the charts is."""
    each = "every decision" if series.stride == 1 else f"one decision in {count(series.stride)}"
    return (
        f"{count(len(series.price))} points, {each}; across: decisions in their order, "
        "so time runs faster where there were few. Bands, bars and strips count all decisions."
    )


def _figure(title: str, legend: Sequence[tuple[str, str]], body: Markup) -> Markup:
    """Return a chart below its title and legend; a legend's entry is a class and a text."""
    entries = [
        element("span", element("i", class_=f"key {class_}"), text) for class_, text in legend
    ]
    return element(
        "figure", element("figcaption", element("b", title), *entries, class_="legend"), body
    )


def _price(symbol: SymbolReport, series: Series, ticks: Sequence[Tick]) -> Markup:
    """Return the price in front of the regimes."""
    frame = Frame(
        points=len(series.price), height=190, spanned=range_of([*series.low, *series.high])
    )
    labels = symbol.regime_labels
    likeliest = [max(range(len(counts)), key=counts.__getitem__) for counts in series.regimes]
    regimes = [
        curve(boxes([n == i for n in likeliest[:-1]], 0, frame.floor), f"regime {label}")
        for i, label in enumerate(labels)
    ]
    low = [frame.steps(value) for value in series.low]
    high = [frame.steps(value) for value in series.high]
    return _figure(
        f"Price, {symbol.currency}",
        [
            ("price", "mid price, with its range"),
            *((f"regime {label}", label) for label in labels),
        ],
        chart(
            frame,
            [
                *regimes,
                curve(band(high, low), "range"),
                curve(line(frame.heights(series.price)), "price"),
            ],
            ticks,
            label=f"Price of {symbol.symbol} with the likeliest regime",
            show_times=True,
        ),
    )


def _changes(series: Series, ticks: Sequence[Tick]) -> Markup:
    """Return how many decisions bought and sold."""
    together = _together(series)
    buys = _added([counts[Intent.BUY] for counts in series.intents], together)
    sells = _added([counts[Intent.SELL] for counts in series.intents], together)
    most = max(1, *buys, *sells)
    frame = Frame(points=len(buys), height=44, spanned=Range(low=-most, high=most))
    middle = frame.floor // 2
    up = [-round(n / most * middle) for n in buys]
    down = [round(n / most * middle) for n in sells]
    ends = [Tick(at=most, label=str(most)), Tick(at=-most, label=str(most))]
    return _figure(
        "Changes of the target",
        [("buy", "buys, upwards"), ("sell", "sells, downwards")],
        chart(
            frame,
            [curve(bars(up, middle), "buy"), curve(bars(down, middle), "sell")],
            _nearer(ticks, together),
            label="Buying and selling decisions",
            values=ends,
        ),
    )


def _weights(series: Series, ticks: Sequence[Tick]) -> Markup:
    """Return the router's weights on top of one another."""
    frame = Frame(points=len(series.weights), height=90, spanned=Range(low=0.0, high=1.0))
    layers: list[Markup] = []
    for expert in range(len(_EXPERTS), 0, -1):
        tops = [min(1.0, math.fsum(weights[:expert])) for weights in series.weights]
        heights = [frame.steps(top) for top in tops]
        flat = len(set(heights)) == 1
        shape = boxes([True] * len(tops), 0, frame.floor) if flat else area(heights, frame.floor)
        layers.append(curve(shape, f"expert {_EXPERTS[expert - 1]}"))
    halves = [Tick(at=at, label=f"{at:g}") for at in (0.0, 0.5, 1.0)]
    return _figure(
        "Router weights",
        [(f"expert {name}", name) for name in _EXPERTS],
        chart(frame, layers, ticks, label="Weights of the experts", values=halves),
    )


def _position(symbol: SymbolReport, series: Series, ticks: Sequence[Tick]) -> Markup:
    """Return target and position, and where most decisions abstained."""
    known = [target for target in series.target if target is not None]
    frame = Frame(
        points=len(series.position),
        height=110,
        spanned=range_of([*known, *series.position], zero=True),
    )
    abstained = [2 * counts[Intent.ABSTAIN] > sum(counts) for counts in series.intents]
    return _figure(
        f"Target and position, {symbol.unit}",
        [("target", "target"), ("position", "position"), ("abstain", "mostly abstaining")],
        chart(
            frame,
            [
                curve(boxes(abstained, 0, frame.floor), "abstain"),
                curve(steps(frame.heights(series.position)), "position"),
                curve(steps(frame.heights(series.target)), "target"),
            ],
            ticks,
            label="Target and position",
        ),
    )


def _equity(symbol: SymbolReport, series: Series, ticks: Sequence[Tick]) -> Markup:
    """Return the paper equity against its baselines; apart where holding dwarfs the others."""
    active = [(SERVING, "as decided", series.equity)]
    if series.trend:
        active.append(("trend", "static trend", series.trend))
    curves = [("holding", "buy and hold", series.holding), *active]
    title = f"Simulated gain, {symbol.currency}, net of spread, slippage and fees"
    whole = _gains(title, curves, ticks)
    own = max(abs(value) for _, _, values in active for value in values)
    if max(map(abs, series.holding)) < _DWARFED * own or own == 0.0:
        return whole
    return joined((whole, _gains("The same without buy and hold", active, ticks)))


def _gains(
    title: str, curves: Sequence[tuple[str, str, Sequence[float]]], ticks: Sequence[Tick]
) -> Markup:
    """Return curves of gains, each a class, a name and its values, around zero."""
    everything = [value for _, _, values in curves for value in values]
    points = len(curves[0][2])
    frame = Frame(points=points, height=140, spanned=range_of(everything, zero=True))
    drawn = [curve(line(frame.heights(values)), class_) for class_, _, values in curves]
    zero = curve(f"M0 {frame.steps(0.0)}h{points - 1}", "zero")
    return _figure(
        title,
        [(class_, name) for class_, name, _ in curves],
        chart(frame, [zero, *drawn], ticks, label=title),
    )


def _gates(series: Series, ticks: Sequence[Tick]) -> Markup:
    """Return which gates failed when: the darker, the more of a point's decisions."""
    failed = [gate for gate in Gate if any(counts[gate] for counts in series.gates)]
    if not failed:
        return element("p", "No decision failed a gate.", class_="note")
    together = _together(series)
    frame = Frame(
        points=-(-len(series.intents) // together),
        height=_STRIP * len(failed),
        spanned=Range(low=0.0, high=float(len(failed))),
    )
    decisions = _added([sum(counts) for counts in series.intents], together)
    strips: list[Markup] = []
    names: list[Tick] = []
    for row, gate in enumerate(failed):
        counts = _added([counts[gate] for counts in series.gates], together)
        shades = [
            math.ceil(_SHADES * n / max(1, of)) for n, of in zip(counts, decisions, strict=True)
        ]
        top, height = (row * _STRIP + 1) * UNITS, (_STRIP - 2) * UNITS
        strips += [
            curve(boxes([n == shade for n in shades], top, height), f"gate s{shade}")
            for shade in range(1, _SHADES + 1)
        ]
        at = len(failed) - row - 0.5
        names.append(Tick(at=at, label=published_name(gate)))
    return _figure(
        "Failed gates",
        [(f"gate s{n}", f"up to {100 * n // _SHADES} % of decisions") for n in (1, _SHADES)],
        chart(
            frame,
            strips,
            _nearer(ticks, together),
            label="Gates that failed",
            values=names,
            show_times=True,
        ),
    )


def _together(series: Series) -> int:
    """Return how many points share a column where single points are too fine to be seen."""
    return -(-len(series.intents) // _COLUMNS)


def _nearer(ticks: Sequence[Tick], together: int) -> list[Tick]:
    """Return ticks of points as ticks of columns."""
    return [Tick(at=tick.at / together, label=tick.label) for tick in ticks]


def _added(numbers: Sequence[int], together: int) -> list[int]:
    """Return the sums of so many neighbours each."""
    return [sum(numbers[i : i + together]) for i in range(0, len(numbers), together)]
