"""The topics as an AsyncAPI 3.0 document, out of their declarations and the published schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from torghut.carrying.topics import Topics, broker_settings, carried_schemas, replication_of
from torghut.kernel.canonical import JsonObject, JsonValue
from torghut.kernel.ids import SYMBOL_PATTERN
from torghut.schemas.declarations.topics import (
    HEADERS,
    HeaderName,
    RecordKey,
    TopicDeclaration,
)

KEYS: Final[Mapping[RecordKey, tuple[str, str]]] = {
    "symbol": (
        f"^{SYMBOL_PATTERN}$",
        "The instrument, qualified by its venue: fxcm:EURUSD.",
    ),
    "control-id": (r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}$", "The id of the control record."),
    "stream": (r"^[a-z][A-Za-z0-9._:@/-]{0,399}$", "The stream that the event stands in."),
    "worker-partition": (
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.p(0|[1-9][0-9]{0,6})$",
        "The worker and its partition: worker-1.p11.",
    ),
    "none": ("^$", "There is none."),
}
"""What each record's key is, UTF-8 text: its pattern and its meaning."""

_VERSION: Final = "3.0.0"
_BINDING: Final = "0.5.0"
_SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"
_ABOUT: Final = (
    "What Torghut's topics carry. A decision is durable before it is here; delivery is at least "
    "once, order holds within a key. Who receives finds a key's partition by murmur2, as the Java "
    "client does, and refuses a record that stands on another."
)
_NUMBERS: Final = frozenset(
    {"delete.retention.ms", "max.message.bytes", "retention.bytes", "retention.ms"}
)


def document_text(topics: Topics) -> str:
    """Return the document; the same declarations give the same bytes."""
    return json.dumps(document(topics), indent=2, ensure_ascii=False) + "\n"


def document(topics: Topics) -> JsonObject:
    """Return the document: a channel for each topic, an operation for each who writes or reads."""
    operations: dict[str, JsonValue] = {}
    for topic in topics.declared:
        operations.update(_operations(topic))
    return {
        "asyncapi": _VERSION,
        "info": {
            "title": "Torghut topics",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics.declared},
        "operations": dict(sorted(operations.items())),
        "components": {"schemas": {topic.name: _headers(topic) for topic in topics.declared}},
    }


def _channel(topic: TopicDeclaration) -> JsonObject:
    """Return one topic as a channel."""
    return {
        "address": topic.name,
        "description": topic.why,
        "messages": {value: _message(topic, value) for value in topic.values},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": replication_of(topic, "three-nodes").copies,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": _BINDING,
            }
        },
        "x-owner": topic.owner,
        "x-key": topic.key,
        "x-partitioner": topic.partitioner,
    }


def _configuration(topic: TopicDeclaration) -> JsonObject:
    """Return the settings on three nodes as the binding wants them."""
    settings = broker_settings(topic, "three-nodes")
    known: dict[str, JsonValue] = {"cleanup.policy": [settings["cleanup.policy"]]}
    known |= {name: int(to) for name, to in sorted(settings.items()) if name in _NUMBERS}
    return known


def _message(topic: TopicDeclaration, value: str) -> JsonObject:
    """Return one kind of record of a topic."""
    kafka: dict[str, JsonValue] = {"bindingVersion": _BINDING}
    if topic.key != "none":
        pattern, meaning = KEYS[topic.key]
        kafka["key"] = {"type": "string", "pattern": pattern, "description": meaning}
    return {
        "name": value,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{topic.name}"},
        "payload": {
            "schemaFormat": _SCHEMA_FORMAT,
            "schema": {"$ref": f"../{carried_schemas()[value].path}"},
        },
        "bindings": {"kafka": kafka},
    }


def _headers(topic: TopicDeclaration) -> JsonObject:
    """Return what stands beside the values of a topic."""
    named = (*topic.headers.always, *topic.headers.if_known)
    return {
        "type": "object",
        "properties": {name: _header(name) for name in named},
        "required": list(topic.headers.always),
    }


def _header(name: HeaderName) -> JsonObject:
    """Return what one header holds."""
    pattern, meaning = HEADERS[name]
    return {"type": "string", "pattern": pattern, "description": meaning}


def _operations(topic: TopicDeclaration) -> Mapping[str, JsonObject]:
    """Return what its producer and each of its consumers do with a topic, by name."""
    noun = topic.name.removeprefix("torghut.").replace(".", "-")
    channel = f"#/channels/{topic.name}"
    about: JsonObject = {
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{value}"} for value in topic.values],
    }
    sent = {f"{topic.producer}-sends-{noun}": {"action": "send", **about}}
    return sent | {
        f"{party}-receives-{noun}": {"action": "receive", **about} for party in topic.consumers
    }
