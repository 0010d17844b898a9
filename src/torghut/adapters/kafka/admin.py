"""The topics of a Kafka cluster, seen and changed through aiokafka's client for administrators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from typing_extensions import override

from torghut.access.beginning import begun
from torghut.access.broker import BrokerAccess
from torghut.access.ending import Admin, ended
from torghut.access.options import client_options
from torghut.adapters.kafka.refusing import reason, refused
from torghut.adapters.kafka.unsaid import heard
from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError
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
from torghut.kernel.units import MS_PER_S

_SET_ON_THE_TOPIC: Final = 1
"""Where a setting's value comes from: the topic's own, in the protocol's numbers."""

_NODES_TRIED: Final = 3
"""Nodes of which the last still gets its turn within a budget, where the others do not answer."""

_PAUSE_S: Final = 0.05
_AWAY: Final = (
    ConnectionError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TimeoutError,
)


class KafkaTopics(TopicAdmin):
    """The topics of one cluster; every question makes a connection of its own."""

    def __init__(self, access: BrokerAccess, *, budget_ms: int) -> None:
        """Take the address and read the files of ``access``; nothing is asked yet.

        Args:
            access: Where the cluster is, and how to be let in.
            budget_ms: Longest that seeing, or one step, may take.

        Raises:
            AccessFileError: A file of the access cannot be read.
            AccessIncompleteError: Name or password is wanted and was not given.
        """
        self._options = client_options(access)
        self._budget_ms = budget_ms

    @override
    async def see(self) -> ClusterSeen:
        async with self._asking("see topics") as client:
            return await _seen(client)

    @override
    async def do(self, step: Step, /) -> None:
        async with self._asking(str(step)) as client:
            await _done(client, step, self._budget_ms)
            await _shown(client, step)

    @asynccontextmanager
    async def _asking(self, asked: str) -> AsyncIterator[Admin]:
        """Yield a client for one question, within the budget; errors become ours."""
        client = Admin(
            **self._options,
            request_timeout_ms=self._budget_ms // _NODES_TRIED,
            client_id="torghut-topics",
        )
        with heard() as unsaid:
            try:
                async with asyncio.timeout(self._budget_ms / MS_PER_S):
                    await begun(client, budget_ms=self._budget_ms)
                    yield client
            except _AWAY as error:
                raise self._nobody(asked, [*unsaid, error]) from error
            except KafkaError as error:
                found = BrokerRefusedError(asked=asked, found=reason(error))
                raise (refused(asked, [error]) or found) from error
            finally:
                await ended(client, budget_ms=self._budget_ms)

    def _nobody(
        self, asked: str, errors: Sequence[BaseException]
    ) -> BrokerRefusedError | BrokerUnreachableError:
        """Return why there was no answer: who asks is not let in, or nobody is there."""
        return refused(asked, errors) or BrokerUnreachableError(
            asked=asked,
            bootstrap=self._options["bootstrap_servers"],
            budget_ms=self._budget_ms,
            found=reason(errors[0]),
        )


async def _seen(client: Admin) -> ClusterSeen:
    """Return the nodes and our topics.

    Nodes learn of a topic one after the other: what one names, the next one asked may not know yet,
    or no more. Then all is asked again, for as long as the budget lasts.
    """
    while True:
        try:
            return await _seen_at_once(client)
        except UnknownTopicOrPartitionError:
            await asyncio.sleep(_PAUSE_S)


async def _seen_at_once(client: Admin) -> ClusterSeen:
    """Return the same, by nodes that may not agree."""
    nodes = len((await client.describe_cluster())["brokers"])
    found = {
        str(topic["topic"]): topic["partitions"]
        for topic in await client.describe_topics()
        if str(topic["topic"]).startswith(PREFIX)
    }
    settings = await _settings(client, sorted(found))
    topics = {
        name: TopicSeen(
            partitions=len(partitions),
            copies=min((len(one["replicas"]) for one in partitions), default=0),
            settings={entry: value for entry, (value, _) in settings[name].items()},
        )
        for name, partitions in found.items()
    }
    return ClusterSeen(nodes=nodes, topics=topics)


async def _settings(
    client: Admin, names: Sequence[str]
) -> Mapping[str, Mapping[str, tuple[str, int]]]:
    """Return value and origin of every setting of every named topic."""
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, Mapping[str, tuple[str, int]]] = {}
    for answer in await client.describe_configs(asked):
        for resource in answer.to_object()["resources"]:
            _raise_for(resource["error_code"])
            found[resource["resource_name"]] = {
                one["config_names"]: (str(one["config_value"]), int(one["config_source"]))
                for one in resource["config_entries"]
            }
    return found


async def _done(client: Admin, step: Step, budget_ms: int) -> None:
    """Ask for one step."""
    match step:
        case CreateTopic():
            new = NewTopic(
                step.name, step.partitions, step.copies, topic_configs=dict(step.settings)
            )
            created = await client.create_topics([new], timeout_ms=budget_ms)
            for error in created.to_object()["topic_errors"]:
                if for_code(error["error_code"]) is not TopicAlreadyExistsError:
                    _raise_for(error["error_code"])
        case ChangeSettings():
            # The request sets all of a topic's own settings anew, so those that stay go along.
            before = (await _settings(client, [step.name]))[step.name]
            own = {name: to for name, (to, by) in before.items() if by == _SET_ON_THE_TOPIC}
            resource = ConfigResource(ConfigResourceType.TOPIC, step.name, {**own, **step.settings})
            for answer in await client.alter_configs([resource]):
                for error in answer.to_object()["resources"]:
                    _raise_for(error["error_code"])
        case AddPartitions():
            await client.create_partitions({step.name: NewPartitions(step.partitions)})


async def _shown(client: Admin, step: Step) -> None:
    """Wait until every node shows what was done, as far as asking nodes at random can tell."""
    looks = 0
    while True:
        seen = await _seen(client)
        looks = looks + 1 if _shows(seen, step) else 0
        if looks > seen.nodes:
            return
        if not looks:
            await asyncio.sleep(_PAUSE_S)


def _shows(seen: ClusterSeen, step: Step) -> bool:
    """Return whether a step's outcome is there."""
    topic = seen.topics.get(step.name)
    if topic is None:
        return False
    match step:
        case CreateTopic():
            return topic.partitions > 0 and topic.copies > 0
        case ChangeSettings():
            return all(topic.settings.get(name) == to for name, to in step.settings.items())
        case AddPartitions():
            return topic.partitions >= step.partitions


def _raise_for(code: int) -> None:
    """Raise what an error's number in the protocol stands for; 0 is none."""
    if code:
        error: Any = for_code(code)
        raise error
