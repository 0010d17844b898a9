"""A played source: each context when it is due, what is due together in one block."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.rows import SECOND_NS, START_NS, RowArray, quotes
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.market.ports import Arrival, Batch, Cursor, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import LagBegan
from torghut.workflows.decision_loop import Committed, LoopSettings, Run, Window, run_loop
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.running.pacing import Player, Stoppable, play

_SYMBOLS = ("fxcm:EURUSD", "fxcm:NZDUSD")


@dataclass
class Stage:
    """A player whose pauses move its clock, and what was told when."""

    speed: float
    stop_after: int | None = None
    clock: Stopwatch = field(default_factory=Stopwatch)
    pauses: list[float] = field(default_factory=list)
    told: list[tuple[float, int]] = field(default_factory=list)

    def player(self) -> Player:
        """Return the player of this stage."""
        return Player(speed=self.speed, clock=self.clock, pause=self.pause, asked=self.asked)

    async def pause(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.pauses.append(seconds)
        self.clock.time_ns += round(seconds * SECOND_NS)

    def asked(self) -> bool:
        """Say whether enough was told."""
        return self.stop_after is not None and len(self.told) >= self.stop_after

    def observe(self, committed: Committed) -> None:
        """Note when a block was told, and how much was in it."""
        self.told.append((self.clock.time_ns / SECOND_NS, len(committed.contexts)))


def at(*seconds: float) -> RowArray:
    """Return a quote at each of some seconds after the start."""
    rows = quotes(np.full(len(seconds), 1.3))
    rows["receive_ns"] = START_NS + (np.array(seconds) * SECOND_NS).astype(np.int64)
    rows["event_ns"] = rows["receive_ns"]
    return rows


async def _play(source: ArraySource, stage: Stage | None, **options: object) -> str:
    log = InMemoryLog(clock=HandClock())
    opened = await open_fold(log, Setup(kernel=reference(), declarations=shipped(), packages={}))
    run = Run(source=source, log=log, fold=opened.fold, **options)  # type: ignore[arg-type]
    if stage is None:
        await run_loop(run)
    else:
        await play(run, stage.player())
    return await root_of_run(log)


def played(rows: RowArray, stage: Stage, **options: object) -> str:
    """Return the root of a played run; the stage notes how it went."""
    source = ArraySource(rows=rows, symbols=_SYMBOLS)
    return asyncio.run(_play(source, stage, observer=stage.observe, **options))


def test_contexts_are_told_when_they_are_due() -> None:
    stage = Stage(speed=1.0)

    played(at(0, 1, 3), stage)

    assert stage.told == [(0.0, 1), (1.0, 1), (3.0, 1)]


def test_speed_divides_the_time_between_receipts() -> None:
    stage = Stage(speed=60.0)

    played(at(0, 60, 180), stage)

    assert stage.told == [(0.0, 1), (1.0, 1), (3.0, 1)]


def test_what_is_due_together_is_one_block() -> None:
    stage = Stage(speed=1.0)

    played(at(0, 0, 0, 5, 5), stage)

    assert stage.told == [(0.0, 3), (5.0, 2)]


def test_block_holds_no_more_than_asked() -> None:
    stage = Stage(speed=1.0)

    played(at(0, 0, 0, 0, 0), stage, settings=LoopSettings(batch_records=2))

    assert [count for _, count in stage.told] == [2, 2, 1]


def test_root_is_that_of_the_fastest_run() -> None:
    rows = at(0, 2, 2, 9, 30, 31)
    source = ArraySource(rows=rows, symbols=_SYMBOLS)

    assert played(rows, Stage(speed=3.0)) == asyncio.run(_play(source, None))


def test_asking_to_stop_leaves_what_is_not_due() -> None:
    stage = Stage(speed=1.0, stop_after=2)

    played(at(0, 1, 2, 3), stage)

    assert [count for _, count in stage.told] == [1, 1]


def test_part_that_begins_earlier_is_played_from_there() -> None:
    rows = at(0, 10, 0, 10)
    rows["source"] = [0, 0, 1, 1]
    stage = Stage(speed=1.0)

    played(rows, stage)

    assert stage.told == [(0.0, 1), (10.0, 2), (20.0, 1)]


def test_nothing_waits_for_what_lies_outside_the_window_or_is_refused() -> None:
    rows = at(0, 100, 200, 300)
    rows["refusal"][2] = RefusalCode.WRONG_TYPE
    stage = Stage(speed=1.0)

    window = Window(from_ns=int(rows["receive_ns"][1]), to_ns=int(rows["receive_ns"][2]))
    played(rows, stage, window=window)

    assert stage.pauses == []
    assert stage.told == [(0.0, 2)]


def test_records_without_a_context_are_handed_on_too() -> None:
    bad = Quarantined(
        part=0, record=1, refusal=RefusalCode.UNDECODABLE, digest="0" * 64, excerpt="?"
    )
    lag = LagBegan(control_id="late")
    source = ArraySource(
        rows=at(0, 5),
        symbols=_SYMBOLS,
        arrivals=[Arrival(row=1, record=lag)],
        quarantined=[(1, bad)],
    )
    stage = Stage(speed=1.0)
    received: list[str] = []

    def observe(committed: Committed) -> None:
        stage.observe(committed)
        received.extend(a.record.control_id for a in committed.decided.received)

    asyncio.run(_play(source, stage, observer=observe))

    assert received == ["late"]
    assert sum(count for _, count in stage.told) == 2


def test_controls_of_an_empty_source_are_still_recorded() -> None:
    stage = Stage(speed=1.0)

    played(at(), stage, controls=(LagBegan(control_id="late"),))

    assert stage.told == [(0.0, 0)]


@pytest.mark.parametrize("asked_after", [0, 1, 3])
def test_stoppable_source_ends_before_its_next_batch(asked_after: int) -> None:
    batches: list[Batch] = []
    source = Stoppable(
        source=ArraySource(rows=at(*range(10)), symbols=_SYMBOLS),
        asked=lambda: len(batches) >= asked_after,
    )

    for batch in source.batches(after=Cursor(), max_records=2):
        batches.append(batch)  # noqa: PERF402 - counted while it grows

    assert len(batches) == asked_after
