"""What a trading loop says, as the records that carry it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber

from tests.fakes.partitions import FakeBrokers, FakeCluster
from torghut.carrying.contexts import CarriedContext, read_context
from torghut.carrying.controls import read_control
from torghut.carrying.messages import INGRESS_WALL_NS, Received
from torghut.client import Context, fill
from torghut.client.kafka.sending import KafkaSending
from torghut.client.machine import Machine
from torghut.client.wire.dialing import CutError
from torghut.client.wire.messages import Fault, read_line
from torghut.client.wire.offers import context_line, control_line
from torghut.schemas.control import FillReported, StopChanged
from torghut.workflows.carrying.terms import CarriedTopics

NOW_NS: Final = 1_400_000_000_000_000_000
TOPICS: Final = CarriedTopics()


CONTEXT: Final = context_line(Context(feed="desk-1", symbol="fxcm:EURUSD", sequence=7))


def sending_to(brokers: FakeBrokers) -> KafkaSending:
    """Return what sends to brokers."""
    return KafkaSending(FakeCluster(brokers=brokers), TOPICS, Machine(wall_ns=lambda: NOW_NS))


def said(*lines: str) -> tuple[list[tuple[str, Received]], list[str]]:
    """Return what is sent of lines, and what is answered at once."""
    brokers, answers = FakeBrokers(), list[str]()
    asyncio.run(sending_to(brokers).send("\n".join(lines), answers.append))
    (producer,) = brokers.producers
    return [
        (topic, Received(0, key, value, headers, 1)) for topic, key, value, headers in producer.sent
    ], answers


def test_context_is_named_and_stamped_where_it_is_offered() -> None:
    context = Context(feed="desk-1", symbol="fxcm:EURUSD", sequence=7, bid=1.1, ask=1.2)

    ((topic, record),), answers = said(context_line(context))

    read = read_context(record)
    assert isinstance(read, CarriedContext)
    assert (topic, record.key, answers) == (TOPICS.contexts, b"fxcm:EURUSD", [])
    assert read.context_id == context.context_id
    assert read.row[6:10] == (NOW_NS, NOW_NS, 1.1, 1.2)
    assert (read.ingress_wall_ns, read.speed) == (NOW_NS, 1.0)


def test_times_that_a_sender_knows_stay_as_they_are() -> None:
    context = Context(
        feed="desk-1", symbol="fxcm:EURUSD", sequence=2**53, event_ns=5, receive_ns=NOW_NS - 1
    )

    ((_, record),), _ = said(context_line(context))

    read = read_context(record)
    assert isinstance(read, CarriedContext)
    assert read.row[5:8] == (2**53, 5, NOW_NS - 1)


def test_fill_goes_to_its_topic_by_its_symbol() -> None:
    made = fill(fill_id="f", symbol="fxcm:EURUSD", quantity=-2.0, price=1.1, at_ns=NOW_NS)

    ((topic, record),), _ = said(control_line(made))

    read = read_control(record)
    assert isinstance(read, FillReported)
    assert (topic, record.key) == (TOPICS.fills, b"fxcm:EURUSD")
    assert (read.control_id, read.quantity, read.at_ns) == (made.control_id, -2.0, NOW_NS)
    assert dict(record.headers)[INGRESS_WALL_NS] == str(NOW_NS).encode()


def test_record_for_all_symbols_goes_where_every_worker_reads_by_its_own_id() -> None:
    stop = StopChanged(control_id="stop-1", symbol="*", state="stopped", reason="a test")

    ((topic, record),), answers = said(control_line(stop.model_dump(mode="json")))

    assert (topic, record.key, answers) == (TOPICS.commands, b"stop-1", [])


@pytest.mark.parametrize("record", [{"control_id": "c", "kind": "none"}, {"control_id": "c"}])
def test_what_is_no_record_is_told_at_once_and_the_next_is_sent(record: dict[str, Any]) -> None:
    good = fill(fill_id="f", symbol="fxcm:EURUSD", quantity=1.0, price=1.0)

    sent, (answer,) = said(control_line(record), control_line(good))

    fault = read_line(answer)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.control_id) == ("live.record-malformed", "c")
    assert len(sent) == 1


@pytest.mark.parametrize("how", ["broken", "lost"])
def test_client_that_failed_is_let_go_of_and_another_sends(how: str) -> None:
    brokers = FakeBrokers()
    sending = sending_to(brokers)

    async def scenario() -> None:
        await sending.send(CONTEXT, print)
        setattr(brokers.producers[0], how, OutOfOrderSequenceNumber())
        with pytest.raises(CutError, match="OutOfOrderSequenceNumber"):
            await sending.send(CONTEXT, print)
        await sending.send(CONTEXT, print)

    asyncio.run(scenario())

    assert [(one.stopped, len(one.sent)) for one in brokers.producers] == [(True, 1), (False, 1)]


def test_client_that_fails_all_who_send_at_once_is_replaced_by_one() -> None:
    brokers = FakeBrokers()
    sending = sending_to(brokers)

    async def scenario() -> None:
        await sending.send(CONTEXT, print)
        brokers.producers[0].lost = KafkaError("dead")
        failed = await asyncio.gather(
            *(sending.send(CONTEXT, print) for _ in range(4)), return_exceptions=True
        )
        assert all(isinstance(one, CutError) for one in failed)
        await asyncio.gather(*(sending.send(CONTEXT, print) for _ in range(4)))

    asyncio.run(scenario())

    assert [(one.stopped, len(one.sent)) for one in brokers.producers] == [(True, 1), (False, 4)]


def test_brokers_that_were_away_are_sent_to_once_they_are_back() -> None:
    brokers = FakeBrokers(away="no broker answers")
    sending = sending_to(brokers)

    async def scenario() -> None:
        with pytest.raises(CutError, match="no broker answers"):
            await sending.send(CONTEXT, print)
        brokers.away = ""
        await sending.send(CONTEXT, print)
        await sending.close()

    asyncio.run(scenario())

    assert [(one.stopped, len(one.sent)) for one in brokers.producers] == [(True, 1)]
