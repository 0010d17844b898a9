"""The line: bounded, in order, and as it was once something is put back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.live import A
from tests.fakes.virtual_time import run_virtually
from torghut.adapters.system.interpreter import run_service
from torghut.kernel.clock import SteadyNs, WallNs
from torghut.market.ports import Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import LagEnded
from torghut.workflows.live.errors import QueueFullError
from torghut.workflows.live.intake.stamping import Stamp
from torghut.workflows.live.intake.waiting import (
    Item,
    WaitingContext,
    WaitingControl,
    WaitingLine,
    WaitingQuarantine,
)

STAMP = Stamp(receive_ns=1, came_ns=SteadyNs(1), wall_ns=WallNs(1))


def context(number: int) -> WaitingContext:
    return WaitingContext(context_id=str(number), symbol=A, source="ab", row=(), stamp=STAMP)


def control(number: int, *, urgent: bool = False) -> WaitingControl:
    return WaitingControl(record=LagEnded(control_id=f"c{number}"), urgent=urgent)


def bad(number: int) -> WaitingQuarantine:
    record = Quarantined(
        part=0, record=number, refusal=RefusalCode.UNDECODABLE, digest="ab" * 32, excerpt=""
    )
    return WaitingQuarantine(source="ab", record=record)


def urgent(number: int) -> WaitingControl:
    return control(number, urgent=True)


def urgent_bad(number: int) -> WaitingQuarantine:
    return replace(bad(number), urgent=True)


MAKE: Sequence[Callable[[int], Item]] = (context, bad, control, urgent, urgent_bad)
ITEMS = st.lists(st.sampled_from(MAKE), max_size=30).map(
    lambda kinds: [kind(number) for number, kind in enumerate(kinds)]
)


def is_urgent(item: Item) -> bool:
    return not isinstance(item, WaitingContext) and item.urgent


def all_of(line: WaitingLine) -> Sequence[Item]:
    return line.take(10_000)


@given(ITEMS, st.integers(1, 40))
def test_what_is_urgent_comes_first_and_all_else_in_order(items: list[Item], most: int) -> None:
    line = WaitingLine(limit=5)
    line.put(items)
    taken: list[Item] = []
    while found := line.take(most):
        assert len(found) <= most
        taken += found
    assert taken == sorted(items, key=lambda item: not is_urgent(item))
    assert (len(line), line.controls) == (0, 0)


@given(ITEMS, st.integers(1, 40), ITEMS)
def test_what_is_put_back_waits_as_it_did(items: list[Item], most: int, later: list[Item]) -> None:
    line, other = WaitingLine(limit=5), WaitingLine(limit=5)
    for one in (line, other):
        one.put(items)
    taken = line.take(most)
    for one in (line, other):
        one.put(later)
    line.put_back(taken)
    assert (len(line), line.controls, line.urgent) == (len(other), other.controls, other.urgent)
    assert all_of(line) == all_of(other)


@given(ITEMS)
def test_contexts_and_bad_records_are_counted_together_and_all_else_apart(
    items: list[Item],
) -> None:
    line = WaitingLine(limit=5)
    line.put(items)
    usual = [item for item in items if not is_urgent(item)]
    assert len(line) == sum(not isinstance(item, WaitingControl) for item in usual)
    assert line.controls == sum(isinstance(item, WaitingControl) for item in usual)
    assert line.has_room == (len(line) < 5 and line.controls < 5)


def test_more_than_the_limit_may_not_come_unless_nothing_waits() -> None:
    line = WaitingLine(limit=5)
    line.check_room(9, retry_after_ms=250)
    line.put([context(n) for n in range(4)])
    line.check_room(1, retry_after_ms=250)
    with pytest.raises(QueueFullError) as caught:
        line.check_room(2, retry_after_ms=250)
    assert (caught.value.waiting, caught.value.limit, caught.value.retry_after_ms) == (4, 5, 250)


def test_contexts_do_not_take_the_place_of_control_records() -> None:
    line = WaitingLine(limit=5)
    line.put([context(n) for n in range(5)])
    line.check_room_for_controls(5, retry_after_ms=250)
    line.put([control(n) for n in range(5)])
    with pytest.raises(QueueFullError):
        line.check_room_for_controls(1, retry_after_ms=250)
    line.put([control(9, urgent=True)])
    assert all_of(line)[0] == control(9, urgent=True)


@pytest.mark.parametrize("make", [context, bad, control])
def test_a_source_that_can_wait_waits_for_room(make: Callable[[int], Item]) -> None:
    async def main() -> None:
        line = WaitingLine(limit=2)
        await line.room()
        line.put([make(0), make(1)])
        waiting = asyncio.ensure_future(line.room())
        await asyncio.sleep(1)
        assert not waiting.done()
        taken = line.take(1)
        await asyncio.sleep(0)
        assert waiting.done()
        line.put_back(taken)
        again = asyncio.ensure_future(line.room())
        await asyncio.sleep(1)
        assert not again.done()
        again.cancel()

    run_virtually(main())


@pytest.mark.parametrize("make", [urgent, urgent_bad])
def test_what_is_urgent_waits_elsewhere_only_where_as_much_of_it_waits_already(
    make: Callable[[int], Item],
) -> None:
    async def main() -> None:
        line = WaitingLine(limit=2)
        line.put([context(n) for n in range(9)] + [control(n) for n in range(9)])
        line.put([make(0)])
        await line.room_for_urgent()
        line.put([make(1)])
        waiting = asyncio.ensure_future(line.room_for_urgent())
        await asyncio.sleep(1)
        assert not waiting.done()
        line.take(1)
        await waiting

    run_virtually(main())


def test_the_line_is_waited_for_until_something_comes_or_nothing_will() -> None:
    async def main() -> None:
        line = WaitingLine(limit=2)
        waiting = asyncio.ensure_future(line.filled())
        await asyncio.sleep(1)
        assert not waiting.done()
        line.put([control(1)])
        assert await waiting
        line.close()
        assert await line.filled()  # what waits is still taken
        assert len(line.take(5)) == 1
        assert not await line.filled()

    run_virtually(main())


def test_closing_wakes_who_waits_for_something_to_take() -> None:
    async def main() -> None:
        line = WaitingLine(limit=2)
        waiting = asyncio.ensure_future(line.filled())
        await asyncio.sleep(1)
        line.close()
        assert not await waiting

    run_virtually(main())


def test_items_can_be_told_apart() -> None:
    assert replace(control(1), urgent=True) != control(1)


def test_what_is_put_aside_takes_its_place_between_blocks_one_at_a_time() -> None:
    async def scene() -> None:
        line, loop = WaitingLine(limit=5), asyncio.get_running_loop()
        begun_s = loop.time()

        line.put_aside([urgent(1), control(2), control(5)], within_s=0.06)
        loop.call_later(0.01, line.put, [context(3)])
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.01)
        line.rest()  # something waits: no time to rest
        assert all_of(line) == [context(3)]
        line.rest()
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.011)
        assert all_of(line) == [urgent(1)]

        line.rest()  # nobody came since: the next one waits for another block
        loop.call_later(0.01, line.put, [context(4)])
        assert await line.filled()
        assert all_of(line) == [context(4)]
        line.rest()
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.022)
        assert all_of(line) == [control(2)]

        line.rest()  # nor did anybody now, though this one was not urgent
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.06)
        assert all_of(line) == [control(5)]

    run_virtually(scene())


def test_what_is_put_aside_waits_on_where_somebody_comes_before_its_turn() -> None:
    async def scene() -> None:
        line, loop = WaitingLine(limit=5), asyncio.get_running_loop()

        line.put_aside([urgent(1)], within_s=0.06)
        line.put([context(2)])
        assert all_of(line) == [context(2)]
        line.rest()
        line.put([context(3)])
        assert all_of(line) == [context(3)]
        await asyncio.sleep(0.01)  # while that one is decided
        assert len(all_of(line)) == 0
        begun_s = loop.time()
        line.put([context(4)])
        assert all_of(line) == [context(4)]
        line.rest()
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.001)
        assert all_of(line) == [urgent(1)]

    run_virtually(scene())


def test_what_is_put_aside_waits_no_longer_than_it_may() -> None:
    async def scene() -> None:
        line, loop = WaitingLine(limit=5), asyncio.get_running_loop()
        begun_s = loop.time()

        line.put_aside([urgent(1)], within_s=0.04)
        line.put_aside([urgent(2)], within_s=0.02)
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.02)
        assert all_of(line) == [urgent(1), urgent(2)]

        line.put_aside([urgent(3)], within_s=0.02)
        line.put_aside([urgent(4)], within_s=0.04)
        line.put([context(5)])
        assert all_of(line) == [context(5)]
        line.rest()
        assert await line.filled()
        assert all_of(line) == [urgent(3)]
        assert await line.filled()
        assert loop.time() - begun_s == pytest.approx(0.06)
        assert all_of(line) == [urgent(4)]

    run_virtually(scene())


def test_what_is_put_aside_is_taken_though_nothing_more_may_come() -> None:
    async def scene() -> None:
        line = WaitingLine(limit=5)
        line.put_aside([urgent(1)], within_s=60.0)
        line.close()
        assert await line.filled()
        assert all_of(line) == [urgent(1)]
        assert not await line.filled()

    run_virtually(scene())


def test_what_is_put_aside_for_no_time_is_taken_on_the_loop_that_serves() -> None:
    async def scene() -> None:
        line = WaitingLine(limit=5)
        line.put_aside([urgent(1)], within_s=0.0)
        line.put_aside([urgent(2)], within_s=0.0)
        assert await line.filled()
        assert all_of(line) == [urgent(1), urgent(2)]

    run_service(scene())
