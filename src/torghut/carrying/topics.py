"""The declared topics as one: each right by itself, together without contradiction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from pydantic import TypeAdapter

from torghut.schemas.declarations.errors import DeclarationConflictError, Problem
from torghut.schemas.declarations.text import parse
from torghut.schemas.declarations.topics import Environment, Replication, TopicDeclaration
from torghut.schemas.publish import Publication, publications

FOLDER: Final = "streams/topics"
PREFIX: Final = "torghut."
"""What the name of every topic of ours begins with."""

_TOPIC: TypeAdapter[TopicDeclaration] = TypeAdapter(TopicDeclaration)
BATCH_BYTES: Final = 1_048_576
"""Largest batch of records: to a broker a batch is one message, whatever the records in it are."""

_MS_PER_HOUR: Final = 3_600_000
_NODES_OF_THREE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Every declared topic, sorted by name."""

    declared: Sequence[TopicDeclaration]

    def named(self, name: str) -> TopicDeclaration:
        """Return the topic of that name.

        Raises:
            KeyError: None is declared under it.
        """
        return {topic.name: topic for topic in self.declared}[name]


def parse_topic(text: str, *, file: str) -> TopicDeclaration:
    """Return the topic that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
        DeclarationConflictError: It is not named as its file is, or carries what nobody published.
    """
    topic = parse(_TOPIC, text, file=file)
    expected = f"{topic.name}.yaml"
    if file.rpartition("/")[2] != expected:
        _refuse(file, "name", f"the name of the file, which is then {expected}", topic.name)
    for place, value in enumerate(topic.values):
        if value not in carried_schemas():
            _refuse(file, f"values[{place}]", "the newest version of a published event", value)
    return topic


def assemble(topics: Iterable[TopicDeclaration]) -> Topics:
    """Return the topics together.

    Those that are partitioned by symbol meet in one worker, which has the same partition of each;
    so are those that a partition of the log speaks on.

    Raises:
        DeclarationConflictError: They do not go together.
    """
    declared = tuple(sorted(topics, key=lambda topic: topic.name))
    counts: dict[int, str] = {}
    for topic in declared:
        if topic.key == "symbol" or topic.partitioner == "log-partition":
            counts.setdefault(topic.partitions, topic.name)
            if len(counts) > 1:
                other, count = next((name, n) for n, name in counts.items())
                _refuse(
                    f"{FOLDER}/{topic.name}.yaml",
                    "partitions",
                    f"{count} as {other} has, for one worker reads a symbol's records of both",
                    str(topic.partitions),
                )
    return Topics(declared=declared)


@cache
def carried_schemas() -> Mapping[str, Publication]:
    """Return every published event and control record that a topic may carry, by its id."""
    events = (one for one in publications() if one.path.startswith("events/"))
    return {schema_id(one.path): one for one in events}


def schema_id(path: str) -> str:
    """Return the id of the schema at ``path`` below ``schemas/``.

    Example:
        >>> schema_id("events/control/fill.v2.json")
        'control.fill.v2'
    """
    return path.removeprefix("events/").removesuffix(".json").replace("/", ".", 1)


def environment_of(nodes: int) -> Environment:
    """Return which replication is declared for a cluster of so many nodes."""
    return "three-nodes" if nodes >= _NODES_OF_THREE else "one-node"


def replication_of(topic: TopicDeclaration, environment: Environment) -> Replication:
    """Return how a topic is replicated there."""
    by = topic.replication
    return by.one_node if environment == "one-node" else by.three_nodes


def broker_settings(topic: TopicDeclaration, environment: Environment) -> Mapping[str, str]:
    """Return the settings that a broker is to have for a topic, by the broker's names for them."""
    compaction = topic.compaction
    kept_ms = -1 if topic.retention_hours is None else topic.retention_hours * _MS_PER_HOUR
    settings = {
        "cleanup.policy": "delete" if compaction is None else "compact",
        "max.message.bytes": str(max(topic.record_bytes_max, BATCH_BYTES)),
        "min.insync.replicas": str(replication_of(topic, environment).min_in_sync),
        "retention.bytes": "-1",
        "retention.ms": str(kept_ms),
        "unclean.leader.election.enable": "false",
    }
    if compaction is not None:
        settings["delete.retention.ms"] = str(compaction.tombstone_hours * _MS_PER_HOUR)
        settings["max.compaction.lag.ms"] = str(compaction.lag_hours_max * _MS_PER_HOUR)
    return settings


def _refuse(file: str, key: str, expected: str, found: str) -> None:
    """Refuse a topic that is right by itself.

    Raises:
        DeclarationConflictError: Always.
    """
    problem = Problem(key=key, expected=expected, found=found, advice="correct the value")
    raise DeclarationConflictError(file=file, problems=[problem])
