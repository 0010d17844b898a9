"""Questions to the service: asked until the budget ends, and none left open by a closed client."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.live_service import SYMBOL, FakeLiveService
from tests.support.live.live_clients import QUICK, client_of, first, served, until, with_service
from torghut.client import (
    AnswerLateError,
    Client,
    ClosedError,
    Context,
    DeniedError,
    TorghutError,
    UnreachableError,
    connect,
    connect_sync,
    fill,
)
from torghut.client.errors import RecordUnnamedError, TokenUnreadableError

CONTEXT = Context(feed="desk-1", symbol=SYMBOL, sequence=7, bid=1.0, ask=1.1)
FILL = fill(fill_id="f1", symbol=SYMBOL, quantity=1, price=1.1)
LATE = {"code": "live.answer-late", "retry_after_ms": None}


async def asked(client: Client, kind: str, budget_ms: int = 5000) -> object:
    if kind == "context":
        return await client.decide(CONTEXT, budget_ms=budget_ms)
    return await client.report(FILL, budget_ms=budget_ms)


def name_of(kind: str) -> str:
    return CONTEXT.context_id if kind == "context" else FILL.control_id


@pytest.mark.parametrize("kind", ["context", "control"])
def test_what_the_service_answers_late_is_sent_again(kind: str) -> None:
    async def scenario(service: FakeLiveService) -> int:
        service.faults[name_of(kind)] = [LATE, LATE]
        async with client_of(service) as client:
            await asked(client, kind)
            return len(service.offered)

    assert with_service(scenario) == 3


@pytest.mark.parametrize("kind", ["context", "control"])
def test_what_the_service_answers_late_for_ever_is_late_after_the_own_budget(kind: str) -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.faults[name_of(kind)] = [LATE] * 1000
        async with client_of(service) as client:
            await client.ready()
            await asked(client, kind, budget_ms=50)

    with pytest.raises(AnswerLateError, match="within 50 ms"):
        with_service(scenario)


@pytest.mark.parametrize("kind", ["context", "control"])
def test_question_that_is_open_ends_with_the_client(kind: str) -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.answering = False
        async with client_of(service) as client:
            question = asyncio.create_task(asked(client, kind, budget_ms=60_000))
            await until(lambda: bool(service.offered))
        await question

    with pytest.raises(ClosedError, match="closed"):
        with_service(scenario)


def test_wait_for_the_service_ends_with_the_client(tmp_path: Path) -> None:
    async def scenario(_: FakeLiveService) -> None:
        async with connect(f"unix://{tmp_path}/none", limits=QUICK) as client:
            waiting = asyncio.create_task(client.ready(budget_ms=60_000))
            await until(lambda: bool(client.notices))
        await waiting

    with pytest.raises(ClosedError):
        with_service(scenario)


def test_question_of_another_thread_ends_with_the_client_that_waits() -> None:
    found: list[str] = []

    def ask(client: Any) -> None:  # noqa: ANN401 - either question
        try:
            client()
        except TorghutError as error:
            found.append(error.code)

    with served() as service:
        service.answering = False
        with connect_sync(service.url, limits=QUICK) as client:
            questions = (
                lambda: client.decide(CONTEXT, budget_ms=60_000),
                lambda: client.report(FILL, budget_ms=60_000),
                lambda: list(client.decisions()),
            )
            threads = [threading.Thread(target=ask, args=(one,)) for one in questions]
            for thread in threads:
                thread.start()
            client.ready()
            while len(service.offered) < 2:
                threading.Event().wait(0.005)
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()

    # The stream ends in silence, or is refused likewise where it had not begun by then.
    assert len(found) in {2, 3}
    assert set(found) == {"client.closed"}


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_service_that_refuses_the_client_denies_it(status: int) -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.refusing = status
        async with client_of(service) as client:
            await client.ready()

    with pytest.raises(DeniedError, match=f"HTTP status {status}"):
        with_service(scenario)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_service_that_has_no_room_yet_is_tried_again(status: int) -> None:
    async def scenario(service: FakeLiveService) -> str:
        service.refusing = status
        async with client_of(service) as client:
            with pytest.raises(UnreachableError, match=f"HTTP status {status}"):
                await client.ready(budget_ms=50)
            service.refusing = 0
            return (await client.ready()).name

    assert with_service(scenario) == "live"


def test_token_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    async def scenario(service: FakeLiveService) -> None:
        async with connect(service.url, token_file=tmp_path / "none", limits=QUICK) as client:
            await client.ready(budget_ms=60_000)

    with pytest.raises(TokenUnreadableError):
        with_service(scenario)


@pytest.mark.parametrize("record", [{"kind": "lag-begin"}, {"kind": "lag-begin", "control_id": ""}])
def test_record_without_an_id_is_not_sent(record: dict[str, str]) -> None:
    async def scenario(service: FakeLiveService) -> None:
        async with client_of(service) as client:
            await client.ready()
            try:
                await client.report(record)
            finally:
                assert not service.offered

    with pytest.raises(RecordUnnamedError) as caught:
        with_service(scenario)
    assert caught.value.code == "client.record-unnamed"


def test_connection_of_a_reader_who_left_is_forgotten() -> None:
    async def scenario(service: FakeLiveService) -> int:
        service.tell(1)
        async with client_of(service, after="start") as client:
            for _ in range(3):
                assert [one async for one in client.controls("start", follow=False)] == []
                await first(client.decisions("start"), 1)
            await until(lambda: len(service.listeners) == 1)
            return len(client._connections)  # noqa: SLF001 - memory is what is tested

    assert with_service(scenario) == 1


def test_stream_that_is_followed_needs_no_connection_for_questions_that_nobody_asks() -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(2)
        async with client_of(service) as client:
            await client.ready()
            await first(client.decisions("start"), 2)
            await until(lambda: len(service.listeners) == 1)
            await client.decide(CONTEXT)
            both = len(service.listeners)
            await first(client.decisions("start"), 2)
            await until(lambda: len(service.listeners) == 2)
            return [both, len(service.listeners)]

    assert with_service(scenario) == [2, 2]
