"""Control records against a plain model of where they belong, whatever the batches and restarts."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, quotes
from torghut.decisions.recording import read_block
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.market.ports import Arrival
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import ControlRecord, StopChanged
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop, save_snapshot
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import replay_log

_NAMES: Final = ("fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT")
_LEVELS: Final = (1.3, 0.7, 2000.0)
_NO_PLACE: Final = {
    RefusalCode.TIME_OUT_OF_RANGE,
    RefusalCode.UNKNOWN_MESSAGE,
    RefusalCode.OUT_OF_ORDER,
    RefusalCode.DUPLICATE,
    RefusalCode.TIME_LEAP,
}
_YEAR_S: Final = 365 * 86_400
Rows = npt.NDArray[np.void]
Place = tuple[str, str, int]
"""Control id, symbol, and how many contexts of the symbol came before."""

Held = tuple[int, int, str, ControlRecord]
"""In force from, order, control id, and the record."""


@st.composite
def _contexts(draw: st.DrawFn) -> Rows:
    """Return contexts of three symbols, some of them refused for each reason that there is."""
    symbols = np.array(draw(st.lists(st.integers(0, 2), min_size=1, max_size=40)))
    rows = quotes(np.ones(len(symbols)), step_ns=10 * SECOND_NS)
    rows["symbol"] = symbols
    rows["bid"] = np.array(_LEVELS)[symbols]
    rows["ask"] = rows["bid"] * (1 + 1e-5)
    flaws = st.sampled_from(["none"] * 6 + ["garbage", "crossed", "leap", "back", "again", "ahead"])
    for row in range(len(rows)):
        match draw(flaws):
            case "garbage":
                rows["receive_ns"][row] = 2**63 - 1
            case "crossed":
                rows["bid"][row] *= 1.01
            case "leap":
                rows["receive_ns"][row] += _YEAR_S * SECOND_NS
            case "back":
                rows["receive_ns"][row] -= 100 * SECOND_NS
            case "again":
                rows["sequence"][row] = rows["sequence"][max(0, row - 1)]
                rows["symbol"][row] = rows["symbol"][max(0, row - 1)]
            case "ahead":
                rows["receive_ns"][row:] += 300 * SECOND_NS
            case _:
                pass
    rows["event_ns"] = rows["receive_ns"]
    return rows


@st.composite
def _records(draw: st.DrawFn, last: int) -> Sequence[tuple[int, ControlRecord]]:
    """Return stops and releases, at once and dated, for one symbol or all, with their rows."""
    count = draw(st.integers(0, 8))
    seconds = st.one_of(st.none(), st.integers(-100, 800), st.just(_YEAR_S))
    made = []
    for number in range(count):
        after_s = draw(seconds)
        record = StopChanged.model_validate(
            {
                "control_id": f"c{draw(st.integers(0, 99)):02}-{number}",
                "state": draw(st.sampled_from(["stopped", "released"])),
                "reason": "r",
                "symbol": draw(st.sampled_from(["*", "*", *_NAMES])),
                "effective_at_ns": None if after_s is None else START_NS + after_s * SECOND_NS,
            }
        )
        made.append((draw(st.integers(0, last)), record))
    return sorted(made, key=lambda pair: pair[0])


@st.composite
def _scenario(draw: st.DrawFn) -> ArraySource:
    rows = draw(_contexts())
    arrivals = [Arrival(row=r, record=c) for r, c in draw(_records(len(rows) - 1))]
    return ArraySource(rows=rows, symbols=_NAMES, arrivals=arrivals)


def _model(source: ArraySource, outcomes: Sequence[int]) -> Iterator[Place]:
    """Yield where each record of a run applies, by one pass over contexts one at a time.

    The whole run's clock stands in for a symbol that was not heard yet.
    """
    clocks = dict.fromkeys(_NAMES, 0)
    seen = dict.fromkeys(_NAMES, 0)
    waiting: dict[str, list[Held]] = {name: [] for name in _NAMES}
    arrivals = list(source.arrivals)
    order = 0
    for row, context in enumerate(source.rows):
        while arrivals and arrivals[0].row <= row:
            record, order = arrivals.pop(0).record, order + 1
            for name in _NAMES if record.symbol == "*" else (record.symbol,):
                clock = clocks[name] or max(clocks.values())
                effective = record.effective_at_ns
                late = effective is None or effective <= clock
                rank = (max(effective or 0, clock), order if late else 0)
                waiting[name].append((*rank, record.control_id, record))
        name = _NAMES[context["symbol"]]
        if outcomes[row] not in _NO_PLACE:
            now = int(context["receive_ns"])
            if not clocks[name]:
                waiting[name] = _unsuperseded(waiting[name])
            due = [one for one in waiting[name] if (one[3].effective_at_ns or 0) <= now]
            for one in sorted(due, key=lambda one: one[:3]):
                waiting[name].remove(one)
                yield one[2], name, seen[name]
            clocks[name] = max(clocks[name], now)
        seen[name] += 1


def _unsuperseded(held: list[Held]) -> list[Held]:
    """Return what a symbol heard for the first time inherits: of stops at once, the last."""
    at_once = [one for one in held if one[3].symbol == "*" and one[3].effective_at_ns is None]
    return [one for one in held if one not in at_once[:-1]]


async def _decide(
    source: ArraySource, size: int, *, stop: int | None = None
) -> tuple[list[Place], list[int], str]:
    """Return places, outcomes and the root; of a run that is taken up again after ``stop``."""
    setup = Setup(
        kernel=compiled(),
        declarations=shipped(),
        packages={"fx-intraday": eager_package()},
    )
    log = InMemoryLog(clock=HandClock())
    stops = [len(source.rows)] if stop is None else [stop, len(source.rows)]
    for end in stops:
        part = dataclasses.replace(
            source, rows=source.rows[:end], arrivals=[a for a in source.arrivals if a.row < end]
        )
        opened = await open_fold(log, setup)
        sizes = LoopSettings(batch_records=size)
        run = Run(source=part, log=log, fold=opened.fold, settings=sizes)
        head = await run_loop(run)
        if size % 2:
            await save_snapshot(run, head)  # else the blocks are decided again
    places: list[Place] = []
    outcomes: list[int] = []
    names: dict[int, str] = {}
    async for block in log.blocks(0):
        recorded = read_block(block)
        names |= dict(recorded.header.symbols)
        places += [(a.control_id, names[a.symbol], a.position) for a in recorded.applied]
        outcomes += recorded.outcomes.tolist()
    assert (await replay_log(log, compiled())).identical
    return places, outcomes, await root_of_run(log)


@given(_scenario(), st.sampled_from([1, 2, 7]), st.integers(0, 40))
def test_records_apply_where_the_model_says_whatever_the_batches(
    source: ArraySource, size: int, stop: int
) -> None:
    async def run() -> None:
        places, outcomes, root = await _decide(source, 100)
        again, _, cut = await _decide(source, size, stop=min(stop, len(source.rows)))

        assert places == list(_model(source, outcomes))
        assert sorted(again) == sorted(places)
        assert cut == root

    asyncio.run(run())
