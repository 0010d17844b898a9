"""Reads again what Faust left out; where the topic has it no more, that is no gap to pass over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from aiokafka.errors import OffsetOutOfRangeError
from typing_extensions import override

from torghut.adapters.kafka.reading import KafkaReader, Place
from torghut.carrying.errors import BrokerUnreachableError, OffsetsGoneError
from torghut.carrying.messages import Reading


class ExactReader(KafkaReader):
    """A reader that reads from where it is asked to, or not at all."""

    reset: ClassVar[str] = "none"

    @override
    async def read(self, after: Mapping[Place, int], /, *, wait_ms: int) -> Mapping[Place, Reading]:
        try:
            return await super().read(after, wait_ms=wait_ms)
        except BrokerUnreachableError as error:
            if not isinstance(error.__cause__, OffsetOutOfRangeError):
                raise
            (topic, partition), offset = next(iter(after.items()))
            raise OffsetsGoneError(
                place=f"{topic}, partition {partition}", expected=offset, found="none there"
            ) from error
