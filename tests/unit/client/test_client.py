"""A client beside a service that misbehaves: nothing missed, nothing twice, safe by itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.fakes.live_service import (
    ABORT,
    CLOSE,
    HANG,
    SYMBOL,
    FakeLiveService,
    Lines,
    Mangle,
    decided,
    decision,
    position_of,
    refused,
)
from tests.support.live.live_clients import (
    QUICK,
    HandMachine,
    client_of,
    first,
    until,
    waiting_in,
    with_service,
)
from torghut.client import (
    AnswerLateError,
    ClosedError,
    Context,
    Delivery,
    DeniedError,
    InFlightFullError,
    Limits,
    NotTakenError,
    State,
    UnreachableError,
    fill,
)
from torghut.client.errors import FollowedAlreadyError
from torghut.schemas.live.position import Position

CONTEXT = Context(feed="desk-1", symbol=SYMBOL, sequence=7, bid=1.0, ask=1.1)
FILL = fill(fill_id="f1", symbol=SYMBOL, quantity=1, price=1.1)


def blocks(deliveries: list[Delivery]) -> list[int]:
    return [delivery.position.block for delivery in deliveries]


def at_first(*changes: tuple[int, str | None]) -> Mangle:
    """Change lines on the first connection only: text in their place, None: leave out."""

    def mangle(lines: Lines, connection: int) -> Lines:
        if connection:
            return lines
        told = list(lines)
        for place, text in sorted(changes, reverse=True):
            if place < len(told):
                told[place : place + 1] = [] if text is None else [text]
        return told

    return mangle


def test_every_outcome_comes_in_order_with_its_verdict() -> None:
    async def scenario(service: FakeLiveService) -> list[Delivery]:
        service.tell(3)
        service.lines.append(refused("0:3:0", 99))
        async with client_of(service, after="start") as client:
            return await first(client.decisions(), 4)

    found = with_service(scenario)

    assert [one.verdict for one in found] == ["act", "act", "act", "refused"]
    assert blocks(found) == [0, 1, 2, 3]
    assert json.loads(found[0].line)["type"] == "live.decided.v1"


def test_lines_in_one_message_are_read_apart() -> None:
    async def scenario(service: FakeLiveService) -> list[Delivery]:
        service.tell(4)
        service.mangle = lambda lines, _: ["\n".join(lines) + "\n"] if lines else []
        async with client_of(service, after="start") as client:
            return await first(client.decisions(), 4)

    assert blocks(with_service(scenario)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "mangle",
    [
        at_first((2, CLOSE)),
        at_first((2, ABORT)),
        at_first((2, HANG)),
        at_first((2, None)),
        at_first((2, "{garbage")),
        at_first((2, '{"type":"live.decided.v1"}')),
        at_first((2, "x" * 200_000)),
    ],
    ids=["close", "abort", "hang", "drop", "garbage", "hollow", "huge"],
)
def test_fault_in_the_stream_is_healed_from_the_last_good_position(mangle: Mangle) -> None:
    async def scenario(service: FakeLiveService) -> tuple[list[Delivery], list[str]]:
        service.tell(5, target_position=0.0)
        service.mangle = mangle
        limits = Limits(
            stale_ms=100, silence_ms=150, retry_first_ms=1, look_ms=5, frame_bytes=100_000
        )
        async with client_of(service, after="start", limits=limits) as client:
            found = await first(client.decisions(), 5)
            assert client.notices
            return found, service.queries

    found, queries = with_service(scenario)

    assert blocks(found) == [0, 1, 2, 3, 4]
    assert {one.verdict for one in found} == {"act"}
    assert queries[:2] == ["after=start", "after=0:1:0"]


def test_repeated_and_swapped_outcomes_are_acted_on_once_and_in_order() -> None:
    def mangle(lines: Lines, connection: int) -> Lines:
        return lines if connection else [*lines[:2], lines[1], lines[3], lines[2], *lines[4:]]

    async def scenario(service: FakeLiveService) -> list[Delivery]:
        service.tell(6, symbols=2)
        service.mangle = mangle
        async with client_of(service, after="start") as client:
            found: list[Delivery] = []
            async for delivery in client.decisions():
                found.append(delivery)
                if sum(one.actionable for one in found) == 6:
                    return found
            return found

    found = with_service(scenario)
    acted = [one for one in found if one.actionable]

    assert sorted(blocks(acted)) == [0, 1, 2, 3, 4, 5]
    assert {one.verdict for one in found} <= {"act", "duplicate"}
    for symbol in ("fxcm:S0", "fxcm:S1"):
        sequences = [
            d.decision.sequence for d in acted if d.decision and d.decision.symbol == symbol
        ]
        assert sequences == sorted(sequences)


def test_gap_that_cannot_be_healed_is_said_and_the_rest_still_comes() -> None:
    async def scenario(service: FakeLiveService) -> tuple[list[Delivery], State]:
        service.tell(2, position=0.0)
        service.lines.append(decided("0:9:0", decision(9, sequence=4, target_position=0.0)))
        service.lines.append(decided("0:10:0", decision(10, sequence=5)))
        async with client_of(service, after="start") as client:
            found = await first(client.decisions(), 4)
            return found, client.state

    found, state = with_service(scenario)

    assert [one.verdict for one in found] == ["act", "act", "act", "stale"]
    assert state == ("stale", "fxcm:EURUSD at 0:9:0 has sequence 4, expected 3")


def test_outcome_that_was_announced_and_does_not_come_is_asked_for_again() -> None:
    def mangle(lines: Lines, connection: int) -> Lines:
        return [line for line in lines if connection or position_of(line).block != 2]

    async def scenario(service: FakeLiveService) -> list[Delivery]:
        service.tell(2)
        service.mangle = mangle
        async with client_of(service, after="start") as client:
            found = await first(client.decisions(), 2)
            service.tell(1)
            return found + await first(client.decisions(), 1)

    assert blocks(with_service(scenario)) == [0, 1, 2]


def test_position_announced_by_a_restarted_service_may_be_that_of_no_outcome() -> None:
    async def scenario(service: FakeLiveService) -> tuple[list[str], int]:
        service.tell(2)
        service.head = "0:1:9999999"
        limits = Limits(stale_ms=40, silence_ms=80, retry_first_ms=1, look_ms=5, heal_attempts=2)
        async with client_of(service, after="start", limits=limits) as client:
            await first(client.decisions(), 2)
            await until(lambda: service.connections == 3)
            await until(lambda: client.state.name == "live")
            await asyncio.sleep(0.1)
            return [client.state.name, *{one.what for one in client.notices}], service.connections

    assert with_service(scenario) == (["live", "behind"], 3)


def test_silence_makes_stale_by_itself_and_a_heartbeat_live_again() -> None:
    async def scenario(service: FakeLiveService) -> list[State]:
        async with client_of(service) as client:
            await client.ready()
            states = client.states()
            found = [await anext(states)]
            service.beating = False
            found.append(await anext(states))
            service.beating = True
            found.append(await anext(states))
            return found

    assert [state.name for state in with_service(scenario)] == ["live", "stale", "live"]


def test_torn_connection_is_stale_at_once_and_heals() -> None:
    async def scenario(service: FakeLiveService) -> list[str]:
        async with client_of(service) as client:
            await client.ready()
            names: list[str] = [client.state.name]
            service.tear()
            states = client.states()
            while names[-1] != "stale":
                names.append((await anext(states)).name)
            names.append((await anext(states)).name)
            return names

    assert with_service(scenario)[-2:] == ["stale", "live"]


def test_state_of_the_service_is_passed_on_with_its_reason() -> None:
    async def scenario(service: FakeLiveService) -> State:
        service.state, service.reason = "stopped", "asked for"
        async with client_of(service) as client:
            return await client.ready()

    assert with_service(scenario) == ("stopped", "asked for")


def test_own_pause_counts_as_silence_before_anything_is_handed_out() -> None:
    async def scenario(service: FakeLiveService) -> tuple[Delivery, Delivery]:
        hand = HandMachine()
        async with client_of(service, after="start", machine=hand.machine()) as client:
            await client.ready()
            service.beating = False
            service.tell(2, valid_until_ns="4000000000000000000")
            await until(lambda: waiting_in(client) == 2)
            hand.added_ns += 1_000_000_000
            decisions = client.decisions()
            paused = await anext(decisions)
            service.beating = True
            await until(lambda: client.state.name == "live")
            return paused, await anext(decisions)

    paused, after = with_service(scenario)

    assert paused.verdict == "stale"
    assert after.verdict == "act"


def test_reader_that_does_not_read_holds_back_the_service_and_turns_stale() -> None:
    async def scenario(service: FakeLiveService) -> tuple[State, int, list[Delivery]]:
        limits = Limits(stale_ms=100, silence_ms=400, look_ms=5, queue_max=10, retry_first_ms=1)
        service.tell(400, symbols=7)
        async with client_of(service, after="start", limits=limits) as client:
            await until(lambda: waiting_in(client) == 10)
            await asyncio.sleep(0.15)
            waiting = waiting_in(client)
            return client.state, waiting, await first(client.decisions(), 400)

    state, waiting, found = with_service(scenario)

    assert state.name == "stale"
    assert waiting == 10
    assert blocks(found) == list(range(400))


def test_stream_goes_on_where_its_reader_left_it() -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(4)
        async with client_of(service, after="start") as client:
            found = blocks(await first(client.decisions(), 2))
            return found + blocks(await first(client.decisions(), 2))

    assert with_service(scenario) == [0, 1, 2, 3]


def test_stream_can_be_asked_for_from_elsewhere() -> None:
    async def scenario(service: FakeLiveService) -> tuple[list[Delivery], list[Delivery]]:
        service.tell(4)
        async with client_of(service) as client:
            later = await first(client.decisions("0:1:0"), 2)
            return later, await first(client.decisions(Position(0, 0, 0)), 3)

    later, again = with_service(scenario)

    assert blocks(later) == [2, 3]
    assert [(one.position.block, one.verdict) for one in again] == [
        (1, "overtaken"),
        (2, "duplicate"),
        (3, "duplicate"),
    ]


def test_second_reader_takes_over_and_the_first_is_told() -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.tell(3)
        async with client_of(service, after="start") as client:
            one, other = client.decisions(), client.decisions()
            await anext(one)
            await anext(other)
            await anext(one)

    with pytest.raises(FollowedAlreadyError):
        with_service(scenario)


def test_stream_without_following_ends_with_what_the_service_has() -> None:
    async def scenario(service: FakeLiveService) -> list[list[int]]:
        found = []
        async with client_of(service) as client:
            found.append([d.position.block async for d in client.decisions("start", follow=False)])
            service.tell(3)
            found.append([d.position.block async for d in client.decisions("start", follow=False)])
            service.head = "0:2:9999999"
            found.append([d.position.block async for d in client.decisions("start", follow=False)])
        return found

    assert with_service(scenario) == [[], [0, 1, 2], [0, 1, 2]]


def test_context_is_decided_within_the_budget() -> None:
    async def scenario(service: FakeLiveService) -> Delivery:
        async with client_of(service) as client:
            await client.ready()
            return await client.decide(CONTEXT, budget_ms=1000)

    delivery = with_service(scenario)

    assert delivery.verdict == "act"
    assert delivery.decision is not None
    assert delivery.decision.context_id == CONTEXT.context_id


def test_decision_that_came_as_an_answer_is_a_duplicate_on_the_stream() -> None:
    async def scenario(service: FakeLiveService) -> tuple[Delivery, Delivery]:
        async with client_of(service, after="now") as client:
            await client.ready()
            answer = await client.decide(CONTEXT)
            return answer, await anext(client.decisions())

    answer, streamed = with_service(scenario)

    assert (answer.verdict, streamed.verdict) == ("act", "duplicate")


def test_many_contexts_may_be_in_flight() -> None:
    async def scenario(service: FakeLiveService) -> list[Delivery]:
        contexts = [Context(feed="desk-1", symbol=SYMBOL, sequence=n) for n in range(64)]
        async with client_of(service) as client:
            return await asyncio.gather(*map(client.decide, contexts))

    found = with_service(scenario)

    assert [d.decision.source_sequence for d in found if d.decision] == list(range(64))


def test_lost_connection_is_survived_within_the_budget_and_the_context_decided_once() -> None:
    async def scenario(service: FakeLiveService) -> tuple[Delivery, int]:
        service.answering = False
        async with client_of(service) as client:
            await client.ready()
            asked = asyncio.create_task(client.decide(CONTEXT))
            await until(lambda: len(service.offered) == 1)
            service.tear()
            service.answering = True
            return await asked, len(service.lines)

    delivery, decided_count = with_service(scenario)

    assert delivery.actionable
    assert decided_count == 1


def test_no_answer_within_the_budget_is_an_error_with_a_code() -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.answering = False
        async with client_of(service) as client:
            await client.ready()
            await client.decide(CONTEXT, budget_ms=30)

    with pytest.raises(AnswerLateError) as caught:
        with_service(scenario)
    assert caught.value.code == "client.answer-late"
    assert caught.value.retryable


def test_answer_too_late_is_still_on_the_stream() -> None:
    async def scenario(service: FakeLiveService) -> Delivery:
        async with client_of(service, after="now") as client:
            await client.ready()
            service.answering = False
            with pytest.raises(AnswerLateError):
                await client.decide(CONTEXT, budget_ms=20)
            service.tell(1)
            return await anext(client.decisions())

    assert with_service(scenario).actionable


@pytest.mark.parametrize("kind", ["context", "control"])
def test_what_may_be_tried_again_is_sent_again_and_the_rest_is_told(kind: str) -> None:
    async def scenario(service: FakeLiveService) -> str:
        name = CONTEXT.context_id if kind == "context" else FILL.control_id
        service.faults[name] = [
            {"code": "live.queue-full", "retry_after_ms": 5},
            {"code": "live.queue-full", "retry_after_ms": 5},
            {"code": "live.context-malformed", "retry_after_ms": None},
        ]
        async with client_of(service) as client:
            with pytest.raises(NotTakenError) as caught:
                await (client.decide(CONTEXT) if kind == "context" else client.report(FILL))
            assert len(service.offered) == 3
            return caught.value.service_code

    assert with_service(scenario) == "live.context-malformed"


def test_reports_are_answered_in_order_and_count_once_across_lost_connections() -> None:
    fills = [fill(fill_id=f"f{n}", symbol=SYMBOL, quantity=1, price=1.1) for n in range(5)]

    async def scenario(service: FakeLiveService) -> tuple[list[str], list[str], list[str]]:
        async with client_of(service) as client:
            asked = asyncio.create_task(client.control(fills))
            await until(lambda: len(service.records) > 0)
            service.tear()
            answers = await asked
            again = await client.report(fills[0])
            taken = [str(record["fill_id"]) for record in service.records.values()]
            return [one.control_id for one in answers], taken, [again.status]

    answered, taken, again = with_service(scenario)

    assert answered == [one.control_id for one in fills]
    assert taken == [one.fill_id for one in fills]
    assert again == ["repeated"]


def test_report_is_answered_although_the_stream_is_held_back() -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(300)
        limits = Limits(queue_max=2)
        found = []
        async with client_of(service, after="start", limits=limits) as client:
            async for delivery in client.decisions():
                number = delivery.position.block
                await client.report(fill(fill_id=f"f{number}", symbol=SYMBOL, quantity=1, price=1))
                found.append(number)
                if number == 299:
                    break
        return found

    assert with_service(scenario) == list(range(300))


def test_questions_in_flight_are_bounded_and_room_is_made_again() -> None:
    async def scenario(service: FakeLiveService) -> Delivery:
        service.answering = False
        limits = Limits(in_flight_max=2)
        async with client_of(service, limits=limits) as client:
            contexts = [Context(feed="desk-1", symbol=SYMBOL, sequence=n) for n in range(2)]
            asked = [asyncio.create_task(client.decide(one, budget_ms=30)) for one in contexts]
            await asyncio.sleep(0)
            with pytest.raises(InFlightFullError):
                await client.decide(CONTEXT)
            await asyncio.gather(*asked, return_exceptions=True)
            service.answering = True
            return await client.decide(CONTEXT)

    assert with_service(scenario).actionable


def test_control_records_are_followed_across_lost_connections_each_once() -> None:
    def line(number: int, at: str) -> str:
        record = {"kind": "lag-begin", "control_id": f"c{number}", "symbol": "*"}
        recorded = {"type": "live.control-recorded.v1", "position": at, "status": "taken"}
        return json.dumps({**recorded, "control_id": f"c{number}", "code": "", "record": record})

    async def scenario(service: FakeLiveService) -> list[str]:
        service.control_lines = [line(0, "0:1:0"), line(1, "0:1:0"), line(2, "0:2:0")]
        async with client_of(service) as client:
            controls = client.controls("start")
            found = [(await anext(controls)).event.control_id for _ in range(3)]
            service.tear()
            service.control_lines.append(line(3, "0:3:0"))
            found.append((await anext(controls)).event.control_id)
            ended = [one.event.control_id async for one in client.controls("start", follow=False)]
            assert ended == found
            return found

    assert with_service(scenario) == ["c0", "c1", "c2", "c3"]


def test_service_that_is_not_there_is_unreachable_and_the_client_goes_on_trying() -> None:
    async def scenario(service: FakeLiveService) -> State:
        moved = service.socket.rename(service.socket.with_name("away"))
        async with client_of(service) as client:
            with pytest.raises(UnreachableError):
                await client.ready(budget_ms=50)
            assert client.state.name == "stale"
            moved.rename(service.socket)
            return await client.ready()

    assert with_service(scenario).name == "live"


def test_wrong_token_is_denied() -> None:
    async def scenario(service: FakeLiveService, token: str) -> State:
        service.token = "right"  # noqa: S105 - of a fake
        async with client_of(service, token=token) as client:
            return await client.ready()

    assert with_service(lambda service: scenario(service, "right")).name == "live"
    with pytest.raises(DeniedError):
        with_service(lambda service: scenario(service, "wrong"))


def test_closed_client_ends_its_streams_and_takes_nothing_more() -> None:
    async def scenario(service: FakeLiveService) -> tuple[list[Any], State]:
        client = client_of(service, after="start")
        async with client:
            reading = asyncio.create_task(first(client.decisions(), 1))
            watching = asyncio.create_task(first(client.states(), 100))
            await client.ready()
        with pytest.raises(ClosedError):
            await client.decide(CONTEXT)
        await watching
        return await reading, client.state

    assert with_service(scenario) == ([], ("stale", "the client is closed"))


def test_error_in_the_loop_comes_out_as_it_is() -> None:
    async def scenario(service: FakeLiveService) -> None:
        async with client_of(service):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_service(scenario)


def test_kind_of_message_not_known_is_noticed_and_passed_over() -> None:
    async def scenario(service: FakeLiveService) -> list[str]:
        service.tell(1)
        service.mangle = lambda lines, _: ['{"type":"live.weather.v1"}', *lines] if lines else []
        async with client_of(service, after="start") as client:
            await first(client.decisions(), 1)
            return [notice.what for notice in client.notices]

    assert with_service(scenario) == ["unknown"]


def test_defaults_fit_what_the_service_promises() -> None:
    assert (Limits().stale_ms, QUICK.stale_ms) == (3000, 150)
