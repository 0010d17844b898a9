"""Golden runs of the kernel: what went in, and the leaf of every row that came out.

``python -m tests.replay.golden_kernel`` writes the file of the present kernel version. A file is
only ever added: when one no longer holds, the kernel's version has to be raised.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypedDict

import numpy as np
import zstandard

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import (
    SECOND_NS,
    START_NS,
    RowArray,
    decide,
    parameter_rows,
    state_rows,
    tables,
    walk,
)
from torghut.decisions.kernel.deciding import KERNEL_VERSION
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.schemas.codes import Mode, OnStop, Switch
from torghut.schemas.rows import CONTEXT, PARAMETERS, STATE

FOLDER: Final = Path(__file__).resolve().parent / "golden" / "kernel"
_SYMBOLS: Final = 8
_ASKING: Final = (
    *("reasoning_mode", "pending", "pending_stream", "pending_low", "pending_high"),
    *("pending_sequence", "pending_event_ns", "pending_ns", "pending_notes", "pending_triggers"),
    *("pending_regime", "pending_mid", "pending_target", "advice", "advice_factor"),
)
_ADDED: Final[Mapping[int, Sequence[str]]] = {
    5: _ASKING,
    2: (
        "recorded",
        "target_stream",
        "target_low",
        "target_high",
        "target_sequence",
        "target_open",
    ),
}
"""Fields that states got since a version's run was written; none of them decides anything in it."""

_PARAMETERS_ADDED: Final[Mapping[int, Sequence[str]]] = {
    5: ("advised_raise_ratio", "superseded_move_ratio", "advice_budget_ns")
}
"""The same of parameters."""


class GoldenRun(TypedDict):
    """One run: packed arrays as base64 of zstd, and what came out.

    ``leaves`` is the start of the sha256 of every row, ``outcomes`` the refusal code of every
    context and ``final_states`` the sha256 of the state rows at the end.
    """

    version: int
    contexts: str
    states: str
    parameters: str
    leaves: list[str]
    outcomes: str
    final_states: str


def pack(rows: RowArray) -> str:
    """Return an array as text."""
    return base64.b64encode(zstandard.compress(rows.tobytes(), 19)).decode()


def unpack(text: str, dtype: np.dtype[np.void]) -> RowArray:
    """Return the array that ``pack`` wrote."""
    return np.frombuffer(zstandard.decompress(base64.b64decode(text)), dtype).copy()


def _written(version: int) -> np.dtype[np.void]:
    """Return the layout of states when the run of a version was written."""
    return _without(STATE, _ADDED.get(version, ()))


def _without(layout: np.dtype[np.void], added: Sequence[str]) -> np.dtype[np.void]:
    """Return a layout without some of its fields."""
    return np.dtype([field for field in layout.descr if field[0] not in added])


def _recast(rows: RowArray, layout: np.dtype[np.void]) -> RowArray:
    """Return ``rows`` in another layout: by name, and zero where a field is new."""
    recast = np.zeros(len(rows), layout)
    for name in set(layout.names or ()) & set(rows.dtype.names or ()):
        recast[name] = rows[name]
    return recast


def decide_again(run: GoldenRun, kernel: DecisionKernel) -> tuple[list[str], str, str]:
    """Return leaves, outcomes and final states of ``run`` decided by ``kernel``."""
    written = _written(run["version"])
    contexts = unpack(run["contexts"], CONTEXT)
    states = _recast(unpack(run["states"], written), STATE)
    stated = _without(PARAMETERS, _PARAMETERS_ADDED.get(run["version"], ()))
    parameters = _recast(unpack(run["parameters"], stated), PARAMETERS)
    shared = dataclasses.replace(tables(_SYMBOLS), parameters=parameters)
    decisions, outcomes = decide(kernel, contexts, states, shared)
    leaves = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in decisions]
    final = hashlib.sha256(_recast(states, written).tobytes()).hexdigest()
    return leaves, outcomes.tobytes().hex(), final


def make_run() -> GoldenRun:
    """Return a run of the present kernel that meets every gate, path and most refusals."""
    states, parameters = state_rows(_SYMBOLS), parameter_rows(_SYMBOLS)
    states["switches"][1], states["on_stop"][1] = 1 << Switch.STOP, OnStop.FLATTEN
    parameters["trigger_disagreement"][2] = 0.1
    parameters["turnover_max"][2] = 0.5
    states["mode"][3:] = Mode.LIVE  # whose position is: stale in the end, contradicted, unknown
    states["reported_known"][3:5], states["reported_ns"][3:5] = 1, START_NS
    states["reported_fills"][4], parameters["reconcile_ns"][4] = 5000.0, 60 * SECOND_NS
    parameters["position_age_ns"][3] = 300 * SECOND_NS
    states["mode"][6], states["switches"][7] = Mode.PAPER, 1 << Switch.REVISION_FENCE
    states["reported_known"][7], states["reported_ns"][7] = 1, START_NS
    # Governance is heard by 3 and 4, silent from the middle on for 4, and by 5 it never was.
    states["governance_until_ns"][3] = START_NS + 10_000 * SECOND_NS
    states["governance_until_ns"][4] = START_NS + 350 * SECOND_NS
    # Between two samples of 5 the market is often not seen for too long.
    parameters["sample_gap_ns"][5] = 4 * SECOND_NS
    run = GoldenRun(
        version=KERNEL_VERSION,
        contexts=pack(walk(1500, symbols=_SYMBOLS, seed=1)),
        states=pack(states),
        parameters=pack(parameters),
        leaves=[],
        outcomes="",
        final_states="",
    )
    run["leaves"], run["outcomes"], run["final_states"] = decide_again(run, compiled())
    return run


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / f"v{KERNEL_VERSION}.json"
    target.write_text(json.dumps(make_run()) + "\n", encoding="utf-8")
