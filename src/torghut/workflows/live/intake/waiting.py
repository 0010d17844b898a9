"""What waits to be decided: contexts, records that are none, and control records, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from torghut.market.ports import Cursor, Quarantined
from torghut.schemas.control import ControlRecord
from torghut.schemas.live.delivery import Answered
from torghut.workflows.live.errors import QueueFullError
from torghut.workflows.live.intake.stamping import Stamp

_REST_S: Final = 0.001
"""After a block, until some of what was put aside is taken: as long as telling of it takes."""

Beside = tuple[str, int]
"""An input that is read beside the source, and the place in it after what was taken."""


class WaitingContext(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A context that has come in; a struct, since one is made for every context.

    Attributes:
        context_id: What names it.
        symbol: A declared instrument.
        source: sha256 of the source part that it comes from.
        row: The fields of ``rows.CONTEXT``; its symbol and source are numbered when it is taken.
        stamp: When it came in.
        after: The source's position after it: in one that has no parts how many of its records
            were read; None where the source cannot be read again.
    """

    context_id: str
    symbol: str
    source: str
    row: tuple[float, ...]
    stamp: Stamp
    after: Cursor | int | None = None

    @property
    def cursor(self) -> Cursor | None:
        """The source's position after it; made when it is asked for, of few among many."""
        return Cursor(record=self.after) if isinstance(self.after, int) else self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingQuarantine:
    """A record that is no context, to be kept as it was found.

    Attributes:
        source: sha256 of the source part.
        record: What is kept of it.
        cursor: As of a context.
        beside: Where it was taken from, if not from the source.
        urgent: As of a control record.
        trace: The W3C trace that it is part of; empty where nobody says.
    """

    source: str
    record: Quarantined
    cursor: Cursor | None = None
    beside: Beside | None = None
    urgent: bool = False
    trace: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingControl:
    """A control record that has come in.

    Attributes:
        record: As parsed.
        refusal: Why it is refused, whatever the fold says; empty if it is not.
        answer: Whom to tell; None for nobody.
        cursor: As of a context.
        beside: Where it was taken from, if not from the source. What comes from one such input
            is urgent, all of it: in its order, so that its place never runs ahead.
        urgent: Whether it goes before everything that waits.
        ends: Of a release, the control id of the throw that it ends, and of no other; empty where
            the record holds whatever was thrown meanwhile.
    """

    record: ControlRecord
    refusal: str = ""
    urgent: bool = False
    ends: str = ""
    answer: asyncio.Future[Answered] | None = None
    cursor: Cursor | None = None
    beside: Beside | None = None


Item = WaitingContext | WaitingQuarantine | WaitingControl


def moving(item: Item, cursor: Cursor) -> Item:
    """Return an item that moves its source's cursor."""
    if isinstance(item, WaitingContext):
        return msgspec.structs.replace(item, after=cursor)
    return replace(item, cursor=cursor)


