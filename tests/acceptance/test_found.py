"""Defects found by attacking the fold and the loop; each breaks one written law."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from typing_extensions import override

from tests.declared import shipped
from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.kernels import compiled
from tests.packages import eager_package
from tests.rows import SECOND_NS, START_NS, quotes
from torghut.artifacts.package import Package
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.snapshot import take_snapshot
from torghut.decisions.recording import read_block
from torghut.eventlog.block import Block, Head
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.market.ports import Arrival
from torghut.schemas.block import read_block_records
from torghut.schemas.codes import Switch
from torghut.schemas.control import (
    ControlRecord,
    LimitsAllotted,
    NewsArrived,
    StopChanged,
    SwitchThrown,
)
from torghut.schemas.rows import DECISION
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop, save_snapshot
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import replay_log

Rows = npt.NDArray[np.void]
A, B, C = "fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT"
_LATCH = 1 << Switch.STOP_LATCH
_NS = START_NS


def _rows(symbols: Sequence[int], *, step_s: int = 20) -> Rows:
    """Return one quote each, ``step_s`` apart; each symbol's price drifts by itself."""
    numbers = np.array(symbols)
    rows = quotes(np.full(len(numbers), 1.3), step_ns=step_s * SECOND_NS)
    rows["symbol"] = numbers
    for one in np.unique(numbers):
        own = numbers == one
        drift = 1.0 + 3e-5 * np.arange(own.sum())
        level = (1.3, 0.7, 2000.0)[one]
        rows["bid"][own], rows["ask"][own] = level * drift, level * drift * (1 + 1e-5)
    return rows


def _stop(control_id: str, state: str, *, at: int | None = None, symbol: str = "*") -> StopChanged:
    return StopChanged.model_validate(
        {
            "control_id": control_id,
            "state": state,
            "reason": "r",
            "symbol": symbol,
            "effective_at_ns": at,
        }
    )


def _source(rows: Rows, arrivals: Sequence[tuple[int, ControlRecord]] = ()) -> ArraySource:
    return ArraySource(
        rows=rows, symbols=(A, B, C), arrivals=[Arrival(row=r, record=c) for r, c in arrivals]
    )


def _part(source: ArraySource, stop: int) -> ArraySource:
    """Return the source as far as its first ``stop`` records."""
    return dataclasses.replace(
        source, rows=source.rows[:stop], arrivals=[a for a in source.arrivals if a.row < stop]
    )


async def _run(
    source: ArraySource,
    log: InMemoryLog,
    *,
    size: int = 10_000,
    declared: Declarations | None = None,
    packages: dict[str, Package] | None = None,
    snapshot: bool = False,
) -> DecisionFold:
    setup = Setup(
        kernel=compiled(),
        declarations=declared or shipped(),
        packages={"fx-intraday": eager_package()} if packages is None else packages,
    )
    opened = await open_fold(log, setup)
    run = Run(
        source=source,
        log=log,
        fold=opened.fold,
        controls=opened.controls,
        settings=LoopSettings(batch_records=size),
    )
    head = await run_loop(run)
    if snapshot:
        await save_snapshot(run, head)
    return opened.fold


def _log() -> InMemoryLog:
    return InMemoryLog(clock=HandClock())


async def _root(source: ArraySource, *, size: int = 10_000) -> str:
    log = _log()
    await _run(source, log, size=size)
    return await root_of_run(log)


async def _restarted_root(source: ArraySource, stop: int, *, size: int = 10_000) -> str:
    log = _log()
    await _run(_part(source, stop), log, size=size)
    await _run(source, log, size=size)
    return await root_of_run(log)


def _state(fold: DecisionFold, name: str) -> np.void:
    row: np.void = fold.arms["serving"][[f.name for f in fold.symbols].index(name)]
    return row


# ------------------------------------------------------------------ restarts


def test_a_restart_keeps_the_order_of_records_that_wait() -> None:
    # §4.2/§3.2: "the same decision, bit for bit, whatever the batching, partitioning or restart".
    # A stops at 500 s, is released at once at 900 s; A's next context comes after both, and after
    # a restart without a snapshot. Uninterrupted it is released; restarted it stays stopped.
    rows = _rows([0] * 20 + [1] * 40 + [0] * 40)
    source = _source(
        rows,
        [
            (0, _stop("stop", "stopped", at=_NS + 500 * SECOND_NS)),
            (45, _stop("release", "released")),
        ],
    )

    async def run() -> None:
        assert await _restarted_root(source, 60) == await _root(source)

    asyncio.run(run())


