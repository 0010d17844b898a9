"""What a log stood for when a window ended: its head, and who served then."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.clock import HandClock
from tests.support.decisions.declared import shipped
from tests.support.decisions.loops import empty_log, part_of, run_on, source_of
from tests.support.decisions.packages import eager_package
from tests.support.lane.lanes import ROUTER, SYMBOL, decided_log
from tests.support.lane.planted import market, regimes
from torghut.decisions.declarations import Declarations
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.errors import EmptyLogError
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.lane.contest.standing import (
    LogStanding,
    champion_of,
    horizon_ns_of,
    standing_at,
)

ROWS = market(1200)


def standing(log: InMemoryLog, last_ns: int) -> tuple[LogStanding, ArmPlan]:
    """Return what a log stood for at a time, and its champion."""

    async def run() -> tuple[LogStanding, ArmPlan]:
        found = await standing_at(log, last_ns)
        return found, await champion_of(log, found)

    return asyncio.run(run())


def test_a_log_stands_for_what_it_began_with() -> None:
    package = regimes()
    log = asyncio.run(decided_log(ROWS, package))

    found, champion = standing(log, 2**62)

    assert (found.declarations, found.packages) == (shipped().digest, {ROUTER: package.digest})
    assert champion.packages[ROUTER].digest == package.digest
    assert found.symbols == {SYMBOL}
    assert (found.first_ns, found.last_ns) == (ROWS["receive_ns"][0], ROWS["receive_ns"][-1])


def changed_log() -> InMemoryLog:
    """Return a log that another package and other declarations came into force in, half-way."""
    log = empty_log()
    source = source_of(ROWS)
    other = replace(shipped(), router=_other_router(shipped()))

    async def run() -> None:
        await run_on(part_of(source, 600), log, size=100)
        await run_on(
            source, log, size=100, declared=other, packages={ROUTER: eager_package(bias=1.0)}
        )

    asyncio.run(run())
    return log


def _other_router(declared: Declarations):  # type: ignore[no-untyped-def] # noqa: ANN202
    router = declared.router
    stated = router.model_dump(mode="json")
    return type(router).model_validate({**stated, "entropy_max_ratio": 0.5})


def test_what_came_into_force_after_a_window_is_not_its_champion() -> None:
    log = changed_log()

    before, first = standing(log, int(ROWS["receive_ns"][599]))
    after, second = standing(log, int(ROWS["receive_ns"][-1]))

    assert first.packages[ROUTER].digest == eager_package().digest
    assert second.packages[ROUTER].digest == eager_package(bias=1.0).digest
    assert first.declarations.digest == shipped().digest != second.declarations.digest
    assert before.block < after.block
    assert before.head != after.head


def test_the_head_is_of_the_last_block_that_the_window_reaches_into() -> None:
    log = asyncio.run(decided_log(ROWS, regimes()))
    grown = asyncio.run(decided_log(market(2500), regimes()))

    found, _ = standing(log, int(ROWS["receive_ns"][10]))

    assert found.block == 0
    assert standing(grown, int(ROWS["receive_ns"][10]))[0].block == 0


def test_horizon_is_the_longest_of_the_symbols_seen() -> None:
    log = asyncio.run(decided_log(ROWS, regimes()))
    found, champion = standing(log, 2**62)

    assert horizon_ns_of(champion, found) == 40 * 30 * 1_000_000_000


def test_nothing_before_the_window_ends_is_an_empty_log() -> None:
    log = asyncio.run(decided_log(ROWS, regimes()))

    with pytest.raises(EmptyLogError):
        asyncio.run(standing_at(log, 1))
    with pytest.raises(EmptyLogError):
        asyncio.run(standing_at(InMemoryLog(clock=HandClock()), 2**62))
