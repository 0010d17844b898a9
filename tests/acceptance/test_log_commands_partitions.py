"""A log of several partitions is one log to whoever reads it: one root, one newest decision."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import SYMBOLS, contexts, fill
from torghut.decisions.proving import verify_proof
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.kernel.canonical import parse_json_object
from torghut.kernel.errors import ExitCode
from torghut.workflows.decision_loop import Run, run_loop
from torghut.workflows.lookup.finding import Selection, find_last, run_id_of, select_last
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.proof import prove
from torghut.workflows.lookup.stats import count
from torghut.workflows.opening import Setup, open_fold


async def two_partitions(symbol: str, price: float) -> InMemoryLog:
    """Return a log with two symbols in partition 0 and ``symbol``, an hour later, in 1."""
    log = InMemoryLog(clock=HandClock())
    rows = contexts(120)
    await fill(log, rows)
    later = rows.copy()
    later["symbol"] = 0
    later["receive_ns"] += 3600 * 10**9
    later["event_ns"] = later["receive_ns"]
    later["bid"], later["ask"], later["last"] = price, price * 1.00001, price
    setup = Setup(kernel=compiled(), declarations=shipped(), packages={})
    opened = await open_fold(log, setup, partition=1)
    run = Run(source=ArraySource(rows=later, symbols=(symbol,)), log=log, fold=opened.fold)
    await run_loop(run, partition=1)
    return log


def test_newest_counts_and_root_are_over_all_partitions() -> None:
    async def check() -> None:
        log = await two_partitions("index:SP500", 2000.0)
        stats = await count(log)
        newest = await find_last(log, Selection())
        last = await select_last(log, Selection(), 5)

        assert set(stats.symbols) == {*SYMBOLS, "index:SP500"}
        assert stats.root == await root_of_run(log)
        assert (newest.symbol, newest.partition) == ("index:SP500", 1)
        assert last[-1] == newest
        assert [one.symbol for one in last] == ["index:SP500"] * 5

    asyncio.run(check())


def test_proof_covers_the_roots_of_other_partitions() -> None:
    async def check() -> None:
        log = await two_partitions("index:SP500", 2000.0)
        rules = Rulebook(log, run_id=await run_id_of(log))
        for symbol in (SYMBOLS[0], "index:SP500"):
            found = await find_last(log, Selection(symbol=symbol))
            name = str(parse_json_object(await rules.render(found))["decision_id"])

            body = await prove(log, found, decision_id=name)

            verdict = verify_proof(body, root=await root_of_run(log))
            assert verdict.exit_code is ExitCode.YES
            assert verdict.proof is not None
            assert [head.partition for head in verdict.proof.heads] == [0, 1]

    asyncio.run(check())


def test_symbol_in_two_partitions_is_an_integrity_error() -> None:
    async def check() -> None:
        log = await two_partitions(SYMBOLS[0], 1.3)

        with pytest.raises(LogIntegrityError, match="another partition"):
            await count(log)

    asyncio.run(check())
