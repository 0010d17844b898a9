"""Reads a whole history and prints what is wrong with it: a program that knows no Torghut.

python -m tests.support.carrying.history_reading BOOTSTRAP DATABASE --sent CSV --poison FILE
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer

from tests.support.carrying.history import (
    ANSWERS,
    COMMANDS,
    CONTEXTS,
    DECISIONS,
    QUARANTINE,
    Block,
    History,
    Place,
    Record,
    counts,
    findings,
)

TOPICS: Final = (CONTEXTS, DECISIONS, COMMANDS, ANSWERS, QUARANTINE)

_WAIT_MS: Final = 500
_SHOWN: Final = 20
_BLOCKS: Final = "SELECT partition, number, previous, digest, cursor, header FROM blocks"
_HEADS: Final = "SELECT partition, number, digest FROM heads"


async def read_topic(bootstrap: str, topic: str) -> Mapping[int, Sequence[Record]]:
    """Return all committed records of a topic, by partition, in their order."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        places = sorted(consumer.assignment())
        ends = await consumer.end_offsets(places)
        found: dict[int, list[Record]] = {one.partition: [] for one in places}
        while [one for one in places if await consumer.position(one) < ends[one]]:
            for at, records in (await consumer.getmany(timeout_ms=_WAIT_MS)).items():
                found[at.partition] += [
                    Record.read((at.partition, one.offset), one.value, dict(one.headers))
                    for one in records
                ]
    finally:
        await consumer.stop()
    return found


async def read_history(
    bootstrap: str, database: str, sent: Sequence[tuple[str, str]], poison: Sequence[Place]
) -> History:
    """Return all that happened; nothing may happen any more."""
    topics = {topic: await read_topic(bootstrap, topic) for topic in TOPICS}
    session = await asyncpg.connect(database)
    try:
        blocks, heads = await session.fetch(_BLOCKS), await session.fetch(_HEADS)
    finally:
        await session.close()
    return History(
        topics={
            topic: [one for records in found.values() for one in records]
            for topic, found in topics.items()
        },
        blocks={(row["partition"], row["number"]): _block(row) for row in blocks},
        heads={row["partition"]: (row["number"], row["digest"]) for row in heads},
        sent=sent,
        poison=poison,
        partitions=len(topics[CONTEXTS]),
    )


def read_sent(path: Path) -> Sequence[tuple[str, str]]:
    """Return symbol and time of everything in a table that was sent whole."""
    with path.open(encoding="utf-8", newline="") as table:
        return [(row["symbol"], row["event_time"]) for row in csv.DictReader(table)]


def _block(row: Mapping[str, str | bytes]) -> Block:
    """Return what the database says of a block."""
    said = json.loads(row["header"])["counts"]
    return Block(
        previous=str(row["previous"]),
        digest=str(row["digest"]),
        taken=json.loads(row["cursor"])["record"],
        decisions=said["decisions"],
        others=said["quarantined"],
    )


def main() -> int:
    """Print what there is and what is wrong with it; return 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("database")
    parser.add_argument("--sent", type=Path, required=True, help="contexts, all acknowledged")
    parser.add_argument("--poison", type=Path, required=True, help="places, as JSON")
    told = parser.parse_args()
    poison = [(one[0], one[1]) for one in json.loads(told.poison.read_text("utf-8"))]
    sent = read_sent(told.sent)
    history = asyncio.run(read_history(told.bootstrap, told.database, sent, poison))
    wrong = findings(history)
    said = {"counts": counts(history), "wrong": len(wrong), "findings": wrong[:_SHOWN]}
    sys.stdout.write(f"{json.dumps(said)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
