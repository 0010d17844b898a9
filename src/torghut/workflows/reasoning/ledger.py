"""The ledger of asking: what begins is durable before anybody is asked; many share one append.

One process writes it, and holds a lock file for as long. It decides on what it has told the store
so far; whatever waits to be told goes in one append, so that questions at once cost the disk no
more than one, and what ended waits a moment for the next that begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from torghut.eventlog.envelopes import Causes, read_event
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.eventlog.ports import EventStore
from torghut.kernel.clock import WallClock
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.ledger import (
    AskingCommand,
    AskingDecider,
    AskingState,
    BeginQuestion,
    EndQuestion,
    LoseQuestions,
    OpenDay,
    evolve,
)
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.ledger import ASKING_EVENT, AskingEvent, BreakerChanged
from torghut.workflows.reasoning.ports import AskingWitness

PREFIX: Final = "asking-"
_UNTOLD: Final = "reasoning.unrecorded"
_SOON_S: Final = 0.25
"""Longest that what ended waits for another question to share its append."""
_CAUSES: Final = Causes(correlation_id="asking", causation_id="asking")


def day_stream(at_ns: int) -> str:
    """Return the stream of the day of a time, in UTC."""
    return f"{PREFIX}{datetime.fromtimestamp(at_ns // NS_PER_S, UTC):%Y-%m-%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingStands:
    """What the newest day's stream comes to.

    Attributes:
        stream: Its name; empty where nobody was ever asked.
        version: Events in it.
        state: What they come to.
        last_change: Of the breaker, on that day; None without one.
    """

    stream: str
    version: int
    state: AskingState
    last_change: BreakerChanged | None


async def asking_stands(store: EventStore) -> AskingStands:
    """Return how asking stands on record.

    Raises:
        LogReadError: The store does not answer.
        LogIntegrityError: It does not hold together.
    """
    streams = await store.streams(PREFIX)
    if not streams:
        return AskingStands(stream="", version=0, state=AskingState(), last_change=None)
    stream = max(streams)
    state, last = AskingState(), None
    envelopes = await store.read_events(stream)
    for envelope in envelopes:
        event = read_event(envelope, ASKING_EVENT, {})
        state = evolve(state, event)
        last = event if isinstance(event, BreakerChanged) else last
    return AskingStands(stream=stream, version=len(envelopes), state=state, last_change=last)


@dataclass(slots=True, kw_only=True)
class AskingLedger:
    """What was asked, as one process records it; ``open`` it first.

    Attributes:
        store: Of events.
        decider: Of asking, under its limits.
        wall: Times what is recorded.
        witness: Told of the breaker's states.
        state: As of everything decided so far.
    """

    store: EventStore
    decider: AskingDecider
    wall: WallClock
    witness: AskingWitness
    state: AskingState = field(default_factory=AskingState)
    _stream: str = ""
    _version: int = 0
    _untold: list[AskingEvent] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _appending: set[asyncio.Task[None]] = field(default_factory=set)
    _soon: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Go on from what is on record; what was under way then is lost.

        Raises:
            LogReadError: The store does not answer.
            LogWriteError: Likewise.
        """
        stands = await asking_stands(self.store)
        self._stream, self._version, self.state = stands.stream, stands.version, stands.state
        if self._stream:
            self._take(LoseQuestions(at_ns=self.wall.now_ns()))
        await self._tell()

    async def begin(self, context_id: str) -> int:
        """Return the number of a question that may be asked, once that is durable.

        Raises:
            AskRefusedError: Nobody may be asked.
            TorghutError: It cannot be made durable, so that nobody may either.
        """
        await self._turn_day()
        number = self.state.next_question
        self._take(BeginQuestion(context_id=context_id, at_ns=self.wall.now_ns()))
        try:
            await self._tell()
        except BaseException:  # cancelled too: nothing may stay under way that nobody asks
            at_ns = self.wall.now_ns()
            self._take(
                EndQuestion(
                    question=number,
                    resolution="failed",
                    code=_UNTOLD,
                    tokens=0,
                    at_ns=at_ns,
                    asked=False,
                )
            )
            raise
        return number

    def end(
        self,
        number: int,
        resolution: ResolutionName,
        *,
        code: str,
        tokens: int | None,
        asked: bool = True,
    ) -> None:
        """Take in what became of a question, soon durable; nobody waits for that.

        Of a fault before anybody was ``asked`` nothing counts against the endpoint.

        It is told with the next question that begins, or by itself after ``_SOON_S`` seconds; where
        the store does not answer, with the one after. A death until then leaves the question's
        reserve spent.
        """
        self._take(
            EndQuestion(
                question=number,
                resolution=resolution,
                code=code,
                tokens=tokens,
                at_ns=self.wall.now_ns(),
                asked=asked,
            )
        )
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON_S, self._tell_ends)

    async def settled(self) -> None:
        """Tell what ended, and wait until everything is told that is on its way."""
        if self._soon is not None:
            self._soon.cancel()
            self._tell_ends()
        while self._appending:
            await asyncio.wait(list(self._appending))

    def _tell_ends(self) -> None:
        """Begin to tell what ended, unless a question that began meanwhile told it."""
        self._soon = None
        telling = asyncio.ensure_future(self._told())
        self._appending.add(telling)
        telling.add_done_callback(self._appended)

    async def _told(self) -> None:
        """Tell what waits; where the store does not answer, it is told with the next question."""
        try:
            await self._tell()
        except TorghutError as fault:
            self.witness.unkept("ended questions", fault)

    async def _turn_day(self) -> None:
        """Begin another stream where it is another day and nothing is under way."""
        stream = day_stream(self.wall.now_ns())
        if stream <= self._stream or self.state.under_way:
            return
        await self._tell()
        if self._untold or self.state.under_way or stream <= self._stream:
            return  # somebody else did it, or began meanwhile
        before = self.state
        self._stream, self._version, self.state = stream, 0, AskingState()
        self._take(OpenDay(before=before, at_ns=self.wall.now_ns()))

    def _take(self, command: AskingCommand) -> None:
        """Decide, and let what follows wait to be told.

        Raises:
            AskRefusedError: Nobody may be asked.
        """
        events: Sequence[AskingEvent] = self.decider.decide(command, self.state)
        for event in events:
            self.state = evolve(self.state, event)
            if isinstance(event, BreakerChanged):
                self.witness.changed(event.before, event.after, event.code)
        self._untold += events

    async def _tell(self) -> None:
        """Make everything durable that was decided until now.

        Whoever is cancelled meanwhile leaves the append to end by itself: half of one would leave
        the ledger and the store apart.

        Raises:
            TorghutError: It cannot be.
        """
        appending = asyncio.ensure_future(self._append())
        self._appending.add(appending)
        appending.add_done_callback(self._appended)
        await asyncio.shield(appending)

    def _appended(self, appending: asyncio.Task[None]) -> None:
        """Let go of an append that is over; whoever waits for it is told its fault."""
        self._appending.discard(appending)
        _ = appending.cancelled() or appending.exception()

    async def _append(self) -> None:
        """Append what waits, all at once; whoever waited for the turn finds it told already."""
        async with self._turn:
            telling = list(self._untold)
            if not telling:
                return
            try:
                version = await self.store.append_events(
                    self._stream, telling, expected_version=self._version, causes=_CAUSES
                )
            except ConcurrencyConflictError:
                await self._take_up(telling)
                raise
            self._version = version
            del self._untold[: len(telling)]

    async def _take_up(self, telling: Sequence[AskingEvent]) -> None:
        """Go on from what the store kept of an append that it said it had not."""
        kept = await self.store.read_events(self._stream, after=self._version)
        events = [read_event(envelope, ASKING_EVENT, {}) for envelope in kept]
        if events == list(telling[: len(events)]):
            self._version += len(events)
            del self._untold[: len(events)]