def test_a_restart_does_not_release_a_stop() -> None:
    # The same defect, the dangerous way round: §4.3 while stopped no exposure is raised.
    rows = _rows([0] * 20 + [1] * 40 + [0] * 40)
    source = _source(
        rows,
        [
            (0, _stop("release", "released", at=_NS + 500 * SECOND_NS)),
            (45, _stop("stop", "stopped")),
        ],
    )

    async def run() -> None:
        log = _log()
        await _run(_part(source, 60), log)
        fold = await _run(source, log)
        whole = await _run(source, _log())
        assert _state(fold, A)["switches"] == _state(whole, A)["switches"]

    asyncio.run(run())


def test_a_superseded_record_does_not_come_back_after_a_restart() -> None:
    # §4.2 "replay uses nothing else" than logged positions; a symbol born by a record of its own.
    rows = _rows([0] * 20 + [1] * 40)
    source = _source(
        rows,
        [
            (0, _stop("release", "released")),
            (0, _stop("stop", "stopped")),
            (0, LimitsAllotted(control_id="l", symbol=B, allotment=50_000.0)),
        ],
    )

    async def run() -> None:
        log = _log()
        await _run(_part(source, 40), log, size=20)  # B is born by its limits, in a block of A's
        fold = await _run(source, log, size=20)
        assert _state(fold, B)["switches"] & _LATCH

    asyncio.run(run())


def test_the_fold_decided_again_is_the_fold() -> None:
    # §3.1: everything else is a projection that can be rebuilt byte for byte.
    rows = _rows([0] * 20 + [1] * 40)
    source = _source(
        rows,
        [
            (10, _stop("later", "stopped", at=_NS + 10**6 * SECOND_NS)),
            (45, _stop("release", "released")),
        ],
    )

    async def run() -> None:
        log = _log()
        fold = await _run(source, log)
        setup = Setup(
            kernel=compiled(),
            declarations=shipped(),
            packages={"fx-intraday": eager_package()},
        )
        again = (await open_fold(log, setup)).fold
        assert again.waiting == fold.waiting
        assert take_snapshot(again) == take_snapshot(fold)

    asyncio.run(run())


# ------------------------------------------------------------------ births


def _declaring(
    change: Callable[[dict[str, object]], None], symbol: str, base: Declarations | None = None
) -> Declarations:
    """Return ``base``, or the shipped declarations, with one instrument changed."""
    base = base or shipped()
    instruments = []
    for one in base.instruments:
        kept = one
        if one.symbol == symbol:
            body = one.model_dump(mode="json")
            change(body)
            kept = type(one).model_validate_json(json.dumps(body))
        instruments.append(kept)
    return dataclasses.replace(base, instruments=tuple(instruments))


def _cap(amount: str) -> Callable[[dict[str, object]], None]:
    def change(body: dict[str, object]) -> None:
        risk = body["risk"]
        assert isinstance(risk, dict)
        risk["notional_cap"] = amount

    return change


def _without(symbol: str) -> Declarations:
    kept = tuple(one for one in shipped().instruments if one.symbol != symbol)
    return dataclasses.replace(shipped(), instruments=kept)


def test_a_symbol_is_born_with_the_limits_then_declared() -> None:
    # §4.2: "A symbol first seen later is born with the ... limits ... then in force".
    async def run() -> None:
        log, rows = _log(), _rows([0] * 20 + [1] * 20)
        await _run(_part(_source(rows), 20), log)
        fold = await _run(_source(rows), log, declared=_declaring(_cap("1000"), B))
        assert _state(fold, B)["notional_cap"] == 1000.0

    asyncio.run(run())


def test_a_birth_does_not_depend_on_whether_a_snapshot_was_kept() -> None:
    # §3.2: whatever the restart; a snapshot is only a cache of the log.
    async def born(*, snapshot: bool) -> tuple[float, str]:
        log, rows = _log(), _rows([0] * 40 + [1] * 20)
        await _run(_part(_source(rows), 10), log, declared=_without(B))
        await _run(_part(_source(rows), 20), log, declared=_declaring(_cap("2000"), B))
        low = _declaring(_cap("1000"), B)
        await _run(_part(_source(rows), 30), log, declared=low, snapshot=snapshot)
        fold = await _run(_source(rows), log, declared=low)
        return float(_state(fold, B)["notional_cap"]), await root_of_run(log)

    async def run() -> None:
        assert await born(snapshot=True) == await born(snapshot=False)

    asyncio.run(run())


