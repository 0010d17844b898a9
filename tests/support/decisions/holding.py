"""A symbol that the kernel has taken long, and what may come after."""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import SECOND_NS, START_NS, decide, quotes, state_rows, tables
from torghut.decisions.kernel.engine import Tables
from torghut.schemas.rows import RowArray

NOW_NS: Final = START_NS + 10_000 * SECOND_NS
"""After everything that the long symbol has seen."""


def eased_tables(**changes: float) -> Tables:
    """Return tables in which neither lots, confidence nor dwell hold a decision back."""
    shared = tables()
    shared.parameters["lot"] = 1.0
    shared.parameters["confidence_min"] = 0.0
    shared.parameters["dwell_ns"] = 0
    for name, value in changes.items():
        shared.parameters[name] = value
    return shared


def long_states(shared: Tables) -> RowArray:
    """Return the state of a symbol that a rising price took long, of 70,000 or so."""
    states = state_rows()
    decide(compiled(), quotes(1.3 + 2e-5 * np.arange(120)), states, shared)
    assert states["paper_position"][0] > 1000
    assert states["order_live"][0] == 0 or states["order_due_ns"][0] <= NOW_NS
    return states


def following(states: RowArray, count: int = 1) -> RowArray:
    """Return ``count`` quotes, a second apart at one price, that follow what was seen."""
    more = quotes(np.full(count, float(states["mid"][0])))
    more["sequence"] += states["stream_sequence"][0, 0] + np.uint64(1)
    more["receive_ns"] += int(states["stream_receive_ns"][0, 0]) - START_NS
    more["event_ns"] = more["receive_ns"]
    return more
