"""Whoever is killed and when, each context that waits for advice is decided, and once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from tests.support.live.advised import (
    SYMBOL,
    Advised,
    RisingQuotes,
    advised,
    declare_many,
    stand_in,
)
from tests.support.live.threads import beside
from tests.support.live.waits import Waits
from torghut.client import Client, Context, connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

AGO_S: Final = 20_000
"""How long ago the first quote was received; the next are so many seconds later each."""
SOON_S: Final = 0.05
BUDGET_MS: Final = 20_000
"""Of a question about one of many symbols; whoever answers takes eight seconds."""
AT_ONCE: Final = 5
"""Each of so many kills does not wait until somebody can be asked again after the one before."""
MANY: Final = [f"many:S{number:02}" for number in range(64)]


def test_kills_at_any_instant_leave_every_question_with_one_end(tmp_path: Path) -> None:
    with stand_in(tmp_path, "slow:120") as (url, _), advised(tmp_path, url) as made:
        check_kills(made, [SYMBOL], kills=6, within_s=(0.3, 1.8), most_waiting=1)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_hundred_kills_with_many_questions_under_way_leave_each_with_one_end(
    tmp_path: Path,
) -> None:
    with stand_in(tmp_path, "slow:2000") as (url, _), advised(tmp_path, url) as made:
        declare_many(tmp_path / "declared", MANY, budget_ms=BUDGET_MS)
        check_kills(made, MANY, kills=100, within_s=(0.5, 8.0), most_waiting=len(MANY) // 2)


def check_kills(
    made: Advised,
    symbols: Sequence[str],
    *,
    kills: int,
    within_s: tuple[float, float],
    most_waiting: int,
) -> None:
    """Kill the loop and who asks in turn, and check what became of everything that waited.

    Args:
        made: The service, which is not started yet.
        symbols: That are offered.
        kills: Of both together.
        within_s: Shortest and longest time from one to the next.
        most_waiting: At one kill of the loop at least so many have to wait.
    """
    instants = random.Random(20261129)  # noqa: S311 - a seed, so that a failure comes again
    made.service.options = (*made.service.options, "--reasoning-mode", "active")
    made.service.start()
    waits, cut, ended = Waits(log=made.service.log), list[int](), threading.Event()
    with beside(partial(offer_until, made, symbols, ended), ended):
        await_advice(made, waits)
        for kill in range(kills):
            if kill % AT_ONCE:
                made.service.await_asker()
            time.sleep(instants.uniform(*within_s))
            if kill % 2:
                before = kill_who_asks(made)
                while made.asking_pid() == before:
                    time.sleep(SOON_S)
            else:
                made.service.end(signal.SIGKILL)
                cut.append(len(waits.killed()))
                made.service.start()
    assert made.service.end() == 0
    waits.follow()

    sys.stdout.write(
        f"{len(waits.ended):,} waits ended: {dict(Counter(waits.ended.values()))}; "
        f"{median(cut):.0f} waited at a kill, {max(cut)} at most\n"
    )
    assert not waits.waiting
    assert waits.pending == waits.resolved == len(waits.ended)
    assert max(cut) >= most_waiting
    assert Counter(waits.ended.values())["lost"] >= sum(cut) > 0
    check_records(made, set(waits.ended))


def check_records(made: Advised, waited: set[str]) -> None:
    """Check that whoever reads the log is told the same, and can replay all of it."""
    resolved = [one for one in made.exported("controls") if one["kind"] == "advice-resolved"]
    assert sorted(str(one["context_id"]) for one in resolved) == sorted(waited)
    decided = {
        one["decision_id"]
        for one in made.exported("decisions")
        if any(str(reason).startswith("advice-") for reason in one["reasons"])  # type: ignore[attr-defined]
    }
    assert {f"{name}/serving" for name in waited} <= decided
    log = str(made.service.log)
    assert made.service.typed("replay", "--verify", "--log", log).status == 0
    again = made.service.typed("reasoning", "replay", "--log", log)
    assert again.status == 0, again.out


def offer_until(made: Advised, symbols: Sequence[str], ended: threading.Event) -> None:
    """Offer quotes of each symbol, whatever becomes of the service, until it is enough."""
    begun_ns = time.time_ns() - AGO_S * 1_000_000_000
    quotes = [RisingQuotes(begun_ns=begun_ns, symbol=symbol) for symbol in symbols]
    asyncio.run(offer(made, quotes, ended))


async def offer(made: Advised, quotes: Sequence[RisingQuotes], ended: threading.Event) -> None:
    """Offer quotes in turn, and wait for none: of a symbol that waits the next are decided fast."""
    url, token = f"unix://{made.service.socket}", made.service.token("report")
    pause_s = max(0.01, SOON_S / len(quotes))
    while not ended.is_set():
        with suppress(Exception):
            async with connect(url, token=token) as client, asyncio.TaskGroup() as deciding:
                for one in cycle(quotes):
                    if ended.is_set():
                        break
                    deciding.create_task(decide(client, one.next()))
                    await asyncio.sleep(pause_s)
        await asyncio.sleep(SOON_S)


async def decide(client: Client, quote: Context) -> None:
    """Wait until a quote is decided."""
    await client.decide(quote, budget_ms=2 * BUDGET_MS)


def await_advice(made: Advised, waits: Waits) -> None:
    """Wait until somebody was advised: from here on who asks is up."""
    until = time.monotonic() + 90
    while not {"approve", "adjust", "defer", "veto"} & set(waits.ended.values()):
        assert time.monotonic() < until, made.service.said()[-3000:]
        time.sleep(SOON_S)
        waits.follow()


def kill_who_asks(made: Advised) -> int:
    """Kill the process that asks, which a service that just began may not have started yet."""
    while True:
        pid = made.asking_pid()
        with suppress(ProcessLookupError):  # it was the service's before, and is gone
            os.kill(pid, signal.SIGKILL)
            return pid
        time.sleep(SOON_S)
