"""The reference page of the topics: what is carried from whom to whom, by which key, how long."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.carrying.asyncapi import KEYS
from torghut.carrying.topics import Topics
from torghut.schemas.declarations.topics import HEADERS, TopicDeclaration

ROOT: Final = Path(__file__).resolve().parents[2]

_HEAD: Final = """\
# Topics

Written by `make docs` from `streams/topics/`. [How to run with Kafka](../how-to/run-with-kafka.md)
says how they come to be; `schemas/asyncapi/torghut.v1.json` describes the same for programs.

| topic | key | partitions | kept | from | to | owner |
|---|---|---|---|---|---|---|
"""

_KEYED: Final = """
A key belongs to partition positive(murmur2(key)) mod partitions, as the Java client has it where
nobody says otherwise. librdkafka does so with `partitioner=murmur2_random`. A worker refuses a
record that stands on another partition: `carrying.partition-unexpected`. One worker reads the same
partition of every topic that is keyed by symbol, so these have one count of partitions, which never
changes.

On one node a record is kept once; on three nodes three times, and two must have it before it is
acknowledged.

| key | what it is | pattern |
|---|---|---|
"""

_HEADERS: Final = """
Headers are UTF-8 text. What a topic does not name is not looked at.

| header | what it holds | pattern |
|---|---|---|
"""


def topics_page() -> str:
    """Return the page."""
    topics = load_topics(ROOT)
    rows = "".join(map(_row, topics.declared))
    keys = "".join(
        f"| `{key}` | {meaning} | `{_cell(pattern)}` |\n"
        for key, (pattern, meaning) in KEYS.items()
    )
    headers = "".join(
        f"| `{name}` | {meaning} | `{_cell(pattern)}` |\n"
        for name, (pattern, meaning) in HEADERS.items()
    )
    return f"{_HEAD}{rows}{_KEYED}{keys}{_HEADERS}{headers}{_sections(topics)}"


def _row(topic: TopicDeclaration) -> str:
    """Return one topic as a row of the table."""
    cells = (
        f"[`{topic.name}`](#{topic.name.replace('.', '')})",
        f"`{topic.key}`",
        str(topic.partitions),
        _kept(topic),
        topic.producer,
        ", ".join(topic.consumers),
        topic.owner,
    )
    return f"| {' | '.join(cells)} |\n"


def _kept(topic: TopicDeclaration) -> str:
    """Return for how long records stay."""
    if topic.compaction is not None:
        return "the newest of each key"
    if topic.retention_hours is None:
        return "for ever"
    return f"{topic.retention_hours // 24} days"


def _sections(topics: Topics) -> str:
    """Return what each topic carries, and why it is there."""
    return "".join(
        f"\n## {topic.name}\n\n{topic.why}\n\n"
        f"Values: {', '.join(f'`{value}`' for value in topic.values)}.\n"
        f"Headers: {', '.join(f'`{name}`' for name in topic.headers.always)}"
        f"{_if_known(topic)}.\n"
        for topic in topics.declared
    )


def _if_known(topic: TopicDeclaration) -> str:
    """Return the headers that may be missing, in words."""
    named = ", ".join(f"`{name}`" for name in topic.headers.if_known)
    return f"; if known: {named}" if named else ""


def _cell(text: str) -> str:
    """Return ``text`` fit for a table."""
    return text.replace("|", "\\|")
