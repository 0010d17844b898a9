"""Events are chained, covered whole, and lifted when they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from pydantic import TypeAdapter

from tests.fakes.eventlog import CAUSES, Happened
from torghut.eventlog.block import GENESIS
from torghut.eventlog.envelopes import (
    Causes,
    Envelope,
    Place,
    Steps,
    check_follows,
    lift,
    read_event,
    seal_events,
)
from torghut.eventlog.errors import EventUnreadableError, LogIntegrityError
from torghut.kernel.canonical import JsonObject
from torghut.schemas.types import Message

FIRST, SECOND = seal_events(
    "tests-1",
    [Happened(what="a"), Happened(what="b")],
    after=Place(version=4, digest="ab" * 32, position=9),
    recorded_at_ns=17,
    causes=CAUSES,
)


def test_events_follow_what_was_there_and_each_other() -> None:
    check_follows(FIRST, version=4, digest="ab" * 32)
    check_follows(SECOND, version=5, digest=FIRST.digest)
    assert [(e.version, e.position) for e in (FIRST, SECOND)] == [(5, 10), (6, 11)]


@pytest.mark.parametrize(
    "altered",
    [
        replace(FIRST, stream="tests-2"),
        replace(FIRST, recorded_at_ns=18),
        replace(FIRST, causes=Causes(correlation_id="other", causation_id="command-1")),
        replace(FIRST, causes=Causes(correlation_id="workflow-1", causation_id="other")),
        replace(FIRST, causes=Causes(correlation_id="workflow-", causation_id="1command-1")),
        replace(FIRST, type="tests.other.v1"),
        replace(FIRST, body=FIRST.body + b" "),
        replace(FIRST, digest=SECOND.digest),
    ],
)
def test_an_altered_event_is_found(altered: Envelope) -> None:
    with pytest.raises(LogIntegrityError):
        check_follows(altered, version=4, digest="ab" * 32)


@pytest.mark.parametrize(("version", "digest"), [(3, "ab" * 32), (5, "ab" * 32), (4, GENESIS)])
def test_an_event_after_something_else_is_found(version: int, digest: str) -> None:
    with pytest.raises(LogIntegrityError):
        check_follows(FIRST, version=version, digest=digest)


class Paid(Message):
    """An event that has had two forms before."""

    type: Literal["tests.paid.v3"] = "tests.paid.v3"
    amount: str
    currency: str


def _with_text(body: JsonObject) -> JsonObject:
    return {"type": "tests.paid.v2", "amount": str(body["amount"])}


def _with_currency(body: JsonObject) -> JsonObject:
    return {**body, "type": "tests.paid.v3", "currency": "USD"}


STEPS: Steps = {"tests.paid.v1": _with_text, "tests.paid.v2": _with_currency}


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount":5,"type":"tests.paid.v1"}',
        b'{"amount":"5","type":"tests.paid.v2"}',
        b'{"amount":"5","currency":"USD","type":"tests.paid.v3"}',
    ],
)
def test_old_events_are_lifted_step_by_step(body: bytes) -> None:
    envelope = replace(FIRST, body=body)

    assert read_event(envelope, TypeAdapter(Paid), STEPS) == Paid(amount="5", currency="USD")


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount":"5","type":"tests.paid.v4"}',
        b'{"amount":"5","currency":"USD","extra":1,"type":"tests.paid.v3"}',
        b'{"amount":"5"}',
        b'{"type":3}',
    ],
)
def test_an_event_that_nobody_can_read_is_refused(body: bytes) -> None:
    with pytest.raises(EventUnreadableError):
        read_event(replace(FIRST, body=body), TypeAdapter(Paid), STEPS)


def test_steps_that_lead_in_a_circle_are_refused() -> None:
    circle: Steps = {
        "tests.a.v1": lambda body: {**body, "type": "tests.b.v1"},
        "tests.b.v1": lambda body: {**body, "type": "tests.a.v1"},
    }

    with pytest.raises(EventUnreadableError, match="lead back"):
        lift({"type": "tests.a.v1"}, circle)