@dataclass(slots=True)
class WaitingLine:
    """A bounded line; what is urgent always finds a place, and stands at its front.

    Contexts do not take the place of control records: there is as much room again for those, and
    again for what is urgent and can wait elsewhere.

    Attributes:
        limit: Most contexts and quarantined records that may wait, most control records, and most
            of what is urgent, before a source that can wait is held back.
        closed: Whether nothing more may come.
    """

    limit: int
    closed: bool = False
    _urgent: deque[Item] = field(default_factory=deque)
    _items: deque[Item] = field(default_factory=deque)
    _bounded: int = 0
    _patient: deque[tuple[float, Item]] = field(default_factory=deque)
    _patience: asyncio.TimerHandle | None = None
    _resting: asyncio.TimerHandle | None = None
    _served: bool = False
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _room_for_urgent: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._note_room()

    def __len__(self) -> int:
        """Return how many contexts and quarantined records wait that are not urgent."""
        return self._bounded

    @property
    def has_room(self) -> bool:
        """Whether one more may come from a source that can wait."""
        return self._room.is_set()

    def check_room(self, count: int, *, retry_after_ms: int) -> None:
        """Check that so many contexts may come.

        Raises:
            QueueFullError: Too many wait.
        """
        self._check(self._bounded, count, retry_after_ms)

    def check_room_for_controls(self, count: int, *, retry_after_ms: int) -> None:
        """Check that so many control records may come that are not urgent.

        Raises:
            QueueFullError: Too many wait.
        """
        self._check(self.controls, count, retry_after_ms)

    @property
    def controls(self) -> int:
        """How many control records wait that are not urgent."""
        return len(self._items) - self._bounded

    @property
    def urgent(self) -> bool:
        """Whether something waits that goes before everything else."""
        return bool(self._urgent)

    def put(self, items: Sequence[Item]) -> None:
        """Let items wait behind all others; urgent ones behind what is urgent."""
        for item in items:
            if _is_urgent(item):
                self._urgent.append(item)
            else:
                self._items.append(item)
                self._bounded += type(item) is not WaitingControl
        self._put(items)

    def put_aside(self, items: Sequence[Item], *, within_s: float) -> None:
        """Let items wait for a moment in which they hold nobody up.

        They take their places in turn where the loop may ``rest``, and all that are left after
        ``within_s`` seconds.
        """
        until_s = asyncio.get_running_loop().time() + within_s
        self._patient += [(until_s, item) for item in items]
        self._keep_patience()

    def rest(self) -> None:
        """Let the first item that was put aside take its place soon, if nothing else waits.

        Not at once: who was just told is on the way, and a block under way would hold them up. Not
        more than one, and none after a block without anything that came in: whoever comes next
        waits for one at most.
        """
        if self._served and self._empty and self._patient:
            self._rouse()
            self._resting = asyncio.get_running_loop().call_later(_REST_S, self._take_turn)

    def put_back(self, items: Sequence[Item]) -> None:
        """Let items that were taken wait again as they did."""
        for item in reversed(items):
            if _is_urgent(item):
                self._urgent.appendleft(item)
            else:
                self._items.appendleft(item)
                self._bounded += type(item) is not WaitingControl
        self._put(items)

    def take(self, most: int) -> Sequence[Item]:
        """Take items out, from the front, at most ``most``."""
        self._rouse()
        urgent = _taken(self._urgent, most)
        usual = _taken(self._items, most - len(urgent))
        came = sum([type(item) is not WaitingControl for item in usual])
        self._served = came > 0
        self._bounded -= came
        self._note_room()
        return [*urgent, *usual]

    def close(self) -> None:
        """Let nothing more come; what waits is still taken."""
        self.closed = True
        self._moved.set()

    async def filled(self) -> bool:
        """Wait until something waits; return False once nothing ever will."""
        while self._empty:
            if self.closed:
                self._lose_patience()
                return not self._empty
            self._moved.clear()
            await self._moved.wait()
        return True

    async def room(self) -> None:
        """Wait until one more may come: how a source that can wait is held back."""
        await self._room.wait()

    async def room_for_urgent(self) -> None:
        """Wait while very many urgent items wait; however many others do holds none of them up."""
        await self._room_for_urgent.wait()

    def _check(self, waiting: int, count: int, retry_after_ms: int) -> None:
        """Check that ``count`` more may wait; what is more than may ever wait comes alone.

        Raises:
            QueueFullError: They may not.
        """
        if waiting and waiting + count > self.limit:
            raise QueueFullError(waiting=waiting, limit=self.limit, retry_after_ms=retry_after_ms)

    @property
    def _empty(self) -> bool:
        """Whether nothing waits but what was put aside."""
        return not self._items and not self._urgent

    def _keep_patience(self) -> None:
        """Let what was put aside wait for as long as all of it may."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._patient:
            until_s = min([until_s for until_s, _ in self._patient])
            loop = asyncio.get_running_loop()
            self._patience = loop.call_at(until_s, self._lose_patience)

    def _lose_patience(self) -> None:
        """Let everything that was put aside take its place."""
        patient, self._patient = self._patient, deque()
        self._keep_patience()
        self.put([item for _, item in patient])

    def _take_turn(self) -> None:
        """Let the first of what was put aside take its place, in a moment in which nothing came."""
        self._resting = None
        if self._empty and self._patient:
            _, item = self._patient.popleft()
            self._keep_patience()
            self.put([item])

    def _rouse(self) -> None:
        """Let nothing that was put aside take its place until the next rest."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _put(self, items: Sequence[Item]) -> None:
        """Wake who waits for what was put, and note whether there is room left."""
        if items:
            self._moved.set()
        self._note_room()

    def _note_room(self) -> None:
        """Hold back, or let go on, sources that can wait."""
        _show(self._room, there=self._bounded < self.limit and self.controls < self.limit)
        _show(self._room_for_urgent, there=len(self._urgent) < self.limit)


def _is_urgent(item: Item) -> bool:
    """Return whether an item goes before everything else."""
    return not isinstance(item, WaitingContext) and item.urgent


def _taken(items: deque[Item], most: int) -> list[Item]:
    """Take the first items, at most ``most``."""
    return [items.popleft() for _ in range(min(most, len(items)))]


def _show(room: asyncio.Event, *, there: bool) -> None:
    """Let go on who waits for room if it is there; else hold back who asks next."""
    if not there:
        room.clear()
    elif not room.is_set():
        room.set()
