"""One connection to the live service that is kept: made again, with growing waits, when it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple, Protocol

from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.dialing import Connection, CutError, Dialer, Purpose, RefusedError
from torghut.client.wire.messages import GarbledError, Heartbeat, Incoming, read_line

MS: Final = 1_000
_REASON_MAX: Final = 200
_DOUBLINGS: Final = 20
_DENIED: Final = frozenset({401, 403, 404, 422})
"""By these the service refuses who asks; by all others it says that it cannot for now."""


class LinkFaultError(Exception):
    """A connection is given up because of what came over it, or did not."""

    what: ClassVar[str] = "fault"


class Notice(NamedTuple):
    """Something that is not as it should be, and was noticed.

    Attributes:
        what: ``connection``, ``silence``, ``garbled``, ``disorder``, ``behind``, ``fault``
            or ``unknown``.
        detail: In words.
    """

    what: str
    detail: str


class Ends(Protocol):
    """What a connection is used for."""

    def purpose(self) -> Purpose:
        """Return what the next connection is for."""
        ...

    async def take(self, message: Incoming, line: str) -> None:
        """Take in one message; what takes its time holds back reading.

        Raises:
            LinkFaultError: The connection is of no more use.
        """
        ...

    async def speak(self, connection: Connection) -> None:
        """Say what there is to say, as long as the connection holds."""
        ...


class SilentError(LinkFaultError):
    """Nothing came for too long."""

    what: ClassVar[str] = "silence"


class GarbleFaultError(LinkFaultError):
    """What came is no message."""

    what: ClassVar[str] = "garbled"


@dataclass(slots=True, kw_only=True)
class Link:
    """A connection, kept until its task is cancelled.

    Attributes:
        dialer: Makes connections.
        lane: To which they are.
        ends: What it is used for.
        limits: Whose budgets hold.
        machine: Whose chance spreads the attempts.
        pulse: Told of every heartbeat.
        notices: Where what was noticed goes.
        looked: Called whenever the pulse may have changed.
        denied: HTTP status of the last refusal, if the same is refused again; else 0.
    """

    dialer: Dialer
    lane: int
    ends: Ends
    limits: Limits
    machine: Machine
    pulse: Pulse
    notices: deque[Notice]
    looked: Callable[[], None]
    denied: int = 0
    _failures: int = field(default=0)
    _said: Notice | None = None

    async def keep(self) -> None:
        """Connect, read, and connect again, for ever."""
        while True:
            self.pulse.begin()
            reason = await self._connected()
            self.pulse.end(reason)
            self.looked()
            self._failures += 1
            await asyncio.sleep(wait_s(self.limits, self.machine, self._failures - 1))

    async def _connected(self) -> str:
        """Use one connection as long as it holds; return why it ended."""
        try:
            async with asyncio.timeout(self.limits.connect_ms / MS):
                connection = await self.dialer.dial(self.lane, self.ends.purpose())
        except TimeoutError:
            return self._noticed("connection", f"none within {self.limits.connect_ms} ms")
        except CutError as error:
            refused = isinstance(error, RefusedError) and error.status in _DENIED
            self.denied = error.status if refused and isinstance(error, RefusedError) else 0
            return self._noticed("connection", _words(error))
        self.denied = 0
        try:
            reason = await self._used(connection)
        except asyncio.CancelledError:
            await self._left(connection)
            raise
        connection.drop()  # it is of no more use; a farewell would wait behind the rest
        return reason

    async def _used(self, connection: Connection) -> str:
        """Read and speak until either ends; return why."""
        ended: list[Exception] = []
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._read(connection))
                both.create_task(self.ends.speak(connection))
        except* (LinkFaultError, TimeoutError, CutError) as group:
            ended.extend(group.exceptions)
        first = ended[0] if ended else SilentError("ended")
        what = first.what if isinstance(first, LinkFaultError) else "connection"
        if isinstance(first, LinkFaultError) and what != "silence":
            self.pulse.doubt = f"{what}: {_words(first)}"
        return self._noticed(what, _words(first))

    async def _read(self, connection: Connection) -> None:
        """Read every message until the connection ends or is of no more use."""
        while True:
            try:
                async with asyncio.timeout(self.limits.silence_ms / MS):
                    text = await connection.receive()
            except TimeoutError as error:
                message = f"nothing came for {self.limits.silence_ms} ms"
                raise SilentError(message) from error
            for line in text.split("\n"):
                if line:
                    await self._take(line)

    async def _take(self, line: str) -> None:
        """Take in one line."""
        try:
            message = read_line(line)
        except GarbledError as error:
            raise GarbleFaultError(str(error)) from error
        if message is None:
            self._noticed("unknown", line)
            return
        if isinstance(message, Heartbeat):
            self._hear(message)
        await self.ends.take(message, line)

    def _hear(self, heartbeat: Heartbeat) -> None:
        """Take in a heartbeat, and give up a connection over which all come late.

        Where the first one did, nobody was there before: another connection knows how old one is.
        """
        if self.pulse.hear(heartbeat):
            self._failures = self._failures if self.pulse.doubt else 0
            self.looked()
        elif self.pulse.unmeasured:
            message = "the first heartbeat came late"
            raise SilentError(message)
        elif self.pulse.silent_ms > self.limits.silence_ms:
            message = f"heartbeats came late for {self.limits.silence_ms} ms"
            raise SilentError(message)

    async def _left(self, connection: Connection) -> None:
        """Take leave, without waiting long for the other side."""
        try:
            async with asyncio.timeout(self.limits.close_ms / MS):
                await connection.leave()
        except (TimeoutError, CutError):
            connection.drop()

    def _noticed(self, what: str, detail: str) -> str:
        """Keep a notice and return it as a reason.

        That nobody speaks in a lane is said once, until somebody does.
        """
        notice = Notice(what, f"{self.pulse.prefix}{detail}"[:_REASON_MAX])
        if notice != self._said or self.pulse.newest is not None:
            self.notices.append(notice)
        self._said = notice
        return detail[:_REASON_MAX]


def _words(error: BaseException) -> str:
    """Return an error in words."""
    return str(error) or type(error).__name__


def wait_s(limits: Limits, machine: Machine, failures: int) -> float:
    """Return how long to wait before the next attempt after so many others."""
    ceiling_ms = min(limits.retry_max_ms, limits.retry_first_ms << min(failures, _DOUBLINGS))
    return ceiling_ms * (0.5 + 0.5 * machine.chance()) / MS
