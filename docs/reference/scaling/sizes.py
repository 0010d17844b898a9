"""What a context and a decision take, by making one of each; and what the tree declares."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.blocks import make_blocks
from benchmarks.market import names, quotes
from docs.reference.scaling.bounds import Declared, Sizes, TopicLoad
from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.carrying.contexts import context_message
from torghut.carrying.messages import (
    BLOCK_DIGEST,
    CAUSATION_ID,
    CORRELATION_ID,
    LOG_POSITION,
    SCHEMA,
    Outgoing,
)
from torghut.carrying.topics import replication_of
from torghut.composition import standby
from torghut.eventlog.block import Block
from torghut.schemas.declarations.topics import TopicDeclaration
from torghut.workflows.carrying.terms import CarriedTopics

ROOT: Final = Path(__file__).resolve().parents[3]
_GOLDEN: Final = ROOT / "tests/replay/golden/messages/events/live/decided.v1/live.json"
_SYMBOLS: Final = 64
_FULL: Final = 1024
_STEADY: Final = 3
"""Blocks after which headers say nothing for the first time."""

_DIGEST: Final = "ab" * 32
_WALL_NS: Final = 1_796_000_000_000_000_000
_DELTAS: Final = 2 + 3
"""Bytes of a record's time and offset, counted from those of its batch."""

_ROUNDED: Final = 10


def declared() -> Declared:
    """Return what the tree declares."""
    topics, carried, loop = load_topics(ROOT), CarriedTopics(), standby.live_policy().loop
    named = {topic.name: _carried(topic) for topic in topics.declared}
    bounds = TopicDeclaration.model_json_schema()["properties"]["partitions"]
    return Declared(
        contexts=named.pop(carried.contexts),
        decisions=named.pop(carried.decisions),
        others=tuple(named.values()),
        partitions=topics.named(carried.contexts).partitions,
        partitions_max=int(bounds["maximum"]),
        block_max=loop.batch_records,
        snapshot_blocks=loop.snapshot_blocks,
    )


@cache
def sizes() -> Sizes:
    """Return what things take, of the made-up market; a block's to 10 bytes."""
    context, decision = _context(), _decision()
    full = make_blocks(_SYMBOLS, _FULL, _STEADY * _FULL)[-1]
    single = make_blocks(1, 1, _STEADY)[-1]
    each = _rounded((_block(full) - _block(single)) / (_FULL - 1))
    return Sizes(
        context_value=len(context.value),
        context_record=record_bytes(context),
        decision_value=len(decision.value),
        decision_record=record_bytes(decision),
        decision_row=len(single.arms["serving"].rows),
        block_each=each,
        block_fixed=_rounded(_block(single) - each),
    )


def record_bytes(record: Outgoing) -> int:
    """Return what a record takes in a batch of Kafka's format 2, uncompressed.

    Example:
        >>> record_bytes(Outgoing(b"key", b"value", []))
        18
    """
    body = 1 + _DELTAS + _text(record.key or b"") + _text(record.value)
    body += _varint(len(record.headers))
    body += sum(_text(name.encode()) + _text(said) for name, said in record.headers)
    return body + _varint(body)


def _text(text: bytes) -> int:
    """Return what a text with its length takes."""
    return _varint(len(text)) + len(text)


def _varint(number: int) -> int:
    """Return what a whole number from 0 takes: seven bits a byte, one of them for its sign."""
    return max(1, -((number << 1).bit_length() // -7))


def _context() -> Outgoing:
    """Return a quote of the made-up market as a record.

    Raises:
        RuntimeError: No message can say it.
    """
    row = quotes(_FULL, symbols=_SYMBOLS).tolist()[-1]
    made = context_message(
        row, symbol=names(_SYMBOLS)[row[0]], source=_DIGEST, ingress_wall_ns=_WALL_NS, speed=1.0
    )
    if made is None:
        message = "expected a quote that a message can say"
        raise RuntimeError(message)
    return made


def _decision() -> Outgoing:
    """Return the golden message of a decision as the record that a worker publishes."""
    said = json.loads(_GOLDEN.read_text(encoding="utf-8"))
    decision = said["decision"]
    headers = [
        (SCHEMA, said["type"].encode()),
        (LOG_POSITION, said["position"].encode()),
        (CAUSATION_ID, decision["context_id"].encode()),
        (BLOCK_DIGEST, _DIGEST.encode()),
        (CORRELATION_ID, said["position"].rpartition(":")[0].encode()),
    ]
    value = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    return Outgoing(decision["symbol"].encode(), value, headers)


def _block(block: Block) -> int:
    """Return the bytes that the log keeps of a block, without what a database puts around them."""
    arms = block.arms.values()
    texts = (block.previous, block.digest, block.cursor, *block.cites)
    parts = (block.header, block.records, block.inputs)
    kept = (*parts, *(arm.leaves for arm in arms), *(arm.rows for arm in arms))
    return sum(map(len, texts)) + sum(map(len, kept))


def _carried(topic: TopicDeclaration) -> TopicLoad:
    """Return what a declaration says of a topic's load."""
    return TopicLoad(
        name=topic.name,
        retention_hours=topic.retention_hours,
        readers=len(topic.consumers),
        copies=replication_of(topic, "three-nodes").copies,
    )


def _rounded(size: float) -> int:
    """Return a size to 10 bytes: the last digit depends on how well one library compresses."""
    return round(size / _ROUNDED) * _ROUNDED
