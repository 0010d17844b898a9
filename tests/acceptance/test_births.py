"""What a symbol is born with, and what of later declarations reaches it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.loops import (
    A,
    B,
    drifting,
    empty_log,
    part_of,
    root_of,
    run_on,
    source_of,
    state_of,
)
from tests.support.decisions.rows import SECOND_NS, START_NS
from torghut.decisions.declarations import Declarations
from torghut.eventlog.roots import root_of_run
from torghut.schemas.control import NewsArrived
from torghut.workflows.replay import replay_log


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
        log, rows = empty_log(), drifting([0] * 20 + [1] * 20)
        await run_on(part_of(source_of(rows), 20), log)
        fold = await run_on(source_of(rows), log, declared=redeclared(_cap("1000"), B))
        assert state_of(fold, B)["notional_cap"] == 1000.0

    asyncio.run(run())


def test_a_birth_does_not_depend_on_whether_a_snapshot_was_kept() -> None:
    # §3.2: whatever the restart; a snapshot is only a cache of the log.
    async def born(*, snapshot: bool) -> tuple[float, str]:
        log, rows = empty_log(), drifting([0] * 40 + [1] * 20)
        await run_on(part_of(source_of(rows), 10), log, declared=_without(B))
        await run_on(part_of(source_of(rows), 20), log, declared=redeclared(_cap("2000"), B))
        low = redeclared(_cap("1000"), B)
        await run_on(part_of(source_of(rows), 30), log, declared=low, snapshot=snapshot)
        fold = await run_on(source_of(rows), log, declared=low)
        return float(state_of(fold, B)["notional_cap"]), await root_of_run(log)

    async def run() -> None:
        assert await born(snapshot=True) == await born(snapshot=False)

    asyncio.run(run())


def test_a_log_taken_up_from_a_snapshot_can_be_replayed() -> None:
    # Issue 3: replay is 100 % identical; the same log after a birth under changed declarations.
    async def run() -> None:
        log, rows = empty_log(), drifting([0] * 40 + [1] * 20)
        await run_on(part_of(source_of(rows), 10), log, declared=_without(B))
        await run_on(part_of(source_of(rows), 20), log, declared=redeclared(_cap("2000"), B))
        low = redeclared(_cap("1000"), B)
        await run_on(part_of(source_of(rows), 30), log, declared=low, snapshot=True)
        await run_on(source_of(rows), log, declared=low)
        assert (await replay_log(log, compiled())).identical

    asyncio.run(run())


def test_a_lowered_declared_cap_reaches_a_known_symbol_or_is_refused() -> None:
    # §3.4 never a silent default: the lineage names declarations whose cap is not in force.
    async def run() -> None:
        log, rows = empty_log(), drifting([0] * 40)
        await run_on(part_of(source_of(rows), 20), log)
        fold = await run_on(source_of(rows), log, declared=redeclared(_cap("1000"), A))
        assert state_of(fold, A)["notional_cap"] == 1000.0

    asyncio.run(run())


def test_newborns_inherit_news_whatever_the_batch() -> None:
    # Issue 3: the root is the same for every batch size.
    def news(control_id: str, age_s: int, *, relevant: bool) -> NewsArrived:
        published_ns = START_NS - age_s * SECOND_NS
        return NewsArrived(
            control_id=control_id,
            item_id=control_id,
            published_at_ns=published_ns,
            relevant=relevant,
        )

    rows = drifting([0] * 30 + [1] * 60)
    source = source_of(
        rows, [(10, news("n1", 10, relevant=True)), (20, news("n2", 99, relevant=False))]
    )

    async def run() -> None:
        assert await root_of(source, size=7) == await root_of(source)

    asyncio.run(run())
