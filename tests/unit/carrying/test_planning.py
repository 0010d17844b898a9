"""A plan makes a cluster what is declared, once, and refuses what would break an order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pytest

from tests.fakes.kafka import InMemoryTopics
from tests.support.decisions.declared import ROOT
from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.carrying.errors import (
    NodesTooFewError,
    PartitionCountKeyedError,
    PartitionsMissingError,
    TopicMissingError,
    TopicUnsafeError,
)
from torghut.carrying.planning import (
    AddPartitions,
    ChangeSettings,
    ClusterSeen,
    CreateTopic,
    TopicSeen,
    check_safe,
    plan,
)

TOPICS: Final = load_topics(ROOT)
CONTEXTS: Final = "torghut.market-context.v1"
QUARANTINE: Final = "torghut.quarantine.v1"


def applied(nodes: int) -> ClusterSeen:
    """Return a cluster after the plan for it was done."""

    async def done() -> ClusterSeen:
        admin = InMemoryTopics(nodes)
        for step in plan(TOPICS, await admin.see()).steps:
            await admin.do(step)
        return await admin.see()

    return asyncio.run(done())


def otherwise(seen: ClusterSeen, name: str, topic: TopicSeen) -> ClusterSeen:
    """Return a cluster in which one topic is another."""
    return replace(seen, topics={**seen.topics, name: topic})


@pytest.mark.parametrize(("nodes", "copies"), [(1, 1), (3, 3), (5, 3)])
def test_empty_cluster_gets_every_topic_in_as_many_copies_as_its_nodes_allow(
    nodes: int, copies: int
) -> None:
    found = plan(TOPICS, ClusterSeen(nodes=nodes, topics={}))

    created = [step for step in found.steps if isinstance(step, CreateTopic)]
    assert [step.name for step in created] == [topic.name for topic in TOPICS.declared]
    assert {step.copies for step in created} == {copies}


@pytest.mark.parametrize("nodes", [1, 3])
def test_second_plan_has_nothing_to_do(nodes: int) -> None:
    found = plan(TOPICS, applied(nodes))

    assert found.agrees
    assert found.steps == []


def test_setting_that_differs_is_changed_and_no_other() -> None:
    seen = applied(1)
    topic = seen.topics[CONTEXTS]
    shorter = replace(topic, settings={**topic.settings, "retention.ms": "1"})

    found = plan(TOPICS, otherwise(seen, CONTEXTS, shorter))

    wanted = {"retention.ms": "604800000"}
    assert found.steps == [
        ChangeSettings(name=CONTEXTS, settings=wanted, found={"retention.ms": "1"})
    ]
    assert str(found.steps[0]) == f"change {CONTEXTS}: retention.ms 1 -> 604800000"


@pytest.mark.parametrize("partitions", [6, 24])
def test_keyed_topic_keeps_its_count_of_partitions(partitions: int) -> None:
    seen = applied(1)
    other = replace(seen.topics[CONTEXTS], partitions=partitions)

    found = plan(TOPICS, otherwise(seen, CONTEXTS, other))

    assert [one.code for one in found.refusals] == ["carrying.partition-count-keyed"]
    assert f"declare {partitions} again" in str(found.refusals[0])
    assert "start a second one with topics on a broker of its own" in str(found.refusals[0])
    assert not found.agrees


def test_topic_without_a_key_may_grow() -> None:
    seen = applied(1)
    smaller = replace(seen.topics[QUARANTINE], partitions=1)

    found = plan(TOPICS, otherwise(seen, QUARANTINE, smaller))

    assert found.steps == [AddPartitions(name=QUARANTINE, partitions=12, found=1)]
    with pytest.raises(PartitionsMissingError, match="torghut topics apply"):
        check_safe(TOPICS, otherwise(seen, QUARANTINE, smaller), {QUARANTINE})


def test_partitions_are_not_taken_away() -> None:
    seen = applied(1)
    more = replace(seen.topics[QUARANTINE], partitions=13)

    found = plan(TOPICS, otherwise(seen, QUARANTINE, more))

    assert [one.code for one in found.refusals] == ["carrying.partitions-fewer"]


def test_copies_are_moved_by_the_brokers_own_tool() -> None:
    seen = applied(3)
    fewer = replace(seen.topics[CONTEXTS], copies=1)

    found = plan(TOPICS, otherwise(seen, CONTEXTS, fewer))

    assert [one.code for one in found.refusals] == ["carrying.copies-differ"]


def test_topic_of_ours_that_nobody_declared_is_told_and_left_alone() -> None:
    seen = applied(1)
    stray = otherwise(seen, "torghut.stray.v1", seen.topics[CONTEXTS])

    found = plan(TOPICS, stray)

    assert (found.steps, found.undeclared) == ([], ["torghut.stray.v1"])
    assert not found.agrees


def test_two_nodes_are_refused() -> None:
    with pytest.raises(NodesTooFewError, match="add a third"):
        plan(TOPICS, ClusterSeen(nodes=2, topics={}))


@pytest.mark.parametrize("nodes", [1, 3])
def test_topics_as_declared_are_safe(nodes: int) -> None:
    check_safe(TOPICS, applied(nodes), {CONTEXTS, QUARANTINE})


def test_topics_stay_safe_while_one_of_three_nodes_is_away() -> None:
    check_safe(TOPICS, replace(applied(3), nodes=2), {CONTEXTS})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("min.insync.replicas", "1"), ("unclean.leader.election.enable", "true")],
)
def test_setting_that_may_lose_records_is_unsafe(setting: str, value: str) -> None:
    seen = applied(3)
    topic = seen.topics[CONTEXTS]
    loose = replace(topic, settings={**topic.settings, setting: value})

    with pytest.raises(TopicUnsafeError, match=f"expected {setting} .*`torghut topics apply`"):
        check_safe(TOPICS, otherwise(seen, CONTEXTS, loose), {CONTEXTS})


def test_fewer_copies_than_declared_are_unsafe() -> None:
    seen = applied(3)
    alone = replace(seen.topics[CONTEXTS], copies=1)

    with pytest.raises(TopicUnsafeError, match="expected copies 3 as declared, found 1"):
        check_safe(TOPICS, otherwise(seen, CONTEXTS, alone), {CONTEXTS})


def test_stricter_than_declared_is_safe() -> None:
    seen = applied(3)
    topic = seen.topics[CONTEXTS]
    strict = replace(topic, settings={**topic.settings, "min.insync.replicas": "3"}, copies=5)

    check_safe(TOPICS, otherwise(seen, CONTEXTS, strict), {CONTEXTS})


def test_topic_that_nobody_relies_on_is_not_looked_at() -> None:
    seen = applied(3)
    alone = replace(seen.topics[QUARANTINE], copies=1)

    check_safe(TOPICS, otherwise(seen, QUARANTINE, alone), {CONTEXTS})


def test_topic_that_is_relied_on_and_not_there_is_missing() -> None:
    with pytest.raises(TopicMissingError, match="torghut topics apply"):
        check_safe(TOPICS, ClusterSeen(nodes=3, topics={}), {CONTEXTS})


def test_other_count_of_partitions_is_not_relied_on() -> None:
    seen = applied(1)
    more = replace(seen.topics[CONTEXTS], partitions=13)

    with pytest.raises(PartitionCountKeyedError):
        check_safe(TOPICS, otherwise(seen, CONTEXTS, more), {CONTEXTS})
