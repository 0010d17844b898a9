"""Data that are bad, well and bad again every five minutes retrain once in a cooldown, no more.

Every cycle is a scheduler of its own, which knows what governance's log says and nothing else; one
in eight is a process of its own too.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.support.decisions.rows import SECOND_NS, START_NS, RowArray
from tests.support.governance.governance_events import events_of, said
from tests.support.lane.planted import market
from tests.support.machine.commands import Ended, installation, typed
from tests.support.scheduling.governed_processes import decide_into
from tests.support.scheduling.schedulers import Changes, Scheduler, declare
from torghut.kernel.times import instant
from torghut.settings import DECLARATIONS_DIR
from torghut.workflows.aggregates import DRIFT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FIVE_MINUTES_NS: Final = 300 * SECOND_NS
CYCLES: Final = 18
COOLDOWN_NS: Final = 3600 * SECOND_NS
_QUOTES: Final = 200
_APART: Final = 8
_CHANGES: Final[Changes] = {
    "governance/policies/scheduler.yaml": [
        ("window_ms: 86400000", "window_ms: 240000"),
        ("window_lifetimes: 60", "window_lifetimes: 1"),
    ],
    "governance/policies/drift.yaml": [
        ("retrain_ms: 21600000", f"retrain_ms: {COOLDOWN_NS // 1_000_000}"),
        (
            'performance_net_pnl_below_floor\n    comparator: "<"\n    threshold: 0',
            'performance_net_pnl_below_floor\n    comparator: "<"\n    threshold: -1000000',
        ),
        (
            'regime_stale_or_defensive_ratio_exceeded\n    comparator: ">"\n    threshold: 0.2',
            'regime_stale_or_defensive_ratio_exceeded\n    comparator: ">"\n    threshold: 1',
        ),
        (
            'execution_fallback_ratio_exceeded\n    comparator: ">"\n    threshold: 0.25',
            'execution_fallback_ratio_exceeded\n    comparator: ">"\n    threshold: 1',
        ),
    ],
}
"""Drift is judged on four minutes, a quarter more at most, and nothing but the data can drift."""


def flapping() -> RowArray:
    """Return quotes half a minute apart; in every second five minutes, half of them come twice."""
    rows = market(_QUOTES, step_s=30)
    bad = (rows["receive_ns"] - START_NS) // FIVE_MINUTES_NS % 2 == 1
    places = [place for place in range(len(rows)) for _ in range(1 + int(bad[place] and place % 2))]
    told: RowArray = rows[np.array(places)]
    again = [int(a == b) for a, b in itertools.pairwise([-1, *places])]
    told["receive_ns"] += np.array(again) * SECOND_NS
    return told


def _cycle(apart: Scheduler, number: int) -> Ended:
    """Run a cycle at the end of its five minutes, in a process of its own where it is its turn."""
    words = ("scheduler", "cycle", "--log", "fx.log", "--json", "--simulate-clock")
    at = instant(START_NS + number * FIVE_MINUTES_NS)
    if number % _APART:
        return typed(*words, at)
    ended = apart.start(at).wait(60)
    before, _, last = f"\n{apart.said()}".rpartition("\n{\n")
    return Ended(status=ended, out="{" + last, err=before)


def test_data_that_flap_retrain_once_in_a_cooldown_over_restarts_of_the_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(decide_into(tmp_path / "fx.log", flapping(), batch=50))
    declared = declare(tmp_path / "declared", _CHANGES)
    words = ("scheduler", "cycle", "--log", "fx.log", "--json", "--simulate-clock")
    apart = Scheduler(folder=tmp_path, words=words, declared=declared)
    monkeypatch.setenv(DECLARATIONS_DIR, str(declared))
    with installation(monkeypatch, tmp_path):
        notes = [_cycle(apart, number).json for number in range(1, CYCLES + 1)]

    assert [one["cycle"] for one in notes] == list(range(1, CYCLES + 1))
    drift = events_of(tmp_path / "var")[DRIFT.stream]
    triggered = said(drift, "drift.action-triggered.v1")
    withheld = said(drift, "drift.action-withheld.v1")
    assert [one["action"] for one in triggered] == ["retrain", "retrain"]
    first, second = (int(one["at_ns"]) for one in triggered)
    assert first == START_NS + 2 * FIVE_MINUTES_NS
    assert second == first + COOLDOWN_NS
    assert len(withheld) == CYCLES // 2 - len(triggered)
    assert _statuses(notes[1::2], first, second) == {"detected": 2, "cooldown": len(withheld)}
    assert {one["drift_status"] for one in notes[::2]} <= {"stable", "unhealthy"}


def _statuses(bad: Sequence[dict[str, object]], *at_ns: int) -> dict[object, int]:
    """Return how often each status was told of bad data, and check when drift was detected."""
    detected = [int(str(one["began_at_ns"])) for one in bad if one["drift_status"] == "detected"]
    assert detected == list(at_ns)
    found = [one["drift_status"] for one in bad]
    return {status: found.count(status) for status in dict.fromkeys(found)}
