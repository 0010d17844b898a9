"""What every cluster's topics do: show what is there, and do a step so that it shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pytest

from torghut.carrying.errors import BrokerRefusedError
from torghut.carrying.planning import AddPartitions, ChangeSettings, CreateTopic, TopicSeen
from torghut.carrying.ports import TopicAdmin

NEW: Final = CreateTopic(
    name="torghut.contract.v1",
    partitions=3,
    copies=1,
    settings={"retention.ms": "3600000", "max.message.bytes": "65536"},
)


def done(topics: TopicAdmin, *steps: CreateTopic | ChangeSettings | AddPartitions) -> TopicSeen:
    """Return how the topic stands after some steps, one after the other."""

    async def all_of_them() -> TopicSeen:
        for step in steps:
            await topics.do(step)
        return (await topics.see()).topics[NEW.name]

    return asyncio.run(all_of_them())


def changed(**settings: str) -> ChangeSettings:
    """Return the step that changes settings, whose dots are written as underscores."""
    named = {name.replace("_", "."): to for name, to in settings.items()}
    return ChangeSettings(name=NEW.name, settings=named, found=dict.fromkeys(named, ""))


def test_a_cluster_shows_its_nodes_and_none_of_our_topics(topics: TopicAdmin) -> None:
    seen = asyncio.run(topics.see())

    assert (seen.nodes, dict(seen.topics)) == (1, {})


def test_a_topic_is_made_as_it_is_asked_for(topics: TopicAdmin) -> None:
    seen = done(topics, NEW)

    assert (seen.partitions, seen.copies) == (3, 1)
    assert NEW.settings.items() <= seen.settings.items()


def test_a_topic_that_is_there_is_left_as_it_is(topics: TopicAdmin) -> None:
    seen = done(topics, NEW, replace(NEW, partitions=5))

    assert seen.partitions == 3


def test_a_changed_setting_leaves_the_others_as_they_are(topics: TopicAdmin) -> None:
    seen = done(topics, NEW, changed(retention_ms="7200000"), changed(retention_bytes="1000"))

    assert seen.settings["retention.ms"] == "7200000"
    assert seen.settings["retention.bytes"] == "1000"
    assert seen.settings["max.message.bytes"] == "65536"


def test_partitions_are_added(topics: TopicAdmin) -> None:
    seen = done(topics, NEW, AddPartitions(name=NEW.name, partitions=4, found=3))

    assert seen.partitions == 4


def test_partitions_are_never_taken_away(topics: TopicAdmin) -> None:
    with pytest.raises(BrokerRefusedError, match="expected the broker to do it"):
        done(topics, NEW, AddPartitions(name=NEW.name, partitions=2, found=3))


def test_more_copies_than_nodes_are_refused(topics: TopicAdmin) -> None:
    with pytest.raises(BrokerRefusedError):
        done(topics, replace(NEW, copies=3))


def test_a_topic_that_is_not_there_cannot_be_changed(topics: TopicAdmin) -> None:
    with pytest.raises(BrokerRefusedError):
        asyncio.run(topics.do(changed(retention_ms="1000")))