def test_a_log_taken_up_from_a_snapshot_can_be_replayed() -> None:
    # Issue 3: replay is 100 % identical; the same log after a birth under changed declarations.
    async def run() -> None:
        log, rows = _log(), _rows([0] * 40 + [1] * 20)
        await _run(_part(_source(rows), 10), log, declared=_without(B))
        await _run(_part(_source(rows), 20), log, declared=_declaring(_cap("2000"), B))
        low = _declaring(_cap("1000"), B)
        await _run(_part(_source(rows), 30), log, declared=low, snapshot=True)
        await _run(_source(rows), log, declared=low)
        assert (await replay_log(log, compiled())).identical

    asyncio.run(run())


def test_a_lowered_declared_cap_reaches_a_known_symbol_or_is_refused() -> None:
    # §3.4 never a silent default: the lineage names declarations whose cap is not in force.
    async def run() -> None:
        log, rows = _log(), _rows([0] * 40)
        await _run(_part(_source(rows), 20), log)
        fold = await _run(_source(rows), log, declared=_declaring(_cap("1000"), A))
        assert _state(fold, A)["notional_cap"] == 1000.0

    asyncio.run(run())


def test_newborns_inherit_news_whatever_the_batch() -> None:
    # Issue 3: the root is the same for every batch size.
    def news(control_id: str, age_s: int, *, relevant: bool) -> NewsArrived:
        published_ns = _NS - age_s * SECOND_NS
        return NewsArrived(
            control_id=control_id,
            item_id=control_id,
            published_at_ns=published_ns,
            relevant=relevant,
        )

    rows = _rows([0] * 30 + [1] * 60)
    source = _source(
        rows, [(10, news("n1", 10, relevant=True)), (20, news("n2", 99, relevant=False))]
    )

    async def run() -> None:
        assert await _root(source, size=7) == await _root(source)

    asyncio.run(run())


# ------------------------------------------------------------------ other symbols


def test_a_record_that_never_applies_changes_no_interleaving() -> None:
    # §4.2: "Nothing read from another symbol ... may change a decision"; one file after another
    # and both merged by time give each symbol the same contexts and the same records.
    merged = _rows([0, 1] * 60)
    order = np.concatenate([np.flatnonzero(merged["symbol"] == s) for s in (0, 1)])
    stop = _stop("stop", "stopped", at=_NS + 600 * SECOND_NS)
    release = _stop("release", "released", at=_NS + 1500 * SECOND_NS)
    never = SwitchThrown(
        control_id="never",
        name="deterministic-only",
        state="thrown",
        reason="r",
        effective_at_ns=_NS + 10**8 * SECOND_NS,
    )
    one = _source(merged, [(0, stop), (0, release), (0, never)])
    two = _source(merged[order], [(0, stop), (0, release), (59, never)])

    async def run() -> None:
        assert await _root(two, size=60) == await _root(one)

    asyncio.run(run())


def test_another_symbols_clock_does_not_order_a_symbols_records() -> None:
    # §4.2: "Nothing read from another symbol, partition, clock or thread may change a decision".
    # The stop is due at 1000 s. The release comes at once, after A's context at 200 s; whether B
    # has been heard by then or not is nothing to A.
    stop = _stop("stop", "stopped", at=_NS + 1000 * SECOND_NS)
    release = _stop("release", "released")
    quiet = _rows([0] * 10 + [1] + [0] * 40)
    quiet["receive_ns"][11:] += 2000 * SECOND_NS
    quiet["receive_ns"][10] = _NS + 300 * SECOND_NS
    loud = quiet.copy()
    loud["receive_ns"][10] = _NS + 1500 * SECOND_NS
    for rows in (quiet, loud):
        rows["event_ns"] = rows["receive_ns"]

    async def decided(rows: Rows) -> bytes:
        log = _log()
        await _run(_source(rows, [(0, stop), (11, release)]), log)
        found: list[bytes] = []
        async for block in log.blocks(0):
            of_a = np.frombuffer(block.arms["serving"].rows, DECISION)
            key = of_a["symbol_key"][0]  # A is first
            found.append(of_a[of_a["symbol_key"] == key].tobytes())
        return b"".join(found)

    async def run() -> None:
        assert await decided(quiet) == await decided(loud)

    asyncio.run(run())


# ------------------------------------------------------------------ garbage times


def test_a_refused_context_does_not_put_a_future_record_in_force() -> None:
    # §4.2: placed before the first context with receive time >= effective_at; a time that is
    # itself refused (market.time-out-of-range) must not lift tomorrow's stop today.
    rows = _rows([0] * 40)
    rows["receive_ns"][15] = 2**63 - 1
    source = _source(
        rows,
        [
            (0, _stop("stop", "stopped")),
            (0, _stop("release", "released", at=_NS + 86_400 * SECOND_NS)),
        ],
    )

    async def run() -> None:
        fold = await _run(source, _log())
        assert _state(fold, A)["switches"] & _LATCH

    asyncio.run(run())


