"""A cluster's topics in memory, with the settings that a broker has where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from typing_extensions import override

from torghut.carrying.errors import BrokerRefusedError
from torghut.carrying.planning import (
    AddPartitions,
    ChangeSettings,
    ClusterSeen,
    CreateTopic,
    Step,
    TopicSeen,
)
from torghut.carrying.ports import TopicAdmin
from torghut.carrying.topics import PREFIX

DEFAULTS: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "delete.retention.ms": "86400000",
    "max.compaction.lag.ms": "9223372036854775807",
    "max.message.bytes": "1048588",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "unclean.leader.election.enable": "false",
}


class InMemoryTopics(TopicAdmin):
    """A cluster of so many nodes, without a topic at first."""

    def __init__(self, nodes: int = 1) -> None:
        self._nodes = nodes
        self._topics: dict[str, TopicSeen] = {}

    @override
    async def see(self) -> ClusterSeen:
        ours = {name: seen for name, seen in self._topics.items() if name.startswith(PREFIX)}
        return ClusterSeen(nodes=self._nodes, topics=ours)

    @override
    async def do(self, step: Step, /) -> None:
        match step:
            case CreateTopic():
                if step.copies > self._nodes:
                    found = "INVALID_REPLICATION_FACTOR"
                    raise BrokerRefusedError(asked=str(step), found=found)
                made = TopicSeen(
                    partitions=step.partitions,
                    copies=step.copies,
                    settings={**DEFAULTS, **step.settings},
                )
                self._topics.setdefault(step.name, made)
            case ChangeSettings():
                seen = self._there(step)
                self._topics[step.name] = replace(seen, settings={**seen.settings, **step.settings})
            case AddPartitions():
                seen = self._there(step)
                if step.partitions < seen.partitions:
                    raise BrokerRefusedError(asked=str(step), found="INVALID_PARTITIONS")
                self._topics[step.name] = replace(seen, partitions=step.partitions)

    def _there(self, step: ChangeSettings | AddPartitions) -> TopicSeen:
        if step.name not in self._topics:
            raise BrokerRefusedError(asked=str(step), found="UNKNOWN_TOPIC_OR_PARTITION")
        return self._topics[step.name]
