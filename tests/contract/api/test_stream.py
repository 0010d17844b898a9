"""The stream: outcomes and heartbeats down, contexts and control records up, refusals at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import pytest
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes.desk import FakeDesk, policy_with, refused
from tests.support.live.asking import END_S, TOKENS, Bench, bench, served
from torghut.schemas.control import ControlRecord
from torghut.schemas.live.delivery import Answered
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.live.position import Position
from torghut.schemas.observing.log_events import ReportsAccepted
from torghut.workflows.live.access.tokens import parse_tokens
from torghut.workflows.live.errors import (
    ClosingError,
    ContextMalformedError,
    QueueFullError,
    TooManyAtOnceError,
)
from torghut.workflows.live.offers import OfferedContext

T = TypeVar("T")
Line = dict[str, object]

QUICK: Final = {"heartbeat_ms": 20}


def quick(**telling: int) -> Bench:
    """Return an API whose heart beats fast."""
    return bench(FakeDesk(bound=policy_with(telling=QUICK | telling)))


def named(sequence: int) -> str:
    """Return the id of a context that ``offered`` spells."""
    return offered_context_id("desk-1", "fxcm:EURUSD", "quote", sequence)


def offered(sequence: int, **changed: object) -> str:
    """Return a context as its sender spells it."""
    fields: dict[str, object] = {
        "type": "live.context-offered.v1",
        "feed": "desk-1",
        "symbol": "fxcm:EURUSD",
        "sequence": sequence,
        "bid": 1.0,
    }
    return json.dumps(fields | changed)


def control(control_id: str, **changed: object) -> str:
    """Return a control record as its sender offers it."""
    record: dict[str, object] = {
        "kind": "position",
        "control_id": control_id,
        "symbol": "fxcm:EURUSD",
        "quantity": 1.0,
        "as_of_ns": "1",
    }
    return json.dumps({"type": "live.control-offered.v1", "record": record | changed})


@dataclass(slots=True)
class Listener:
    """One who listens.

    Attributes:
        socket: The connection.
        messages: Lines of messages that came and were not taken yet.
    """

    socket: ClientConnection
    waiting: list[Line] = field(default_factory=list)

    async def send(self, *lines: str) -> None:
        """Send lines in one message."""
        await self.socket.send("\n".join(lines))

    async def take(self, *types: str) -> Line:
        """Return the next line, of some types alone if they are named."""
        async with asyncio.timeout(END_S):
            while True:
                while not self.waiting:
                    message = await self.socket.recv()
                    assert isinstance(message, str)
                    self.waiting = [json.loads(line) for line in message.splitlines()]
                line = self.waiting.pop(0)
                if not types or line["type"] in types:
                    return line

    async def closed(self) -> tuple[int, str]:
        """Wait until the connection is closed; return with which code, and why."""
        with pytest.raises(ConnectionClosed):
            await self.take("nothing that ever comes")
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


@asynccontextmanager
async def connected(path: Path, query: str = "", role: str = "report") -> AsyncIterator[Listener]:
    """Connect somebody to a stream that is served."""
    headers = {"Authorization": f"Bearer {TOKENS[role]}"}
    async with unix_connect(
        str(path),
        f"ws://localhost/v1/stream{query}",
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        close_timeout=1,
    ) as socket:
        yield Listener(socket)


def streamed(
    made: Bench,
    folder: Path,
    work: Callable[[Listener], Awaitable[T]],
    query: str = "",
    role: str = "report",
) -> T:
    """Return what ``work`` finds out on a stream."""

    async def main() -> T:
        async with served(made, folder) as path, connected(path, query, role) as listener:
            return await work(listener)

    found = asyncio.run(main())
    assert made.failures == []
    assert (made.app.subscribers(), made.desk.following) == (0, 0)
    return found


def test_who_connects_hears_at_once_that_the_service_is_there(tmp_path: Path) -> None:
    found = streamed(quick(heartbeat_ms=2000), tmp_path, lambda listener: listener.take())

    assert (found["type"], found["position"]) == ("live.heartbeat.v1", None)


def test_heartbeats_go_on(tmp_path: Path) -> None:
    async def work(listener: Listener) -> list[object]:
        return [(await listener.take())["type"] for _ in range(4)]

    assert streamed(quick(), tmp_path, work, role="read") == ["live.heartbeat.v1"] * 4


def test_a_change_is_heard_before_the_next_beat_is_due(tmp_path: Path) -> None:
    made = quick(heartbeat_ms=2000)

    async def work(listener: Listener) -> Line:
        await listener.take()
        made.desk.change("stopped")
        return await listener.take("live.heartbeat.v1")

    assert streamed(made, tmp_path, work)["state"] == "stopped"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["0:7:0"]),
        ("?after=now", ["0:7:0"]),
        ("?after=start", ["0:0:0", "0:1:0", "0:7:0"]),
        ("?after=0:0:0&controls=0", ["0:1:0", "0:7:0"]),
        ("?after=0:0:0&controls=1", ["0:1:0", "0:1:0", "0:7:0", "0:7:0"]),
    ],
)
def test_outcomes_come_from_where_one_asks(
    tmp_path: Path, query: str, expected: Sequence[str]
) -> None:
    made = quick()
    for sequence in (0, 1):
        made.desk.publish(refused(named(sequence), Position(0, sequence, 0)))

    async def work(listener: Listener) -> list[object]:
        await listener.take()
        made.desk.publish(refused(named(7), Position(0, 7, 0)), Position(0, 7, 0))
        return [(await listener.take("live.refused.v1"))["position"] for _ in expected]

    assert sorted(map(str, streamed(made, tmp_path, work, query))) == list(expected)


def test_outcomes_of_one_block_are_one_message(tmp_path: Path) -> None:
    made = quick(heartbeat_ms=2000)
    for sequence in range(3):
        made.desk.publish(
            refused(named(sequence), Position(0, 0, sequence)), Position(0, 0, sequence)
        )

    async def work(listener: Listener) -> list[int]:
        messages = [await listener.socket.recv() for _ in range(2)]
        return [str(message).count("\n") for message in messages]

    assert streamed(made, tmp_path, work, "?after=start") == [1, 3]


def test_contexts_that_are_sent_have_their_outcomes_on_the_stream(tmp_path: Path) -> None:
    async def work(listener: Listener) -> list[object]:
        await listener.send(offered(1), offered(2))
        await listener.send(offered(3))
        lines = [await listener.take("live.refused.v1") for _ in range(3)]
        return [json.dumps(line).count(named(number)) for number, line in enumerate(lines, 1)]

    assert streamed(quick(), tmp_path, work) == [1, 1, 1]


def test_a_context_that_is_known_is_answered_at_once(tmp_path: Path) -> None:
    made = quick()

    async def work(listener: Listener) -> list[object]:
        await listener.send(offered(1))
        await listener.take("live.refused.v1")
        made.desk.publish(refused(named(2), Position(0, 1, 0)))
        await listener.send(offered(1))
        return [(await listener.take("live.refused.v1"))["position"] for _ in range(2)]

    assert "0:0:0" in streamed(made, tmp_path, work)


@pytest.mark.parametrize(
    "line", ["{", "[]", "1", offered(1, bid="x"), offered(1, feed=""), '{"type":"live.other.v1"}']
)
def test_a_line_that_is_no_context_is_told_and_its_neighbours_are_taken(
    tmp_path: Path, line: str
) -> None:
    made = quick()

    async def work(listener: Listener) -> list[Line]:
        await listener.send(offered(1), line, offered(2))
        fault = await listener.take("live.fault.v1")
        return [
            fault,
            await listener.take("live.refused.v1"),
            await listener.take("live.refused.v1"),
        ]

    fault = streamed(made, tmp_path, work)[0]
    assert (fault["code"], fault["retry_after_ms"]) == ("live.context-malformed", None)
    assert [one.context_id for one in made.desk.offers] == [named(1), named(2)]


def test_a_full_queue_is_told_for_each_context_with_when_to_try_again(tmp_path: Path) -> None:
    made = quick()
    made.desk.refuse = QueueFullError(waiting=9, limit=9, retry_after_ms=250)

    async def work(listener: Listener) -> list[Line]:
        await listener.send(offered(1), offered(2))
        return [await listener.take("live.fault.v1") for _ in range(2)]

    found = streamed(made, tmp_path, work)
    assert [line["context_id"] for line in found] == [named(1), named(2)]
    assert {(line["code"], line["retry_after_ms"]) for line in found} == {("live.queue-full", 250)}


def test_one_context_that_the_desk_refuses_takes_no_other_with_it(tmp_path: Path) -> None:
    class Choosy(FakeDesk):
        """Knows one symbol."""

        def offer(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
            for one in offered:
                if one.symbol != "fxcm:EURUSD":
                    raise ContextMalformedError(place="x", expected="EURUSD", found=one.symbol)
            return FakeDesk.offer(self, offered)

    made = bench(Choosy(bound=policy_with(telling=QUICK)))

    async def work(listener: Listener) -> Line:
        await listener.send(offered(1), offered(2, symbol="fxcm:OTHER"), offered(3))
        return await listener.take("live.fault.v1")

    other = offered_context_id("desk-1", "fxcm:OTHER", "quote", 2)
    assert streamed(made, tmp_path, work)["context_id"] == other
    assert [one.context_id for one in made.desk.offers] == [named(1), named(3)]


def test_control_records_are_answered_in_the_order_sent(tmp_path: Path) -> None:
    made = quick()

    async def work(listener: Listener) -> list[object]:
        await listener.send(control("p-1"), offered(1), control("p-2"))
        await listener.send(control("p-3"))
        return [(await listener.take("live.answered.v1"))["control_id"] for _ in range(3)]

    assert streamed(made, tmp_path, work) == ["p-1", "p-2", "p-3"]
    assert [record.control_id for record in made.desk.taken] == ["p-1", "p-2", "p-3"]


def test_records_of_many_messages_go_together_but_never_more_than_may(tmp_path: Path) -> None:
    class Bounded(FakeDesk):
        """Refuses too many at once, as the service does, and is slow enough to let some wait."""

        async def submit(self, records: Sequence[ControlRecord]) -> Sequence[Answered]:
            limit = self.policy.door.records_max
            if len(records) > limit:
                raise TooManyAtOnceError(found=len(records), limit=limit)
            return await FakeDesk.submit(self, records)

    bound = policy_with(telling=QUICK, door={"records_max": 3})
    made = bench(Bounded(bound=bound, slow_s=0.05))
    names = [f"p-{number}" for number in range(9)]

    async def work(listener: Listener) -> list[object]:
        for name in names:
            await listener.send(control(name))
        found = [await listener.take("live.answered.v1", "live.fault.v1") for _ in names]
        return [(line["type"], line["control_id"]) for line in found]

    answered = [("live.answered.v1", name) for name in names]
    assert streamed(made, tmp_path, work) == answered
    assert [record.control_id for record in made.desk.taken] == names


def test_who_sent_control_records_is_logged(tmp_path: Path) -> None:
    made = quick()

    async def work(listener: Listener) -> Line:
        await listener.send(control("p-1"), control("p-2"))
        return await listener.take("live.answered.v1")

    streamed(made, tmp_path, work)
    said = ReportsAccepted(
        caller="report-1", records=2, first_control_id="p-1", last_control_id="p-2"
    )
    assert [event for event, _ in made.journal.said] == [said]


def test_a_feed_named_like_a_control_record_brings_contexts(tmp_path: Path) -> None:
    made = quick()
    feed = "live.control-offered.v1"

    async def work(listener: Listener) -> Line:
        await listener.send(offered(1, feed=feed))
        return await listener.take("live.refused.v1", "live.fault.v1")

    assert streamed(made, tmp_path, work)["type"] == "live.refused.v1"
    assert [one.feed for one in made.desk.offers] == [feed]


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"live.control-offered.v1"}',
        '{"type":"live.control-offered.v1","record":{}}',
        '{"type":"live.control-offered.v1","record":[]}',
        control("p-1")[:-1] + ',"more":1}',
        control("p-1")[:-1] + ',"record":{}}',
        control("p-1", quantity="x"),
        control("p-1", reason="x" * 70_000),
    ],
)
def test_a_line_that_is_no_control_record_is_told(tmp_path: Path, line: str) -> None:
    made = quick()

    async def work(listener: Listener) -> Line:
        await listener.send(line)
        return await listener.take("live.fault.v1")

    assert streamed(made, tmp_path, work)["code"] == "run.control-malformed"
    assert made.desk.taken == []


def test_a_record_that_cannot_be_taken_is_told_under_its_id(tmp_path: Path) -> None:
    made = quick()

    async def work(listener: Listener) -> Line:
        await listener.send(control("p-1", quantity="x"))
        return await listener.take("live.fault.v1")

    assert streamed(made, tmp_path, work)["control_id"] == "p-1"


def test_control_records_that_are_not_taken_are_told_by_name(tmp_path: Path) -> None:
    made = quick()
    made.desk.refuse = ClosingError()

    async def work(listener: Listener) -> Line:
        await listener.send(control("p-1"))
        return await listener.take("live.fault.v1")

    found = streamed(made, tmp_path, work)
    assert (found["control_id"], found["code"]) == ("p-1", "live.closing")


def test_a_slow_answer_is_late_and_contexts_go_on_meanwhile(tmp_path: Path) -> None:
    bound = policy_with(telling=QUICK, door={"answer_ms": 100})
    made = bench(FakeDesk(bound=bound, slow_s=5.0))

    async def work(listener: Listener) -> list[object]:
        await listener.send(control("p-1"))
        await listener.send(offered(1))
        found = [await listener.take("live.refused.v1", "live.fault.v1") for _ in range(2)]
        return [found[0]["type"], found[1]["code"], found[1]["control_id"]]

    assert streamed(made, tmp_path, work) == ["live.refused.v1", "live.answer-late", "p-1"]


@pytest.mark.parametrize(
    ("role", "line", "about"),
    [
        ("read", offered(1), named(1)),
        ("operate", offered(1), named(1)),
        ("read", control("p-1"), "p-1"),
        ("operate", control("p-1"), "p-1"),
    ],
)
def test_each_line_needs_its_role(tmp_path: Path, role: str, line: str, about: str) -> None:
    made = quick()

    async def work(listener: Listener) -> Line:
        await listener.send(line)
        return await listener.take("live.fault.v1")

    found = streamed(made, tmp_path, work, role=role)
    assert found["code"] == "live.role-missing"
    assert about in {found["context_id"], found["control_id"]}
    assert not made.desk.offers
    assert not made.desk.taken


def test_a_message_with_too_many_lines_is_told(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(telling=QUICK, door={"records_max": 2})))

    async def work(listener: Listener) -> Line:
        await listener.send(*map(offered, range(3)))
        return await listener.take("live.fault.v1")

    assert streamed(made, tmp_path, work)["code"] == "api.records-too-many"
    assert made.desk.offers == []


def test_a_binary_message_ends_the_stream(tmp_path: Path) -> None:
    async def work(listener: Listener) -> tuple[int, str]:
        await listener.socket.send(offered(1).encode())
        return await listener.closed()

    assert streamed(quick(), tmp_path, work) == (1003, "api.message-not-text")


def test_a_message_that_is_too_long_ends_the_stream(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(telling=QUICK, door={"body_bytes": 2048})))

    async def work(listener: Listener) -> tuple[int, str]:
        await listener.send("x" * 2049)
        return await listener.closed()

    assert streamed(made, tmp_path, work)[0] == 1009


@pytest.mark.parametrize("when", ["listening", "sending"])
def test_a_token_taken_away_ends_the_stream(tmp_path: Path, when: str) -> None:
    made = quick(heartbeat_ms=20 if when == "listening" else 2000)

    async def work(listener: Listener) -> tuple[int, str]:
        await listener.take()
        made.tokens.ring = parse_tokens("read other " + "z" * 40, "tokens")
        if when == "sending":
            await listener.send(offered(1))
        return await listener.closed()

    assert streamed(made, tmp_path, work) == (1008, "live.token-unknown")
    assert made.desk.offers == []


def test_a_stream_that_has_no_more_is_closed(tmp_path: Path) -> None:
    made = quick()
    made.desk.ends = True

    async def work(listener: Listener) -> tuple[int, str]:
        return await listener.closed()

    assert streamed(made, tmp_path, work) == (1001, "there is no more")


def test_what_nobody_foresaw_ends_the_stream_and_is_reported(tmp_path: Path) -> None:
    made = quick()
    made.desk.fail = KeyError("secret")

    async def main() -> tuple[int, str]:
        async with served(made, tmp_path) as path, connected(path) as listener:
            await listener.send(offered(1))
            return await listener.closed()

    assert asyncio.run(main()) == (1011, "the service failed; see its log")
    assert len(made.failures) == 1


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?after=yesterday", 422, "api.request-unfit"),
        ("?after=now&after=start", 422, "api.request-unfit"),
        ("?controls=2", 422, "api.request-unfit"),
        ("?more=1", 422, "api.request-unfit"),
        ("?" + "&".join(f"a{number}=1" for number in range(20)), 422, "api.request-unfit"),
        ("/more", 404, "api.path-unknown"),
    ],
)
def test_a_stream_that_does_not_exist_is_not_opened(
    tmp_path: Path, query: str, status: int, code: str
) -> None:
    assert opened(quick(), tmp_path, query) == (status, code)


def opened(
    made: Bench, folder: Path, query: str = "", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Return how a handshake is refused."""

    async def main() -> tuple[int, str]:
        async with served(made, folder) as path:
            said = {"Authorization": f"Bearer {TOKENS['read']}"} if headers is None else headers
            url = f"ws://localhost/v1/stream{query}"
            with pytest.raises(InvalidStatus) as refusal:
                async with unix_connect(str(path), url, additional_headers=said):
                    pass
            response = refusal.value.response
            assert response.headers["content-type"] == "application/json"
            assert "date" not in response.headers
            body = json.loads(response.body)
            assert body["type"] == "live.fault.v1"
            return response.status_code, body["code"]

    found = asyncio.run(main())
    assert made.failures == []
    return found


