"""The client that waits is the same client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.fakes.live_service import SYMBOL, FakeLiveService
from tests.support.live.live_clients import QUICK, served
from torghut.client import (
    AnswerLateError,
    ClosedError,
    Context,
    SyncClient,
    UnreachableError,
    connect_sync,
    fill,
    order,
)

T = TypeVar("T")

CONTEXT = Context(feed="desk-1", symbol=SYMBOL, sequence=7, bid=1.0, ask=1.1)


def beside(
    work: Callable[[SyncClient, FakeLiveService], T], *, after: str | None = None, told: int = 0
) -> T:
    """Return what ``work`` returns with a client, while a fake runs in another thread."""
    with served() as service:
        service.tell(told)
        with connect_sync(service.url, after=after, limits=QUICK) as client:
            return work(client, service)


def test_everything_is_as_with_the_client_that_is_awaited() -> None:
    def work(client: SyncClient, _: FakeLiveService) -> None:
        assert client.ready().name == "live"
        assert client.state.name == "live"
        assert client.decide(CONTEXT).actionable
        report = fill(fill_id="f1", symbol=SYMBOL, quantity=1, price=1.1)
        assert client.report(report).status == "taken"
        other = order(decision_id="d1", symbol=SYMBOL, status="accepted")
        assert [one.status for one in client.control([report, other])] == ["repeated", "taken"]
        assert next(iter(client.states())).name == "live"
        assert list(client.controls("start", follow=False)) == []

    beside(work)


def test_decisions_come_one_by_one_and_go_on_where_they_were_left() -> None:
    def work(client: SyncClient, _: FakeLiveService) -> list[int]:
        found = []
        for delivery in client.decisions():
            found.append(delivery.position.block)
            if len(found) == 2:
                break
        rest = client.decisions()
        return [*found, next(rest).position.block, next(rest).position.block]

    assert beside(work, after="start", told=4) == [0, 1, 2, 3]


def test_decisions_that_are_there_end() -> None:
    def work(client: SyncClient, _: FakeLiveService) -> list[int]:
        return [one.position.block for one in client.decisions("start", follow=False)]

    assert beside(work, told=3) == [0, 1, 2]


def test_errors_come_out_as_they_are() -> None:
    def work(client: SyncClient, service: FakeLiveService) -> None:
        service.answering = False
        client.decide(CONTEXT, budget_ms=20)

    with pytest.raises(AnswerLateError):
        beside(work)


def test_whoever_waits_in_another_thread_is_told_that_the_client_was_closed(tmp_path: Path) -> None:
    found: list[str] = []

    def wait(client: SyncClient) -> None:
        try:
            client.ready(60_000)
        except ClosedError as error:
            found.append(error.code)

    with connect_sync(f"unix://{tmp_path}/none", limits=QUICK) as client:
        waiting = threading.Thread(target=wait, args=(client,))
        waiting.start()
        with pytest.raises(UnreachableError):
            client.ready(50)
    waiting.join(5)

    assert found == ["client.closed"]


def test_service_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with connect_sync(f"unix://{tmp_path}/none", limits=QUICK) as client:
        with pytest.raises(UnreachableError):
            client.ready(30)
        assert client.state.name == "stale"
    with pytest.raises(ClosedError):
        client.ready()
