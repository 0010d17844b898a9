"""The composition root of what speaks to a broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torghut.adapters.faust.opening import open_faust
from torghut.adapters.filesystem.declared.topics import load_topics, released_schemas
from torghut.adapters.kafka.opening import open_broker, open_topics
from torghut.carrying.partitioning import partition_of
from torghut.carrying.ports import Broker, TopicAdmin
from torghut.carrying.topics import Topics
from torghut.composition.broker_settings import faust_choices, named_broker
from torghut.settings import settings
from torghut.workflows.carrying.intake import PartitionOf
from torghut.workflows.carrying.terms import CarriedTopics


def declared_topics() -> Topics:
    """Return the topics that are declared in this installation.

    Raises:
        DeclarationError: A file is missing or does not fit its model, or they do not go together.
    """
    return load_topics(settings().declarations_dir)


def released(root: Path | None = None) -> Mapping[str, str]:
    """Return the text of every released schema, by its path below ``schemas/``.

    Args:
        root: Where the declarations are; this installation's own if None.

    Raises:
        DeclarationMissingError: One cannot be read.
    """
    return released_schemas(root or settings().declarations_dir)


def topic_admin(bootstrap: str | None, *, budget_ms: int) -> TopicAdmin:
    """Return what sees and changes the topics of the cluster that is named; nothing is asked yet.

    Raises:
        BrokerUnnamedError: Nobody says where one is.
        BrokerSettingError: The environment says what cannot be.
        KafkaExtraMissingError: The packages for it are not installed.
        AccessFileError: A certificate, key or password is not where the environment says.
    """
    return open_topics(named_broker(bootstrap), budget_ms=budget_ms)


def broker(bootstrap: str | None, *, name: str, budget_ms: int) -> Broker:
    """Return the broker that is named; nothing is asked of it yet.

    Args:
        bootstrap: Addresses that come before those of the environment.
        name: What the broker's own log calls this process.
        budget_ms: Longest wait for an answer.

    Raises:
        BrokerUnnamedError: Nobody says where one is.
        BrokerSettingError: The environment says what cannot be.
        KafkaExtraMissingError: The packages for it are not installed.
        AccessFileError: A certificate, key or password is not where the environment says.
    """
    return open_broker(named_broker(bootstrap), client_id=name, budget_ms=budget_ms)


def faust_broker(bootstrap: str | None, *, name: str, budget_ms: int) -> Broker:
    """Return the broker that is named, with groups that Faust shares; nothing is asked of it yet.

    Args:
        bootstrap: Addresses that come before those of the environment.
        name: What the broker's own log calls this process.
        budget_ms: Longest wait for an answer.

    Raises:
        FaustGuaranteeError: The environment asks Faust for what it does not keep.
        FaustWebError: Faust's pages would be where others reach them.
        BrokerUnnamedError: Nobody says where a broker is.
        BrokerSettingError: The environment says what cannot be.
        FaustExtraMissingError: The packages for it are not installed.
        AccessFileError: A certificate, key or password is not where the environment says.
    """
    choices = faust_choices()
    return open_faust(named_broker(bootstrap), choices, client_id=name, budget_ms=budget_ms)


def partitioned(partitions: int) -> PartitionOf:
    """Return what tells on which of so many partitions the contexts of a symbol belong."""
    return lambda symbol: partition_of(symbol.encode(), partitions)


def carried_topics() -> CarriedTopics:
    """Return the topics that workers read and write."""
    return CarriedTopics()