def test_a_refused_contexts_time_is_not_when_news_came() -> None:
    # The same: the record is stamped with the garbage time and stays fresh for ever.
    rows = _rows([0] * 40)
    rows["receive_ns"][15] = 2**63 - 1
    news = NewsArrived(control_id="n", item_id="n", published_at_ns=_NS, relevant=True)

    async def run() -> None:
        fold = await _run(_source(rows, [(15, news)]), _log())
        assert _state(fold, A)["news_relevant_ns"] <= rows["receive_ns"][39]

    asyncio.run(run())


# ------------------------------------------------------------------ packages


def test_a_symbol_that_moves_to_another_router_is_served_its_package() -> None:
    # §4.2 lineage: packages in force; "fx-other" is named, the package of "fx-intraday" serves.
    base = shipped()
    router = base.router.model_dump(mode="json")
    router["packages"]["fx"] = ["fx-intraday", "fx-other"]
    policy = type(base.router).model_validate_json(json.dumps(router))

    def move(body: dict[str, object]) -> None:
        body["router"] = "fx-other"

    before = dataclasses.replace(base, router=policy)
    after = _declaring(move, A, before)
    packages = {"fx-intraday": eager_package(), "fx-other": eager_package("fx-other", bias=1.0)}

    async def run() -> None:
        log, rows = _log(), _rows([0] * 40)
        await _run(_part(_source(rows), 20), log, declared=before, packages=packages)
        fold = await _run(_source(rows), log, declared=after, packages=packages)
        assert fold.symbols[0].package == packages["fx-other"].digest

    asyncio.run(run())


def test_without_a_package_on_the_disk_the_last_known_good_serves() -> None:
    # Issue 3: "No package: last known good, else defensive"; the log itself keeps its bytes.
    async def run() -> None:
        log, rows = _log(), _rows([0] * 40)
        await _run(_part(_source(rows), 20), log)
        fold = await _run(_source(rows), log, packages={})
        assert fold.symbols[0].package == eager_package().digest

    asyncio.run(run())


# ------------------------------------------------------------------ the loop


class _SlowLog(InMemoryLog):
    """Takes its time with block ``slow``."""

    slow = 1

    @override
    async def append(self, block: Block, /) -> Head:
        if block.number == self.slow:
            await asyncio.sleep(0.05)
        return await super().append(block)


def test_a_commit_beyond_its_budget_is_a_timeout() -> None:
    # What run_loop promises; a CancelledError passes every handler and looks like Ctrl-C.
    async def run() -> None:
        log = _SlowLog(clock=HandClock())
        opened = await open_fold(log, Setup(kernel=compiled(), declarations=shipped(), packages={}))
        sizes = LoopSettings(batch_records=10, commit_budget_ms=10)
        await run_loop(
            Run(source=_source(_rows([0] * 40)), log=log, fold=opened.fold, settings=sizes)
        )

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_an_observer_that_fails_is_told_once() -> None:
    # decision_loop.Observer: "Told of each block once it is durable, in order".
    told: list[int] = []

    async def run() -> None:
        log = _log()
        opened = await open_fold(log, Setup(kernel=compiled(), declarations=shipped(), packages={}))

        def observe(committed: object) -> None:
            told.append(committed.block.number)  # type: ignore[attr-defined]
            message = "no"
            raise RuntimeError(message)

        await run_loop(
            Run(
                source=_source(_rows([0] * 40)),
                log=log,
                fold=opened.fold,
                observer=observe,
                settings=LoopSettings(batch_records=10),
            )
        )

    with pytest.raises(RuntimeError):
        asyncio.run(run())
    assert told == [0]


def test_an_id_used_again_for_something_else_is_not_dropped_in_silence() -> None:
    # §3.4: "never a silent default": the operator's second stop carries the id of the first. An
    # id counts once, so the second has no effect; the block says so and keeps it.
    rows = _rows([0] * 40)
    first, second = _stop("s", "stopped", symbol=B), _stop("s", "stopped", symbol=A)
    source = _source(rows, [(5, first), (10, first), (20, second)])

    async def run() -> None:
        log = _log()
        fold = await _run(source, log)
        (block,) = [block async for block in log.blocks(0)]
        records = read_block_records(block.records)
        assert read_block(block).header.counts.contexts == 40
        assert [(r.row, r.control_id) for r in records.repeated] == [(10, "s")]
        assert [(r.row, r.code, r.record) for r in records.refused] == [
            (20, "control.id-taken", second)
        ]
        assert not _state(fold, A)["switches"] & _LATCH

    asyncio.run(run())
