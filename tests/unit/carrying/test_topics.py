"""Topics are right by themselves and go together."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.decisions.declared import ROOT, changed, text_of
from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.carrying.topics import (
    Topics,
    assemble,
    broker_settings,
    carried_schemas,
    parse_topic,
    schema_id,
)
from torghut.schemas.declarations.errors import DeclarationConflictError, DeclarationContentError
from torghut.schemas.declarations.governance import Owners
from torghut.schemas.declarations.plain_yaml import read_plain
from torghut.schemas.declarations.topics import HEADERS, TopicDeclaration
from torghut.schemas.live.position import POSITION
from torghut.schemas.publish import GOVERNING, stated_type

TOPICS: Final[Topics] = load_topics(ROOT)
CONTEXTS: Final = "streams/topics/torghut.market-context.v1.yaml"
COMMANDS: Final = "streams/topics/torghut.commands.v1.yaml"
PASSAGES: Final = "streams/topics/torghut.passages.v1.yaml"


def with_change(file: str, old: str, new: str) -> TopicDeclaration:
    """Return a shipped topic with one thing changed."""
    return parse_topic(changed(file, old, new), file=file)


def test_everything_the_loop_needs_has_a_topic() -> None:
    nouns = {topic.name.split(".")[1] for topic in TOPICS.declared}

    assert nouns == {
        *("market-context", "decisions", "positions", "fills", "news", "fundamentals"),
        *("commands", "governance-events", "quarantine", "heartbeats", "control-outcomes"),
        "passages",
    }


@pytest.mark.parametrize("noun", ["market-context", "decisions", "positions", "fills", "news"])
def test_what_concerns_a_symbol_is_keyed_by_it(noun: str) -> None:
    assert TOPICS.named(f"torghut.{noun}.v1").key == "symbol"


def test_commands_are_kept_whole_on_one_partition() -> None:
    commands = TOPICS.named("torghut.commands.v1")

    assert (commands.partitions, commands.retention_hours) == (1, None)
    assert broker_settings(commands, "one-node")["cleanup.policy"] == "compact"


def test_every_governing_event_is_carried() -> None:
    carried = TOPICS.named("torghut.governance-events.v1").values

    assert {stated_type(model) for model in GOVERNING} <= set(carried)


def test_every_control_record_from_outside_is_carried() -> None:
    carried = {value for topic in TOPICS.declared for value in topic.values}
    made_inside = {
        *("control.lag-begin.v1", "control.lag-end.v1", "control.depth-snapshot.v1"),
        *("control.advice-resolved.v1", "control.advice-shadowed.v1"),
    }

    assert {one for one in carried_schemas() if one.startswith("control.")} - made_inside <= carried


def test_every_topic_has_an_owner_who_is_declared() -> None:
    owners = Owners.model_validate(read_plain(text_of("governance/owners.yaml")))

    assert {topic.owner for topic in TOPICS.declared} <= {one.role for one in owners.owners}


@pytest.mark.parametrize("topic", TOPICS.declared, ids=lambda topic: topic.name)
def test_three_nodes_lose_nothing_that_one_of_them_loses(topic: TopicDeclaration) -> None:
    settings = broker_settings(topic, "three-nodes")

    assert topic.replication.three_nodes.copies == 3
    assert settings["min.insync.replicas"] == "2"
    assert settings["unclean.leader.election.enable"] == "false"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("partitioner: murmur2", "partitioner: any", "partitioner murmur2 where there is a key"),
        ("partitioner: murmur2", "partitioner: crc32", "'murmur2', 'log-partition' or 'any'"),
        ("partitions: 12", "partitions: 0", "greater than or equal to 1"),
        ("min_in_sync: 2", "min_in_sync: 1", "two of them in sync, on three nodes"),
        ("copies: 3, min_in_sync: 2", "copies: 3, min_in_sync: 4", "at most copies"),
        ("{copies: 1, min_in_sync: 1}", "{copies: 2, min_in_sync: 1}", "one copy on one node"),
        ("always: [schema, ingress-wall-ns,", "always: [ingress-wall-ns,", "schema among those"),
        ("if_known: [", "if_known: [schema, ", "each header once"),
        ("owner: production", "owner: somebody", "'production'"),
        ("producer: ingress", "producer: nobody", "'ingress'"),
        ("name: torghut.market-context.v1", "name: market-context", "pattern"),
        ("retention_hours: 168", "retention: 168", "a known key"),
    ],
)
def test_topic_that_contradicts_itself_is_refused(old: str, new: str, expected: str) -> None:
    with pytest.raises(DeclarationContentError) as caught:
        with_change(CONTEXTS, old, new)

    assert expected in str(caught.value)


def test_compaction_wants_a_key_and_no_age() -> None:
    compacted = "compaction: {lag_hours_max: 1, tombstone_hours: 1}\n"
    with pytest.raises(DeclarationContentError, match="a key where there is compaction"):
        with_change(PASSAGES, "retention_hours: 168\n", f"retention_hours: null\n{compacted}")
    with pytest.raises(DeclarationContentError, match="retention_hours null"):
        with_change(COMMANDS, "retention_hours: null", "retention_hours: 24")


def test_file_is_named_after_its_topic() -> None:
    with pytest.raises(DeclarationConflictError, match=r"torghut\.market-context\.v2\.yaml"):
        with_change(CONTEXTS, "name: torghut.market-context.v1", "name: torghut.market-context.v2")


@pytest.mark.parametrize("value", ["market.context-dreamt.v1", "control.fill.v1"])
def test_topic_carries_only_the_newest_version_of_what_is_published(value: str) -> None:
    with pytest.raises(DeclarationConflictError, match=value):
        with_change(CONTEXTS, "market.context-received.v1", value)


def test_topics_of_a_symbol_have_one_count_of_partitions() -> None:
    others = [one for one in TOPICS.declared if one.name != "torghut.market-context.v1"]

    with pytest.raises(DeclarationConflictError, match="for one worker reads a symbol's records"):
        assemble([*others, with_change(CONTEXTS, "partitions: 12", "partitions: 6")])


def test_ids_of_schemas_lead_to_their_files() -> None:
    for named, one in carried_schemas().items():
        assert (ROOT / "schemas" / one.path).is_file()
        assert schema_id(one.path) == named


def test_header_of_the_log_position_holds_what_spells_one() -> None:
    assert HEADERS["log-position"][0] == f"^{POSITION}$"
