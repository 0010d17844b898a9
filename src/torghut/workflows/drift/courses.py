"""One symbol's course through its samples: regime moves, outcomes of confidence, and features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.drift.calibration import PromiseTally
from torghut.drift.features import FeatureStream, Moving
from torghut.drift.regime import NO_REGIME, Regimes, RegimeTally
from torghut.schemas.codes import MAX_REGIMES, Gate
from torghut.schemas.declarations.safety import DriftDetectors
from torghut.schemas.rows import Floats, Integers, RowArray
from torghut.workflows.drift.outcomes import Outcomes, promises
from torghut.workflows.drift.samples import Flags, Sampler, SampleTiming
from torghut.workflows.report.columns import Grouped

_SPREAD: Final = int(Gate.SPREAD)

_CENTRED: Final = {"return": False, "spread": True, "score": True}
"""The features of a symbol that are watched; whether each is a level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """Where a symbol's samples are counted in."""

    regime: RegimeTally
    promises: PromiseTally


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRows:
    """One symbol's next decisions, in the order decided, n > 0.

    Attributes:
        rows: Dtype ``DECISION``: its own and others'.
        places: Shape (n,): of its own among them.
        samples: Shape (n,): taken so far, as each says.
        receive_ns: Shape (n,).
    """

    rows: RowArray
    places: Integers
    samples: Floats
    receive_ns: Integers


def symbol_rows(decided: Grouped) -> Iterator[tuple[int, SymbolRows]]:
    """Yield each symbol with its decisions."""
    samples = decided.gate_values(Gate.WARM_UP)
    receive_ns = np.ascontiguousarray(decided.rows["receive_ns"])[decided.order]
    for index, number in enumerate(decided.symbols.tolist()):
        inside = slice(int(decided.starts[index]), int(decided.ends[index]))
        yield (
            number,
            SymbolRows(
                rows=decided.rows,
                places=decided.order[inside],
                samples=samples[inside],
                receive_ns=receive_ns[inside],
            ),
        )


@dataclass(slots=True, kw_only=True)
class SymbolCourse:
    """One symbol as far as it was read.

    Attributes:
        streams: Its features, by name.
        regime: At the last decision.
        posterior: At the last decision, shape (regimes,).
        mid: At the last sample; NaN before it.
    """

    streams: Mapping[str, FeatureStream]
    sampler: Sampler = field(default_factory=Sampler)
    outcomes: Outcomes = field(default_factory=Outcomes)
    regime: int = NO_REGIME
    posterior: Floats = field(default_factory=lambda: np.zeros(MAX_REGIMES))
    mid: float = np.nan

    def take(
        self, own: SymbolRows, parameters: np.void, tallies: Tallies | None
    ) -> tuple[RowArray, Flags]:
        """Go on with the symbol's next decisions; return those at samples, and which follow a gap.

        Args:
            own: The decisions.
            parameters: What is declared for the symbol.
            tallies: Where to count; None before the window.
        """
        timing = SampleTiming(
            interval_ns=int(parameters["sample_ns"]), gap_ns=int(parameters["sample_gap_ns"])
        )
        at, gaps = self.sampler.take(own.samples, own.receive_ns, timing)
        sampled = own.rows[own.places[at]]
        if tallies is not None:
            before = self._regimes_before(own, at)
            after = Regimes(regime=sampled["regime"], posterior=sampled["posterior"])
            tallies.regime.take_moves(before, after, float(parameters["shock_max"]))
            costs = 2.0 * float(parameters["fee_ratio"] + parameters["slippage_ratio"])
            horizon = int(parameters["horizon_samples"])
            ended = self.outcomes.take(promises(sampled, gaps, costs), horizon)
            tallies.promises.take(ended.score, ended.gained)
        last = own.rows[own.places[-1]]
        self.regime, self.posterior = int(last["regime"]), last["posterior"].copy()
        return sampled, gaps

    def feel(
        self, sampled: RowArray, gaps: Flags, watched_ns: int, detectors: DriftDetectors
    ) -> None:
        """Let the streams learn from samples before ``watched_ns``, and watch those after."""
        if len(sampled) == 0:
            return
        mid = np.ascontiguousarray(sampled["reference_price"])
        before = np.concatenate([[self.mid], mid[:-1]])
        self.mid = float(mid[-1])
        columns = {
            "return": np.where(gaps, np.nan, mid / before - 1.0),
            "spread": np.ascontiguousarray(sampled["gate_value"][:, _SPREAD]),
            "score": np.ascontiguousarray(sampled["score"]),
        }
        early = np.asarray(sampled["receive_ns"] < watched_ns)
        for name, values in columns.items():
            known = np.isfinite(values)
            if (learnt := values[known & early]).size:
                self.streams[name].learn(learnt, detectors)
            if (seen := values[known & ~early]).size:
                self.streams[name].watch(seen, detectors)

    def redeclared(self) -> None:
        """Forget decisions whose horizon has not ended: it was declared otherwise."""
        self.outcomes = Outcomes()

    def _regimes_before(self, own: SymbolRows, at: Integers) -> Regimes:
        """Return the regime at the decision before each of those at ``at``."""
        before = own.rows[own.places[np.maximum(at - 1, 0)]]
        regime, posterior = before["regime"].copy(), before["posterior"].copy()
        if len(at) and at[0] == 0:
            regime[0], posterior[0] = self.regime, self.posterior
        return Regimes(regime=regime, posterior=posterior)


def new_course(symbol: str, half_life: int) -> SymbolCourse:
    """Return the course of a symbol of which nothing was read yet."""
    return SymbolCourse(
        streams={
            name: FeatureStream(
                name=f"{symbol} {name}", moving=Moving(half_life=half_life, centred=centred)
            )
            for name, centred in _CENTRED.items()
        }
    )