def test_a_stream_needs_a_token_of_now(tmp_path: Path) -> None:
    wrong = {"Authorization": "Bearer " + "x" * 40}

    assert opened(quick(), tmp_path, headers={}) == (401, "live.token-missing")
    assert opened(quick(), tmp_path, headers=wrong) == (401, "live.token-unknown")
    in_query = f"?token={TOKENS['read']}"
    assert opened(quick(), tmp_path, in_query, headers={}) == (401, "live.token-missing")


def test_a_browser_gets_no_stream(tmp_path: Path) -> None:
    said = {"Authorization": f"Bearer {TOKENS['read']}", "Origin": "http://localhost"}

    assert opened(quick(), tmp_path, headers=said) == (403, "api.origin-refused")


def test_one_more_than_may_listen_is_refused(tmp_path: Path) -> None:
    made = quick(subscribers_max=1)

    async def main() -> int:
        async with served(made, tmp_path) as path, connected(path) as listener:
            await listener.take()
            with pytest.raises(InvalidStatus) as refusal:
                async with connected(path):
                    pass
            return refusal.value.response.status_code

    assert asyncio.run(main()) == 503


def test_no_more_listen_than_may_however_many_come_at_once(tmp_path: Path) -> None:
    made = quick(subscribers_max=2)
    most = 0

    async def one() -> None:
        nonlocal most
        async with connected(tmp_path / "api.sock") as listener:
            await listener.take()
            most = max(most, made.app.subscribers())
            await asyncio.sleep(0.1)

    async def main() -> int:
        async with served(made, tmp_path):
            found = await asyncio.gather(*(one() for _ in range(12)), return_exceptions=True)
            return sum(isinstance(error, InvalidStatus) for error in found)

    assert asyncio.run(main()) == 10
    assert most == 2


def test_ending_the_service_tells_who_listens(tmp_path: Path) -> None:
    made = quick()

    async def main() -> tuple[int, str]:
        async with served(made, tmp_path) as path:
            listening = connected(path)
            listener = await listening.__aenter__()
            await listener.take()
        found = await listener.closed()
        await listening.__aexit__(None, None, None)
        return found

    assert asyncio.run(main())[0] == 1012
    assert made.app.subscribers() == 0
