"""What a trading loop says, as records: this is first ingress, where everything is fixed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from pydantic import ValidationError
from typing_extensions import override

from torghut.carrying.contexts import context_message
from torghut.carrying.controls import control_message
from torghut.carrying.messages import Outgoing
from torghut.client.kafka.cluster import Cluster, cut
from torghut.client.kafka.connection import Sending
from torghut.client.machine import Machine
from torghut.client.wire.dialing import CutError
from torghut.client.wire.offers import Context
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.schemas.codes import ContextFlag, Stream, published_name
from torghut.schemas.control import CONTROL_RECORD
from torghut.schemas.live.naming import feed_digest
from torghut.workflows.carrying.terms import CarriedTopics

_STREAMS: Final = {published_name(stream): int(stream) for stream in Stream}
_NAN: Final = float("nan")
_MALFORMED: Final = "live.record-malformed"
_FAULT: Final = msgspec.json.Encoder()
_DETAIL_MAX: Final = 400


class _Offered(msgspec.Struct, frozen=True):
    """A control record as it is offered."""

    record: msgspec.Raw


_CONTEXT: Final = msgspec.json.Decoder(Context, strict=False)
_CONTROL: Final = msgspec.json.Decoder(_Offered)


class NotSendableError(Exception):
    """What was said is nothing that a topic carries; why, in words."""

    def __init__(self, *, detail: str, control_id: str = "") -> None:
        super().__init__(detail)
        self.control_id = control_id


@dataclass(slots=True)
class KafkaSending(Sending):
    """Sends to the topics of a deployment.

    Attributes:
        cluster: That has them.
        topics: Their names.
        machine: Whose wall clock says when something came in.
    """

    cluster: Cluster
    topics: CarriedTopics
    machine: Machine
    _producer: AIOKafkaProducer | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @override
    async def send(self, lines: str, answer: Callable[[str], None]) -> None:
        producer = await self._started()
        try:
            await self._sent(producer, lines, answer)
        except CutError:
            if self._producer is producer:  # it may never send again; others who failed see the new
                await self.close()
            raise

    async def close(self) -> None:
        """Let go of the broker."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self.cluster.let_go(producer)

    async def _started(self) -> AIOKafkaProducer:
        """Return the client, connected; several may ask for it at once."""
        async with self._starting:
            if self._producer is None:
                self._producer = await self.cluster.producer()
        return self._producer

    async def _sent(
        self, producer: AIOKafkaProducer, lines: str, answer: Callable[[str], None]
    ) -> None:
        """Send lines, and wait until all is kept."""
        kept = []
        for line in lines.split("\n"):
            try:
                record = self._record(line)
            except NotSendableError as error:
                answer(_fault(error))
                continue
            with cut():
                sent = await producer.send(
                    record.topic, record.value, key=record.key, headers=list(record.headers)
                )
            kept.append(sent)
        await self.cluster.within(asyncio.gather(*kept))

    def _record(self, line: str) -> Outgoing:
        """Return a line as the record that carries it.

        Raises:
            NotSendableError: It is none that a topic carries.
        """
        wall_ns = self.machine.wall_ns()
        if '"live.control-offered.v1"' in line[:40]:
            return self._control(bytes(_CONTROL.decode(line).record), wall_ns)
        return self._context(_CONTEXT.decode(line), wall_ns)

    def _context(self, context: Context, wall_ns: int) -> Outgoing:
        """Return a context as a record: what its sender does not know of times is fixed now."""
        receive_ns = wall_ns if context.receive_ns is None else context.receive_ns
        assumed = int(ContextFlag.EVENT_TIME_ASSUMED) if context.event_ns is None else 0
        sequenced = int(ContextFlag.SEQUENCED) if context.sequenced else 0
        event_ns = receive_ns if context.event_ns is None else context.event_ns
        values = (
            context.bid,
            context.ask,
            context.bid_size,
            context.ask_size,
            context.last,
            context.last_size,
        )
        made = context_message(
            (
                *(0, 0, _STREAMS[context.stream], assumed | sequenced, 0),
                *(context.sequence, event_ns, receive_ns),
                *(_NAN if one is None else one for one in values),
            ),
            symbol=context.symbol,
            source=feed_digest(context.feed),
            ingress_wall_ns=wall_ns,
            speed=1.0,
        )
        if made is None:
            message = "expected times from 0 on, found one below"
            raise NotSendableError(detail=message)
        return msgspec.structs.replace(made, topic=self.topics.contexts)

    def _control(self, value: bytes, wall_ns: int) -> Outgoing:
        """Return a control record as a record of its topic."""
        control_id = ""
        try:
            control_id = str(parse_json_object(value).get("control_id", ""))
            record = CONTROL_RECORD.validate_json(value)
        except (JsonRefusedError, ValidationError) as error:
            raise NotSendableError(
                control_id=control_id, detail=str(error)[:_DETAIL_MAX]
            ) from error
        made = control_message(record, wall_ns=wall_ns)
        return msgspec.structs.replace(made, topic=self.topics.of(record))


def _fault(error: NotSendableError) -> str:
    """Return what says that something was not taken, as the service would."""
    return _FAULT.encode(
        {
            "type": "live.fault.v1",
            "code": _MALFORMED,
            "detail": str(error),
            "control_id": error.control_id,
        }
    ).decode()
