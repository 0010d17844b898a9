"""The loop end to end on the in-memory log: the root does not depend on how it was run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled, reference
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, interleaved, walk
from torghut.artifacts.package import Package
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import read_block
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.market.ports import Arrival
from torghut.schemas.block import read_block_records
from torghut.schemas.codes import Intent
from torghut.schemas.control import (
    ControlRecord,
    FillReported,
    LimitsAllotted,
    ModeChanged,
    StopChanged,
    SwitchThrown,
)
from torghut.schemas.rows import DECISION
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import replay_log

_SYMBOLS = ("fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT")
_COUNT = 1500

_LIMITS = LimitsAllotted(control_id="l1", symbol=_SYMBOLS[0], allotment=50_000.0)
_ID_TAKEN = StopChanged(control_id="s1", state="stopped", reason="another content")
AGAIN: Final[Sequence[tuple[int, ControlRecord]]] = ((700, _ID_TAKEN), (800, _LIMITS))
"""Records whose ids were taken before: one with another content, one with the same."""


def _rows(seed: int = 5) -> npt.NDArray[np.void]:
    rows = walk(_COUNT, symbols=2, seed=seed)
    rows["receive_ns"] = START_NS + np.arange(_COUNT) * 20 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]
    return rows


def _controls(rows: npt.NDArray[np.void]) -> list[Arrival]:
    middle, late = int(rows["receive_ns"][400]), int(rows["receive_ns"][600])
    records: list[tuple[int, ControlRecord]] = [
        (0, ModeChanged(control_id="m1", mode="paper", notional_cap=250_000.0)),
        (0, _LIMITS),
        (0, StopChanged(control_id="s1", state="stopped", reason="r", effective_at_ns=middle)),
        (0, StopChanged(control_id="s2", state="released", reason="r", effective_at_ns=late)),
        (
            300,
            SwitchThrown(control_id="d1", name="defensive-weights", state="thrown", reason="r"),
        ),
        (
            301,
            SwitchThrown(control_id="d2", name="defensive-weights", state="released", reason="r"),
        ),
        *AGAIN,
    ]
    return [Arrival(row=row, record=record) for row, record in records]


async def _run(
    source: ArraySource,
    log: InMemoryLog,
    *,
    kernel: DecisionKernel | None = None,
    sizes: LoopSettings | None = None,
    packages: Mapping[str, Package] | None = None,
    shadow: bool = False,
) -> str:
    setup = Setup(
        kernel=kernel or compiled(),
        declarations=shipped(),
        packages={"fx-intraday": eager_package()} if packages is None else packages,
        shadow_router=shadow,
    )
    opened = await open_fold(log, setup)
    run = Run(
        source=source,
        log=log,
        fold=opened.fold,
        controls=opened.controls,
        settings=sizes or LoopSettings(),
    )
    await run_loop(run)
    return await root_of_run(log)


def _root(source: ArraySource, **options: object) -> str:
    return asyncio.run(_run(source, InMemoryLog(clock=HandClock()), **options))  # type: ignore[arg-type]


def _source(rows: npt.NDArray[np.void] | None = None) -> ArraySource:
    rows = _rows() if rows is None else rows
    return ArraySource(rows=rows, symbols=_SYMBOLS, arrivals=_controls(rows))


@cache
def _plain_root() -> str:
    """Return the root of the source as it is, run in one go; what every other run is held to."""
    return _root(_source())


@pytest.mark.parametrize("size", [1, 7, 500, 10_000])
def test_root_does_not_depend_on_the_batch_size(size: int) -> None:
    settings_ = LoopSettings(batch_records=size, snapshot_blocks=50)

    assert _root(_source(), sizes=settings_) == _plain_root()


def test_root_is_the_same_compiled_and_interpreted() -> None:
    assert _root(_source(), kernel=reference()) == _plain_root()


def _stopped_at(source: ArraySource, stops: Sequence[int]) -> str:
    """Return the root of a run that was taken up again after each of ``stops`` records."""

    async def run() -> str:
        log = InMemoryLog(clock=HandClock())
        root = ""
        for stop in [*stops, len(source.rows)]:
            part = ArraySource(
                rows=source.rows[:stop],
                symbols=source.symbols,
                arrivals=[a for a in source.arrivals if a.row < stop],
            )
            sizes = LoopSettings(batch_records=64, snapshot_blocks=3)
            root = await _run(part, log, sizes=sizes)
        return root

    return asyncio.run(run())


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, _COUNT - 1), min_size=1, max_size=5, unique=True))
def test_root_does_not_depend_on_restarts(stops: list[int]) -> None:
    assert _stopped_at(_source(), sorted(stops)) == _plain_root()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16))
def test_root_does_not_depend_on_how_symbols_are_interleaved(seed: int) -> None:
    rows = _rows()
    early = [a for a in _controls(rows) if a.row == 0]

    kept = ArraySource(rows=rows, symbols=_SYMBOLS, arrivals=early)
    shuffled = ArraySource(rows=interleaved(rows, seed=seed), symbols=_SYMBOLS, arrivals=early)

    assert _root(kept) == _root(shuffled)


def test_the_made_up_market_is_traded() -> None:
    async def run() -> None:
        log = InMemoryLog(clock=HandClock())
        await _run(_source(), log)

        intents: list[int] = []
        async for block in log.blocks(0):
            rows = np.frombuffer(block.arms["serving"].rows, DECISION)
            intents += rows["intent"].tolist()
        assert {*intents} == {*Intent}
        assert intents.count(Intent.BUY) > 10

    asyncio.run(run())


def test_a_new_package_serves_from_the_next_context_on() -> None:
    async def run() -> None:
        log, source = InMemoryLog(clock=HandClock()), _source()
        first = ArraySource(rows=source.rows[:1000], symbols=_SYMBOLS)
        before, after = eager_package(), eager_package(bias=1.0)
        await _run(first, log, packages={"fx-intraday": before})

        await _run(
            ArraySource(rows=source.rows, symbols=_SYMBOLS), log, packages={"fx-intraday": after}
        )

        served: list[set[str]] = []
        async for block in log.blocks(0):
            lineages = read_block(block).header.lineages
            words = np.unique(
                np.frombuffer(block.arms["serving"].rows, DECISION)["lineage"], axis=0
            )
            served.append({lineages[row.tobytes().hex()].package for row in words})
        assert served == [{before.digest}, {after.digest}]
        assert (await replay_log(log, compiled())).identical

    asyncio.run(run())


def test_replay_finds_every_decision_identical() -> None:
    async def run() -> None:
        log = InMemoryLog(clock=HandClock())
        root = await _run(_source(), log, sizes=LoopSettings(batch_records=50), shadow=True)

        found = await replay_log(log, compiled())

        assert found.identical
        assert found.decisions > _COUNT
        assert found.root == root

    asyncio.run(run())


def test_every_context_has_exactly_one_outcome() -> None:
    async def run() -> None:
        log = InMemoryLog(clock=HandClock())
        await _run(_source(), log, sizes=LoopSettings(batch_records=50))

        contexts = decided = refused = 0
        async for block in log.blocks(0):
            recorded = read_block(block)
            counts = recorded.header.counts
            contexts += counts.contexts
            decided += counts.decisions
            refused += counts.quarantined
            assert counts.decisions == int(np.count_nonzero(recorded.outcomes == 0))
        assert contexts == _COUNT
        assert decided + refused == _COUNT

    asyncio.run(run())


def test_a_fill_counts_once_whatever_record_brings_it() -> None:
    def fill(control_id: str) -> Arrival:
        record = FillReported(
            control_id=control_id, symbol=_SYMBOLS[0], fill_id="f", quantity=1000.0, price=1.3
        )
        return Arrival(row=0, record=record)

    async def run() -> None:
        log = InMemoryLog(clock=HandClock())
        source = ArraySource(rows=_rows(), symbols=_SYMBOLS, arrivals=[fill("a"), fill("b")])
        await _run(source, log)

        async for block in log.blocks(0):
            assert [a.record.control_id for a in read_block(block).received] == ["a"]

    asyncio.run(run())


async def _log_of(arrivals: Sequence[Arrival]) -> InMemoryLog:
    """Return the log of the made-up market with these control records."""
    log = InMemoryLog(clock=HandClock())
    await _run(ArraySource(rows=_rows(), symbols=_SYMBOLS, arrivals=arrivals), log)
    return log


async def _decided(log: InMemoryLog) -> Sequence[bytes]:
    """Return every decision of a log."""
    return [block.arms["serving"].rows async for block in log.blocks(0)]


def test_a_control_id_that_comes_again_is_recorded_and_has_no_effect() -> None:
    arrivals = _controls(_rows())
    before = arrivals[: -len(AGAIN)]
    taken = StopChanged(control_id="s3", state="stopped", reason="an id of its own")

    async def run() -> None:
        log = await _log_of(arrivals)
        records = [read_block_records(block.records) async for block in log.blocks(0)]
        received = [one.record.control_id for block in records for one in block.received]

        assert [one.control_id for block in records for one in block.repeated] == ["l1"]
        assert [(one.record, one.code) for block in records for one in block.refused] == [
            (_ID_TAKEN, "control.id-taken")
        ]
        assert sorted(received) == sorted({one.record.control_id for one in arrivals})
        decided = await _decided(log)
        assert decided == await _decided(await _log_of(before))
        assert decided != await _decided(await _log_of([*before, Arrival(row=700, record=taken)]))

    asyncio.run(run())
