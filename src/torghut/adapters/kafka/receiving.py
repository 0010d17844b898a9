"""Records as the core takes them, also one that aiokafka itself cannot read.

A header's name that is no UTF-8 raises in the middle of a fetch. What was fetched before it is lost
with it, and the next fetch goes on behind that, as if it had been handed out. So whoever reads
keeps the places that were really handed out, places its partitions anew, and reads one record at a
time until the one that cannot be read is told of, by its offset, and passed by; so is what its
sender put behind it into the same batch, which cannot be read either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from torghut.carrying.messages import Headers, Received

CANNOT_READ: Final = UnicodeDecodeError
"""What aiokafka raises for a record that it cannot read."""

_WAIT_S: Final = 1.0
_MOMENT_S: Final = 0.1
_NO_TIME: Final = -1


async def one_by_one(
    consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, int]
) -> Mapping[TopicPartition, Sequence[Received]]:
    """Return the next record of each partition that has one, from where it was placed.

    Of a record that cannot be read only its offset is known: it is empty, without key and headers.

    Args:
        consumer: That could not go on.
        places: Behind what was handed out, of each partition.
    """
    if not places:
        return {}
    for place, offset in places.items():
        consumer.seek(place, offset)
    asking = [asyncio.ensure_future(_next(consumer, place)) for place in places]
    try:
        await asyncio.wait(asking, timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(asking, timeout=_MOMENT_S)  # those that have none hold up no other
    finally:
        for one in asking:
            one.cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
    return dict(_found(places, answers))


def _found(
    places: Iterable[TopicPartition], answers: Iterable[Received | BaseException]
) -> Iterator[tuple[TopicPartition, Sequence[Received]]]:
    """Yield what came in time.

    Raises:
        Exception: Something could not be read for another reason.
    """
    for place, answer in zip(places, answers, strict=True):
        if isinstance(answer, Received):
            yield place, [answer]
        elif not isinstance(answer, asyncio.CancelledError):
            raise answer


async def _next(consumer: AIOKafkaConsumer, place: TopicPartition) -> Received:
    """Return the next record of a partition, once there is one."""
    try:
        return received([await consumer.getone(place)])[0]
    except CANNOT_READ:
        offset: int = await consumer.position(place)
        consumer.seek(place, offset + 1)
        return Received(offset, None, b"", (), _NO_TIME)


def received(records: Iterable[ConsumerRecord]) -> list[Received]:
    """Return records as the core takes them."""
    return [
        Received(one.offset, one.key, one.value, _headers(one.headers), one.timestamp or _NO_TIME)
        for one in records
    ]


def _headers(found: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Return headers as the core takes them: one that says nothing is empty."""
    return [(name, value or b"") for name, value in found]
