"""One symbol's course in a bounded number of points, each standing for as many decisions.

A point shows the first of its decisions and counts the others: the range of their prices, their
intents, regimes and failed gates. When points run out, neighbours are joined and stand for twice
as many; so the points depend on the decisions alone, never on how they came in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.schemas.codes import Expert, Gate, Intent
from torghut.workflows.report.columns import Codes, Failures, Floats, Grouped, Integers, RowArray
from torghut.workflows.report.tallies import NO_REGIME

POINTS: Final = 1200
"""Most points of a series but for its last, which is the last decision; even."""

_SAMPLE: Final = np.dtype(
    [
        ("receive_ns", "<i8"),
        ("price", "<f8"),
        ("weights", "<f8", (len(Expert),)),
        ("target", "<f8"),  # NaN where it abstained
        ("position", "<f8"),
        ("equity", "<f8"),
        ("trend", "<f8"),  # equity of the static trend baseline; NaN without one
    ]
)
_COUNTS: Final = {"intents": len(Intent), "regimes": NO_REGIME + 1, "gates": len(Gate)}


@dataclass(slots=True, kw_only=True)
class Course:
    """One symbol's points so far.

    Attributes:
        points: Most points there is room for; even.
        stride: Decisions that each point stands for.
        seen: Decisions taken in.
        samples: Shape (points,): the first decision of each point.
        last: Shape (1,): the last decision.
        low: Shape (points,): lowest reference price.
        high: Shape (points,): highest.
        counts: Shape (points, n) for ``intents regimes gates``; a gate where it failed.
    """

    points: int = POINTS
    stride: int = 1
    seen: int = 0
    samples: RowArray = field(init=False)
    last: RowArray = field(init=False)
    low: Floats = field(init=False)
    high: Floats = field(init=False)
    counts: dict[str, Integers] = field(init=False)

    def __post_init__(self) -> None:
        self.samples = np.zeros(self.points, _SAMPLE)
        self.last = np.zeros(1, _SAMPLE)
        self.low = np.full(self.points, np.inf)
        self.high = np.full(self.points, -np.inf)
        self.counts = {
            name: np.zeros((self.points, count), np.int64) for name, count in _COUNTS.items()
        }

    @property
    def length(self) -> int:
        """Return the number of points in use."""
        return -(-self.seen // self.stride)

    def take(self, part: Part) -> None:
        """Take in a symbol's next decisions."""
        count = len(part.places)
        while self.seen + count > self.points * self.stride:
            self._join()
        to_next = -self.seen % self.stride
        filled = self.length
        sampled = part.places[to_next :: self.stride]
        _sample(self.samples[filled : filled + len(sampled)], part, sampled)
        _sample(self.last, part, part.places[-1:])
        starts = np.arange(to_next, count, self.stride)
        if to_next:
            starts = np.concatenate([[0], starts])
        first = self.seen // self.stride
        self._widen(part, starts, first)
        self.seen += count

    def _widen(self, part: Part, starts: Integers, first: int) -> None:
        """Let the points from ``first`` on cover the decisions that begin at each of ``starts``."""
        touched = np.arange(first, first + len(starts))
        low = np.minimum.reduceat(part.price, starts)
        high = np.maximum.reduceat(part.price, starts)
        self.low[touched] = np.minimum(self.low[touched], low)
        self.high[touched] = np.maximum(self.high[touched], high)
        point = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(part.places)))
        for name, codes in (("intents", part.intents), ("regimes", part.regimes)):
            width = _COUNTS[name]
            pairs = np.bincount(point * width + codes, minlength=len(starts) * width)
            self.counts[name][touched] += pairs.reshape(-1, width)
        for gate in part.failures.gates:
            fails = np.add.reduceat(part.failures.flags[gate], starts, dtype=np.int64)
            self.counts["gates"][touched, gate] += fails

    def _join(self) -> None:
        """Join neighbouring points, so that each stands for twice as many decisions."""
        half = self.points // 2
        self.samples[:half] = self.samples[::2].copy()
        self.low[:half] = self.low.reshape(half, 2).min(axis=1)
        self.high[:half] = self.high.reshape(half, 2).max(axis=1)
        self.low[half:], self.high[half:] = np.inf, -np.inf
        for counts in self.counts.values():
            counts[:half] = counts.reshape(half, 2, -1).sum(axis=1)
            counts[half:] = 0
        self.stride *= 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One symbol's decisions of a block, in the order decided.

    Attributes:
        rows: The block's rows.
        places: Shape (k,): the symbol's places in ``rows``.
        trend: The baseline's equity for all ``rows``, if it runs.
        price: Shape (k,): reference prices.
        intents: Shape (k,).
        regimes: Shape (k,): ``NO_REGIME`` where there is none.
        failures: Which gates they failed.
    """

    rows: RowArray
    places: Integers
    trend: Floats | None
    price: Floats
    intents: Codes
    regimes: Codes
    failures: Failures


def part_of(decided: Grouped, index: int, failures: Failures, trend: Floats | None) -> Part:
    """Return the decisions of the ``index``-th symbol present in a block."""
    inside = slice(int(decided.starts[index]), int(decided.ends[index]))
    return Part(
        rows=decided.rows,
        places=decided.order[inside],
        trend=trend,
        price=decided.floats("reference_price")[inside],
        intents=decided.codes("intent")[inside],
        regimes=np.minimum(decided.codes("regime")[inside], NO_REGIME),
        failures=Failures(flags=failures.flags[:, inside], gates=failures.gates),
    )


def _sample(samples: RowArray, part: Part, places: Integers) -> None:
    """Write what is drawn of the rows at ``places`` into ``samples``, of the same length."""
    rows = part.rows[places]
    samples["receive_ns"] = rows["receive_ns"]
    samples["price"] = rows["reference_price"]
    samples["weights"] = rows["weights"]
    samples["target"] = np.where(rows["intent"] == Intent.ABSTAIN, np.nan, rows["target"])
    samples["position"] = rows["position"]
    samples["equity"] = rows["equity"]
    samples["trend"] = np.nan if part.trend is None else part.trend[places]
