"""What a subscriber sends: contexts and control records, a JSON line each, answered on the stream.

The outcomes of contexts come with all others. What was not taken is told at once, and whatever is
told of control records in the order in which they came.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from torghut.entrypoints.api.rest.bodies import records
from torghut.entrypoints.api.services import Services
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import ControlRecord
from torghut.schemas.live.offering import ControlOffered
from torghut.schemas.types import first_problem
from torghut.workflows.live.access.errors import TokenUnknownError
from torghut.workflows.live.access.reporting import role_for
from torghut.workflows.live.access.tokens import Caller, Role
from torghut.workflows.live.errors import NotTakenError
from torghut.workflows.live.offers import OfferedContext, parse_offered
from torghut.workflows.live.told.faults import fault_of
from torghut.workflows.live.told.frames import Wire, text_frame
from torghut.workflows.running.controls import RECORD_BYTES_MAX
from torghut.workflows.running.errors import ControlMalformedError

_TYPE: Final = re.escape(str(ControlOffered.model_fields["type"].default))
_CONTROL: Final = re.compile(rf'"type"\s*:\s*"{_TYPE}"'.encode())
"""Its type makes a line a control record; the same words may stand in a context, as its feed."""

_PLACE: Final = "the message"
_ID_MAX: Final = 200
_WAITING_MAX: Final = 64
"""So many messages with control records may wait; then nothing more is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One who sends.

    Attributes:
        services: What the API stands on.
        caller: Who it is.
        wire: The connection.
    """

    services: Services
    caller: Caller
    wire: Wire
    _waiting: asyncio.Queue[Sequence[ControlRecord]] = field(
        default_factory=lambda: asyncio.Queue(_WAITING_MAX)
    )

    async def take(self, message: bytes) -> None:
        """Take one message.

        Raises:
            TokenUnknownError: The sender's token is not good any more.
            ConnectionError: It is gone.
        """
        if self.services.gate.lost(self.caller):
            raise TokenUnknownError
        try:
            lines = records(message, self.services.desk.policy.door.records_max)
        except TorghutError as error:
            await self._tell([_fault(error)])
            return
        controls = [line for line in lines if _CONTROL.search(line)]
        await self._tell(self._offer([line for line in lines if not _CONTROL.search(line)]))
        if controls:
            await self._queue(controls)

    async def answer(self) -> None:
        """Submit the control records that wait and tell what became of them, until cancelled.

        What came in several messages goes together, but never more than may come at once.
        """
        most = self.services.desk.policy.door.records_max
        while True:
            waiting = [*await self._waiting.get()]
            while not self._waiting.empty():
                waiting += self._waiting.get_nowait()
            for begin in range(0, len(waiting), most):
                await self._tell(await self._submitted(waiting[begin : begin + most]))

    def _offer(self, lines: Iterable[bytes]) -> list[bytes]:
        """Offer contexts; return what is to be told at once."""
        told: list[bytes] = []
        offered: list[OfferedContext] = []
        for line in lines:
            try:
                offered.append(parse_offered(line, _PLACE))
            except NotTakenError as error:
                told.append(_fault(error))
        if offered:
            told += self._offered(offered)
        return told

    def _offered(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        """Offer contexts together; one by one where one of them may be what is wrong."""
        try:
            self.caller.require(Role.REPORT)
            return self.services.desk.offer(offered)
        except NotTakenError as error:
            apart = error.retry_after_ms is None and self.caller.may(Role.REPORT)
            if len(offered) > 1 and apart:
                return [line for one in offered for line in self._offered([one])]
            return [_fault(error, context_id=one.context_id) for one in offered]

    async def _queue(self, lines: Iterable[bytes]) -> None:
        """Let control records wait; tell at once what is none, or may not come from here."""
        told: list[bytes] = []
        taken: list[ControlRecord] = []
        for line in lines:
            try:
                record = _control(line)
            except ControlMalformedError as error:
                told.append(_fault(error, control_id=_named(line)))
                continue
            try:
                self.caller.require(role_for(record))
                taken.append(record)
            except NotTakenError as error:
                told.append(_fault(error, control_id=record.control_id))
        await self._tell(told)
        if taken:
            await self._waiting.put(taken)

    async def _submitted(self, waiting: Sequence[ControlRecord]) -> list[bytes]:
        """Return what is told of control records once they are durable, or were not taken."""
        self.services.accepted(self.caller, waiting)
        try:
            answers = await self.services.desk.submit(waiting)
        except TorghutError as error:
            return [_fault(error, control_id=record.control_id) for record in waiting]
        return [answer.model_dump_json().encode() for answer in answers]

    async def _tell(self, lines: Sequence[bytes]) -> None:
        """Write lines, if there are any, once the peer takes them."""
        if lines:
            await self.wire.drain()
            text = b"".join(line.rstrip(b"\n") + b"\n" for line in lines)
            self.wire.write(text_frame(text))


def _control(line: bytes) -> ControlRecord:
    """Return the control record that a line offers.

    Raises:
        ControlMalformedError: It offers none.
    """
    expected, found = "one JSON object", ""
    try:
        if len(line) <= RECORD_BYTES_MAX:
            parse_json_object(line)  # refuses what two readers could understand differently
            return ControlOffered.model_validate_json(line).record
        expected, found = f"at most {RECORD_BYTES_MAX} bytes", "more"
    except JsonRefusedError as error:
        found = error.found
    except ValidationError as error:
        first = first_problem(error)
        expected, found = first.at("the record"), first.found
    raise ControlMalformedError(place=_PLACE, expected=expected, found=found)


def _named(line: bytes) -> str:
    """Return the id that a line states for a record that cannot be taken; empty if it states none.

    Who sent it waits for an answer under that id.
    """
    try:
        record = parse_json_object(line[:RECORD_BYTES_MAX]).get("record")
    except JsonRefusedError:
        return ""
    stated = record.get("control_id") if isinstance(record, Mapping) else None
    return stated if isinstance(stated, str) and len(stated) <= _ID_MAX else ""


def _fault(error: TorghutError, *, context_id: str = "", control_id: str = "") -> bytes:
    """Return the line that tells of something that was not taken."""
    fault = fault_of(error, context_id=context_id, control_id=control_id)
    return fault.model_dump_json().encode()
