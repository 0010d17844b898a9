"""The router in shadow: what it would do is on record, and what is done is as if it were not there.

The oracle is two other runs over the same contexts: one in which static weights serve and nothing
stands beside them, and one in which the router serves.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal, get_args

import numpy as np
import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.support.decisions.declared import redeclared
from tests.support.decisions.logs import SYMBOLS, contexts, fill, usual_setup
from tests.support.decisions.rows import RowArray
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.symbols import ROUTER_ARM
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.codes import Path, Reason, RouterMode, published_name
from torghut.schemas.control import RouterModeChanged
from torghut.schemas.rows import DECISION
from torghut.workflows.lookup.scanning import rows_of

FIELDS: Final = tuple(name for name in DECISION.names or () if name != "lineage")
"""All that a decision says but where it comes from, which names its arm."""

COUNT: Final = 2400
"""Contexts of two symbols: past the warm-up of both by far, so that something is traded."""


Way = Literal["recorded", "declared"]
"""How the router's mode is told."""


@cache
def decided(mode: RouterMode, way: Way, *, shadow: bool) -> dict[str, RowArray]:
    """Return the decisions of each arm while the router is in ``mode``."""
    name = published_name(mode)
    told = RouterModeChanged.model_validate({"control_id": "router", "mode": name})
    more = [Arrival(row=0, record=told)] if way == "recorded" else []
    declared = moded(name) if way == "declared" else None

    async def go() -> dict[str, RowArray]:
        log = InMemoryLog(clock=HandClock())
        setup = usual_setup(shadow=shadow, declared=declared)
        await fill(log, contexts(COUNT), setup=setup, more=more)
        blocks = [block async for block in log.blocks(0)]
        return {
            arm: np.concatenate([rows_of(block, arm) for block in blocks])
            for arm in ((SERVING, ROUTER_ARM) if shadow else (SERVING,))
        }

    return run(go())


def moded(name: str) -> Declarations:
    """Return the shipped declarations with the router of both symbols in that mode."""

    def change(body: dict[str, object]) -> None:
        risk = body["risk"]
        assert isinstance(risk, dict)
        risk["router_mode"] = name

    first = redeclared(change, SYMBOLS[0])
    return redeclared(change, SYMBOLS[1], first)


def differing(one: RowArray, other: RowArray) -> list[str]:
    """Return the fields in which two series of decisions differ, to the last bit."""
    assert len(one) == len(other)
    return [name for name in FIELDS if one[name].tobytes() != other[name].tobytes()]


def carrying(rows: RowArray, reason: Reason) -> int:
    """Return how many decisions carry a reason."""
    return int(np.count_nonzero(rows["reasons"] & np.uint64(1 << reason)))


@pytest.mark.parametrize("way", get_args(Way))
def test_record_path_decisions_without_altering_execution(way: Way) -> None:
    shadow = decided(RouterMode.SHADOW, way, shadow=True)[SERVING]
    static = decided(RouterMode.STATIC, way, shadow=False)[SERVING]

    assert differing(shadow, static) == []
    assert np.count_nonzero(static["target"]) > 100
    assert set(np.unique(static["path"])) == {Path.FAST, Path.SLOW}


@pytest.mark.parametrize("way", get_args(Way))
def test_deploy_router_and_expert_weight_outputs_in_shadow(way: Way) -> None:
    arms = decided(RouterMode.SHADOW, way, shadow=True)
    shadow, serving = arms[ROUTER_ARM], arms[SERVING]
    live = decided(RouterMode.LIVE, way, shadow=False)[SERVING]

    assert differing(shadow, live) == []
    assert carrying(shadow, Reason.STATIC_WEIGHTS) == 0
    assert carrying(serving, Reason.STATIC_WEIGHTS) == len(serving)
    for name in ("weights", "lead", "score", "intent", "target"):
        assert name in differing(shadow, serving)
