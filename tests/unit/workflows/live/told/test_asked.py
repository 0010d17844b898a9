"""Who asked for an outcome hears of it, or gives up alone and in time."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.virtual_time import run_virtually
from torghut.workflows.live.told.asked import Asked


def test_everybody_who_asked_is_told_and_who_gave_up_takes_nothing_away() -> None:
    async def main() -> None:
        asked = Asked(5.0)
        asked.expect("c")
        first, second = asked.ask("c"), asked.ask("c")
        first.cancel()
        asked.tell("c", b"line")
        assert await second == b"line"
        assert "c" not in asked

    run_virtually(main())


def test_each_waits_for_the_whole_budget_and_no_longer() -> None:
    async def main() -> None:
        asked, running = Asked(5.0), asyncio.get_running_loop()
        for name in ("a", "b", "c"):
            asked.expect(name)
        begin_s = running.time()
        early = asked.ask("a")
        await asyncio.sleep(2.0)
        answered, late = asked.ask("b"), asked.ask("c")
        asked.tell("b", b"line")
        with pytest.raises(TimeoutError):
            await early
        assert running.time() - begin_s == pytest.approx(5.0, abs=1e-3)
        assert not late.done()
        with pytest.raises(TimeoutError):
            await late
        assert running.time() - begin_s == pytest.approx(7.0, abs=1e-3)
        assert await answered == b"line"
        asked.tell("a", b"line")  # decided after all; nobody waits any more
        assert "a" not in asked

    run_virtually(main())


def test_a_timer_that_found_nobody_is_set_anew_for_the_next() -> None:
    async def main() -> None:
        asked = Asked(5.0)
        asked.expect("a")
        answer = asked.ask("a")
        asked.tell("a", b"line")
        assert await answer == b"line"
        await asyncio.sleep(60.0)
        asked.expect("b")
        with pytest.raises(TimeoutError):
            await asked.ask("b")

    run_virtually(main())
