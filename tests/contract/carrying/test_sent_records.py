"""Every kind of record that is sent is what its topic's declaration says: headers, schema, key."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.broker import Frost, InMemoryVoice
from tests.fakes.clock import HandClock
from tests.fakes.fleet import SYMBOLS, TOPICS, Fleet
from tests.fakes.topics import Topics
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carried import carried_control, quote
from tests.support.decisions.declared import ROOT
from tests.support.decisions.loops import stop_record
from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.carrying.asyncapi import KEYS
from torghut.carrying.messages import SCHEMA, Headers, Outgoing, Received
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.control import CONTROL_RECORD, ControlRecord, DepthSnapshot
from torghut.schemas.declarations.topics import HEADERS, TopicDeclaration
from torghut.schemas.governing.lease import LeaseTaken
from torghut.workflows.carrying.relaying import EventRelay
from torghut.workflows.reasoning.offering import passage_message

DECLARED: Final = load_topics(ROOT).declared
GOLDEN: Final = sorted(ROOT.glob("tests/replay/golden/messages/events/control/*/*.json"))
NEWS: Final = next(one for one in GOLDEN if one.parent.name == "news.v1")
PASSAGES: Final = ROOT / "tests/replay/golden/messages/events/reasoning/passage-offered.v1"
PASSAGE: Final = next(PASSAGES.glob("*.json"))
NEVER_SENT: Final = {"lag-begin", "lag-end", "advice-resolved", "advice-shadowed"}
"""Control records that a loop makes for itself."""

Record = Outgoing | Received


def record_of(path: Path) -> ControlRecord:
    """Return one of the golden control records."""
    return CONTROL_RECORD.validate_json(path.read_bytes())


def controls() -> Mapping[str, Sequence[Record]]:
    """Return every kind of control record as it is sent, by topic."""
    found: dict[str, list[Record]] = {}
    for record in map(record_of, GOLDEN):
        if record.kind not in NEVER_SENT:
            among_contexts = isinstance(record, DepthSnapshot)
            topic = TOPICS.contexts if among_contexts else TOPICS.of(record)
            found.setdefault(topic, []).append(carried_control(record))
    of_one = {**record_of(NEWS).model_dump(mode="json"), "symbol": SYMBOLS[0]}
    news = CONTROL_RECORD.validate_python(of_one)
    stop = stop_record("stop-one", "stopped", symbol=SYMBOLS[0])
    for record in (news, stop):
        found.setdefault(TOPICS.of(record), []).append(carried_control(record))
    return found


def worked() -> Mapping[str, Sequence[Record]]:
    """Return what a worker sends, by topic."""
    fleet = Fleet(partitions=2)

    async def main() -> None:
        fleet.cluster.topics.keep(TOPICS.commands, [carried_control(stop_record("c", "stopped"))])
        fleet.send(SYMBOLS[0], 3)
        fleet.send_bad(SYMBOLS[0])
        fleet.start()
        await asyncio.sleep(5)
        await fleet.end()

    run_virtually(main())
    told = (TOPICS.decisions, TOPICS.control_outcomes, TOPICS.quarantine, TOPICS.heartbeats)
    parts = fleet.cluster.topics.by_name
    return {name: [one for part in parts[name] for one in part.records] for name in told}


def relayed() -> Sequence[Record]:
    """Return events of governance as the relay sends them."""
    topics = Topics()
    topics.make(TOPICS.governance, 1)

    async def main() -> None:
        log = InMemoryLog(clock=HandClock())
        taken = LeaseTaken(epoch=1, holder="one", at_ns=1)
        causes = Causes(correlation_id="cycle-1", causation_id="test")
        await log.append_events("lease-governance", [taken], expected_version=0, causes=causes)
        voice = InMemoryVoice(topics, Frost(), (TOPICS.governance, 0))
        await EventRelay(feed=log, voice=voice, pause_ms=10, until_end=True).relay()

    run_virtually(main())
    return topics.part((TOPICS.governance, 0)).records


@cache
def sent() -> Mapping[str, Sequence[Record]]:
    """Return records of every kind that is sent, by topic."""
    found = {topic: list(records) for topic, records in controls().items()}
    found[TOPICS.contexts].append(quote(0, SYMBOLS[0]))
    news = passage_message(PASSAGE.read_bytes(), PASSAGE.name)
    return {**found, **worked(), TOPICS.governance: relayed(), TOPICS.passages: [news]}


def faults(topic: TopicDeclaration, headers: Headers) -> Sequence[str]:
    """Return what is wrong with the headers of a record of a topic."""
    named = dict(headers)
    missing = [f"{name} is missing" for name in topic.headers.always if name not in named]
    allowed = {*topic.headers.always, *topic.headers.if_known}
    undeclared = [f"{name} is not declared" for name in named if name not in allowed]
    patterns = {str(name): pattern for name, (pattern, _) in HEADERS.items()}
    malformed = [
        f"{name} is {value!r}"
        for name, value in named.items()
        if name in patterns and re.search(patterns[name], value.decode()) is None
    ]
    return [*missing, *undeclared, *malformed]


@pytest.mark.parametrize("topic", DECLARED, ids=lambda one: one.name)
def test_every_kind_of_record_has_the_headers_that_its_topic_declares(
    topic: TopicDeclaration,
) -> None:
    records = sent()[topic.name]

    assert records
    assert [fault for one in records for fault in faults(topic, one.headers)] == []
    assert {dict(one.headers)[SCHEMA].decode() for one in records} <= set(topic.values)


@pytest.mark.parametrize("topic", DECLARED, ids=lambda one: one.name)
def test_every_kind_of_record_has_the_key_that_its_topic_declares(topic: TopicDeclaration) -> None:
    for one in sent()[topic.name]:
        if topic.key == "none":
            assert one.key is None
            continue
        pattern, _ = KEYS[topic.key]
        assert one.key is not None
        assert re.search(pattern, one.key.decode())
        if topic.key == "control-id":
            assert json.loads(one.value or b"")["control_id"] == one.key.decode()


def test_every_schema_that_topics_of_control_records_declare_is_sent() -> None:
    carried = {topic.name: topic.values for topic in DECLARED if topic.name in controls()}
    declared = {one for values in carried.values() for one in values if one.startswith("control.")}
    made = {
        dict(one.headers)[SCHEMA].decode() for records in controls().values() for one in records
    }

    assert made == declared
