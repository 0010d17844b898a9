"""Work that one loop asks of another: its answer comes back, and giving it up stops it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from torghut.adapters.postgres.own_loop import OwnLoop
from torghut.eventlog.errors import LogWriteError


@pytest.fixture
def own() -> Iterator[OwnLoop]:
    """Return a loop that is closed at the end."""
    made = OwnLoop("own")
    yield made
    made.close()


async def name_of_thread() -> str:
    """Return where this runs."""
    await asyncio.sleep(0)
    return threading.current_thread().name


async def refuse() -> None:
    """Fail."""
    message = "no"
    raise ValueError(message)


async def given_up() -> None:
    """End as what somebody else stopped."""
    raise asyncio.CancelledError


def test_answer_comes_from_its_own_thread(own: OwnLoop) -> None:
    assert asyncio.run(own.ask(name_of_thread())) == "own"


def test_what_is_raised_there_is_raised_here(own: OwnLoop) -> None:
    with pytest.raises(ValueError, match="no"):
        asyncio.run(own.ask(refuse()))


def test_work_that_was_stopped_there_is_stopped_here(own: OwnLoop) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await own.ask(given_up())

    asyncio.run(main())


def test_many_are_answered_each_with_its_own(own: OwnLoop) -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0.001 * (number % 3))
        return 2 * number

    async def main() -> list[int]:
        return await asyncio.gather(*(own.ask(double(number)) for number in range(200)))

    assert asyncio.run(main()) == [2 * number for number in range(200)]


def test_whoever_stops_waiting_stops_the_work(own: OwnLoop) -> None:
    begun, stopped = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise

    async def main() -> None:
        asking = asyncio.ensure_future(own.ask(work()))
        assert await asyncio.to_thread(begun.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(main())
    assert stopped.wait(10)


def test_answer_that_comes_once_the_asking_loop_has_ended_harms_nobody(own: OwnLoop) -> None:
    go_on, ended = threading.Event(), threading.Event()

    async def work() -> None:
        try:
            while not go_on.is_set():
                try:
                    await asyncio.sleep(0.001)
                except asyncio.CancelledError:
                    continue  # as what is committing would
            await refuse()
        finally:
            ended.set()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await own.ask(work())

    asyncio.run(main())
    go_on.set()
    assert ended.wait(10)
    assert asyncio.run(own.ask(name_of_thread())) == "own"


def test_closed_it_refuses_whoever_asks() -> None:
    own = OwnLoop("own")
    own.close()
    with pytest.raises(LogWriteError, match="closed"):
        asyncio.run(own.ask(name_of_thread()))
