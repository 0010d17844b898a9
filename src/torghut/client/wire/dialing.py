"""How a client reaches the live service, whatever carries the lines between the two.

A service decides in lanes, one for each partition of its log; each has a stream, heartbeats and
answers of its own. One that listens by itself has a single lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from torghut.client.limits import Limits
from torghut.schemas.live.position import Position

Use = Literal["outcomes", "controls", "answers"]
"""outcomes: read in order. controls: what becomes of control records. answers: to questions."""


class CutError(Exception):
    """A connection ended, or none came about; why, in words."""


class RefusedError(CutError):
    """The service will not have this client.

    Attributes:
        status: HTTP status by which it says so.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with HTTP status {status}")
        self.status = status


class Purpose(NamedTuple):
    """What a connection is for.

    Attributes:
        use: Of it.
        after: The position after which it begins; None: now.
    """

    use: Use
    after: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One partition of the service's log.

    Attributes:
        number: Of the partition.
        first: Position before the first outcome that is kept; None where only the service knows.
        end: Position of the last one, or before the first; None likewise.
    """

    number: int
    first: Position | None = None
    end: Position | None = None

    @property
    def used(self) -> bool:
        """Whether anything was ever decided in it, as far as is known here."""
        return self.end is not None and self.end.block >= 0


class Connection(Protocol):
    """One connection to one lane, over which lines come and go."""

    async def receive(self) -> str:
        """Return the next lines, separated by line feeds; who stops waiting loses none.

        Raises:
            CutError: It has ended.
        """
        ...

    async def send(self, lines: str) -> None:
        """Send lines, separated by line feeds; the one who waits keeps the time.

        Raises:
            CutError: It has ended, or it is not known whether they arrive.
        """
        ...

    async def leave(self) -> None:
        """Take leave; the one who waits keeps the time.

        Raises:
            CutError: The other side is gone already.
        """
        ...

    def drop(self) -> None:
        """Give it up at once, without a farewell."""
        ...


class Dialer(Protocol):
    """Makes connections to one service."""

    @property
    def shown(self) -> str:
        """Where the service is, as it was written."""
        ...

    @property
    def limits(self) -> Limits:
        """Whose frames and times hold."""
        ...

    @property
    def known(self) -> Sequence[Lane]:
        """The service's lanes; nothing where they have to be asked for."""
        ...

    def check(self) -> None:
        """Look whether there is what is to be shown to the service.

        Raises:
            TokenUnreadableError: There is no token.
        """
        ...

    def lane_of(self, symbol: str, lanes: Sequence[Lane]) -> Sequence[int]:
        """Return in which lanes a symbol may be decided; ``*`` is decided in all of them."""
        ...

    async def lanes(self) -> Sequence[Lane]:
        """Return the service's lanes, asked for; the one who waits keeps the time.

        Raises:
            CutError: Nobody tells.
        """
        ...

    async def dial(self, lane: int, purpose: Purpose) -> Connection:
        """Return a new connection; the one who waits for it keeps the time.

        Raises:
            CutError: There is none.
        """
        ...

    async def close(self) -> None:
        """Let go of whatever the connections shared."""
        ...
