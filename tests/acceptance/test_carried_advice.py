"""Workers over Kafka are advised by one process that asks, and lose no question with a worker."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.carrying.deployments import Carried, Worker, awaited, carried, written
from tests.support.live.advised import (
    WARM,
    RisingQuotes,
    a_while_ago_ns,
    eager_declarations,
    reasons,
    stand_in,
    told_of,
)
from tests.support.machine.commands import PROGRAM
from tests.support.reasoning.news import item_line
from torghut.client import SyncClient, connect_sync

pytestmark = pytest.mark.timeout(240)

ADVISED: Final = ("advice-approved", "advice-adjusted", "advice-deferred", "advice-vetoed")
ACTIVE: Final = {
    "kind": "reasoning-mode",
    "control_id": "mode:active",
    "mode": "active",
    "reason": "the shadow agrees",
}
ASKER: Final = ("reasoning", "serve", "--passages", "kafka:")
TEXT: Final = "the exchange halts withdrawals"
FOUND_S: Final = 60.0
BUDGET_MS: Final = 30_000
"""For a decision while the group shares its partitions anew."""
ASKED_S: Final = 0.5
"""After which a question of somebody who hangs is on its way, and far from its deadline."""


@contextmanager
def advised_workers(
    folder: Path, broker: str, database: str, script: str
) -> Iterator[tuple[Carried, Sequence[Worker]]]:
    """Give a deployment whose two workers, not started yet, share a process that asks."""
    declared = eager_declarations(folder / "declared")
    with (
        stand_in(folder, script) as (url, _),
        carried(folder / "carried", broker, database, told_of(declared, url)) as made,
    ):
        socket = str(folder / "advice.sock")
        made.start("asker", [*PROGRAM, *ASKER, "--socket", socket])
        names = ("one", "two")
        yield made, [made.worker(name, options=("--advice", socket)) for name in names]


@contextmanager
def deciding(made: Carried, quotes: RisingQuotes, *workers: Worker) -> Iterator[SyncClient]:
    """Start workers, and let advice count once a position is soon wanted; give a client."""
    for one in workers:
        one.start()
    for one in workers:
        one.await_ready()
    awaited(lambda: "asking " in made.printed("asker"), made.printed("asker"))
    with connect_sync(made.url) as client:
        for _ in range(WARM):
            client.decide(quotes.next(), budget_ms=BUDGET_MS)
        made.done("feed", "--control", written(made.folder / "mode.jsonl", ACTIVE))
        yield client


def reasons_until(
    client: SyncClient, quotes: RisingQuotes, *wanted: str, made: Carried
) -> Sequence[str]:
    """Return the reasons of the first decision that carries one of ``wanted``."""
    seen: list[Sequence[str]] = []
    until = time.monotonic() + FOUND_S
    while time.monotonic() < until:
        seen.append(reasons(client.decide(quotes.next(), budget_ms=BUDGET_MS)))
        if set(wanted) & set(seen[-1]):
            return seen[-1]
    raise AssertionError((wanted, seen[-3:], made.said(), made.printed("asker")))


def resolved(made: Carried) -> Sequence[Mapping[str, Any]]:
    """Return what became of questions, as the log has it."""
    ended = made.done("log", "export", "--log", made.log, "--what", "controls")
    records = map(json.loads, ended.out.splitlines())
    return [one for one in records if one["kind"] == "advice-resolved"]


def check_settled(made: Carried, workers: Sequence[Worker]) -> None:
    """End workers; check that every record has one outcome, and that all of it is decided again."""
    made.settle()
    for one in workers:
        if one.running:
            assert one.end() == 0, one.said()
    made.verify()
    made.done("reasoning", "replay", "--log", made.log)


def test_workers_are_advised_by_one_that_asks_and_go_on_when_one_is_killed(
    broker: str, database: str, tmp_path: Path
) -> None:
    quotes = RisingQuotes(begun_ns=a_while_ago_ns())
    with advised_workers(tmp_path, broker, database, "good") as (made, workers):
        file = str(made.folder / "news.jsonl")
        Path(file).write_text(item_line(1, at_ns=a_while_ago_ns(), text=TEXT))
        assert made.done("feed", "--passages", file, "--json").json["passages"] == 1
        with deciding(made, quotes, *workers) as client:
            reasons_until(client, quotes, *ADVISED, made=made)
            for one in workers:
                one.end(signal.SIGKILL)
                one.start()
                reasons_until(client, quotes, *ADVISED, made=made)
        check_settled(made, workers)
        found = resolved(made)
        cited = next(one["advice"] for one in reversed(found) if "advice" in one)
        assert TEXT in made.done("reasoning", "record", str(cited)).out
    assert {"approve", "adjust", "defer", "veto"} & {one["resolution"] for one in found}
    assert set(Counter(one["context_id"] for one in found).values()) == {1}


def test_question_that_a_killed_worker_waited_for_is_lost_once(
    broker: str, database: str, tmp_path: Path
) -> None:
    quotes = RisingQuotes(begun_ns=a_while_ago_ns())
    with advised_workers(tmp_path, broker, database, "hang") as (made, (one, two)):
        with deciding(made, quotes, one) as client:
            reasons_until(client, quotes, "advice-timed-out", made=made)

            def ask() -> None:
                with suppress(Exception):  # it may be told by the next worker, or too late
                    client.decide(quotes.next(), budget_ms=BUDGET_MS)

            asking = threading.Thread(target=ask, daemon=True)
            asking.start()
            time.sleep(ASKED_S)
            one.end(signal.SIGKILL)
            two.start()
            two.await_ready()
            asking.join(timeout=FOUND_S)
        check_settled(made, [two])
        found = resolved(made)
    assert [one["resolution"] for one in found].count("lost") == 1
    assert set(Counter(one["context_id"] for one in found).values()) == {1}
