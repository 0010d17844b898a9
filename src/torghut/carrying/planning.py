"""What would make a cluster's topics those that are declared, and what nothing can make so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.carrying.errors import (
    CopiesDifferError,
    NodesTooFewError,
    PartitionCountKeyedError,
    PartitionsFewerError,
    PartitionsMissingError,
    TopicMissingError,
    TopicRefusal,
    TopicUnsafeError,
)
from torghut.carrying.topics import (
    PREFIX,
    Topics,
    broker_settings,
    environment_of,
    replication_of,
)
from torghut.schemas.declarations.topics import Environment, TopicDeclaration

_TWO: Final = 2
_ACKNOWLEDGING: Final = "min.insync.replicas"
_UNCLEAN: Final = "unclean.leader.election.enable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSeen:
    """A topic as a cluster has it.

    Attributes:
        partitions: How many.
        copies: How many nodes keep each of them; the fewest, where they differ.
        settings: The value in force of every setting that a declaration may be about.
    """

    partitions: int
    copies: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSeen:
    """A cluster as its brokers tell it.

    Attributes:
        nodes: Brokers that take part.
        topics: Those whose name begins as ours do, by name.
    """

    nodes: int
    topics: Mapping[str, TopicSeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTopic:
    """A topic is to be made."""

    name: str
    partitions: int
    copies: int
    settings: Mapping[str, str]

    def __str__(self) -> str:
        return f"create {self.name}: {self.partitions} partitions, {self.copies} copies"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSettings:
    """Settings of a topic are to be others.

    Attributes:
        name: Of the topic.
        settings: What they are to be, by name.
        found: What they are.
    """

    name: str
    settings: Mapping[str, str]
    found: Mapping[str, str]

    def __str__(self) -> str:
        changes = (f"{key} {self.found[key]} -> {to}" for key, to in self.settings.items())
        return f"change {self.name}: {', '.join(changes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPartitions:
    """A topic without a key is to have more partitions."""

    name: str
    partitions: int
    found: int

    def __str__(self) -> str:
        return f"grow {self.name}: {self.found} -> {self.partitions} partitions"


Step = CreateTopic | ChangeSettings | AddPartitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, in order, and what cannot be.

    Attributes:
        environment: Which of the declared replications holds.
        steps: What makes the cluster's topics those that are declared.
        refusals: Why some of them cannot be made so; nothing is done while there is one.
        undeclared: Topics named as ours are that nobody declared; they are left alone.
    """

    environment: Environment
    steps: Sequence[Step]
    refusals: Sequence[TopicRefusal] = field(default=())
    undeclared: Sequence[str] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether the cluster has what is declared and nothing else of ours."""
        return not (self.steps or self.refusals or self.undeclared)


def plan(topics: Topics, seen: ClusterSeen) -> Plan:
    """Return what would make the topics of a cluster those that are declared.

    Raises:
        NodesTooFewError: There are two nodes, for which nothing is declared.
    """
    if seen.nodes == _TWO:
        raise NodesTooFewError(found=seen.nodes)
    environment = environment_of(seen.nodes)
    steps: list[Step] = []
    refusals: list[TopicRefusal] = []
    for topic in topics.declared:
        there = seen.topics.get(topic.name)
        if there is None:
            steps.append(_created(topic, environment))
            continue
        refusals.extend(_refusals(topic, there, environment))
        steps.extend(_changes(topic, there, environment))
    named = {topic.name for topic in topics.declared}
    undeclared = sorted(name for name in seen.topics.keys() - named if name.startswith(PREFIX))
    return Plan(environment=environment, steps=steps, refusals=refusals, undeclared=undeclared)


def _created(topic: TopicDeclaration, environment: Environment) -> CreateTopic:
    """Return the step that makes a topic."""
    return CreateTopic(
        name=topic.name,
        partitions=topic.partitions,
        copies=replication_of(topic, environment).copies,
        settings=broker_settings(topic, environment),
    )


def _changes(
    topic: TopicDeclaration, seen: TopicSeen, environment: Environment
) -> Iterator[ChangeSettings | AddPartitions]:
    """Yield the steps that change a topic which is there."""
    if topic.key == "none" and topic.partitions > seen.partitions:
        yield AddPartitions(name=topic.name, partitions=topic.partitions, found=seen.partitions)
    wanted = broker_settings(topic, environment)
    found = {name: seen.settings.get(name, "nothing") for name in wanted}
    settings = {name: to for name, to in wanted.items() if found[name] != to}
    if settings:
        before = {name: found[name] for name in settings}
        yield ChangeSettings(name=topic.name, settings=settings, found=before)


def _refusals(
    topic: TopicDeclaration, seen: TopicSeen, environment: Environment
) -> Iterator[TopicRefusal]:
    """Yield why a topic which is there cannot be made what is declared."""
    declared, found = topic.partitions, seen.partitions
    if declared != found and topic.key != "none":
        yield PartitionCountKeyedError(topic=topic.name, declared=declared, found=found)
    elif declared < found:
        yield PartitionsFewerError(topic=topic.name, declared=declared, found=found)
    copies = replication_of(topic, environment).copies
    if seen.copies != copies:
        yield CopiesDifferError(topic=topic.name, declared=copies, found=seen.copies)


def check_safe(topics: Topics, seen: ClusterSeen, names: Collection[str]) -> None:
    """Check that topics keep what they acknowledge, and each key on its partition, as declared.

    Nodes that are away for now are no reason: a topic's copies tell for how many it was made.

    Args:
        topics: Those that are declared.
        seen: The cluster.
        names: Of the topics that somebody is about to rely on.

    Raises:
        TopicMissingError: One is not there.
        PartitionCountKeyedError: One has another number of partitions.
        PartitionsMissingError: One without a key has too few.
        TopicUnsafeError: One would lose records where one node is lost.
    """
    for topic in topics.declared:
        if topic.name not in names:
            continue
        there = seen.topics.get(topic.name)
        if there is None:
            raise TopicMissingError(topic=topic.name)
        _check_safe(topic, there, environment_of(max(seen.nodes, there.copies)))


def _check_safe(topic: TopicDeclaration, seen: TopicSeen, environment: Environment) -> None:
    """Check one topic.

    Raises:
        PartitionCountKeyedError: It has another number of partitions.
        PartitionsMissingError: Without a key, it has too few.
        TopicUnsafeError: It would lose records where one node is lost.
    """
    declared, there = topic.partitions, seen.partitions
    if topic.key != "none" and declared != there:
        raise PartitionCountKeyedError(topic=topic.name, declared=declared, found=there)
    if declared > there:
        raise PartitionsMissingError(topic=topic.name, declared=declared, found=there)
    wanted = replication_of(topic, environment)
    acknowledging, unclean = (seen.settings.get(one, "") for one in (_ACKNOWLEDGING, _UNCLEAN))
    for what, safe, expected, found in (
        ("copies", seen.copies >= wanted.copies, str(wanted.copies), str(seen.copies)),
        (
            _ACKNOWLEDGING,
            acknowledging.isdecimal() and int(acknowledging) >= wanted.min_in_sync,
            str(wanted.min_in_sync),
            acknowledging or "nothing",
        ),
        (_UNCLEAN, unclean == "false", "false", unclean or "nothing"),
    ):
        if not safe:
            raise TopicUnsafeError(topic=topic.name, what=what, expected=expected, found=found)
