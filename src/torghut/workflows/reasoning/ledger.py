"""The ledger of asking: what begins is durable before anybody is asked; many share one append.

One process writes it. It decides on what it has told the store so far; whatever waits to be told
goes in one append, so that questions at once cost the disk no more than one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from torghut.eventlog.envelopes import Causes, read_event
from torghut.eventlog.errors import LogWriteError
from torghut.eventlog.ports import EventStore
from torghut.kernel.clock import WallClock
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.ledger import (
    Asking,
    AskingCommand,
    AskingDecider,
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
    state: Asking
    last_change: BreakerChanged | None


async def asking_stands(store: EventStore) -> AskingStands:
    """Return how asking stands on record.

    Raises:
        LogReadError: The store does not answer.
        LogIntegrityError: It does not hold together.
    """
    streams = await store.streams(PREFIX)
    if not streams:
        return AskingStands(stream="", version=0, state=Asking(), last_change=None)
    stream = max(streams)
    state, last = Asking(), None
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
    state: Asking = field(default_factory=Asking)
    _stream: str = ""
    _version: int = 0
    _untold: list[AskingEvent] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

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
            LogWriteError: It cannot be made durable, so that nobody may either.
        """
        await self._turn_day()
        number = self.state.next_question
        self._take(BeginQuestion(context_id=context_id, at_ns=self.wall.now_ns()))
        try:
            await self._tell()
        except LogWriteError as fault:
            at_ns = self.wall.now_ns()
            self._take(
                EndQuestion(
                    question=number, resolution="failed", code=fault.code, tokens=0, at_ns=at_ns
                )
            )
            raise
        return number

    async def end(
        self, number: int, resolution: ResolutionName, *, code: str, tokens: int | None
    ) -> None:
        """Take in what became of a question, soon durable.

        Where the store does not answer, it is told with the next one; a death until then leaves
        the question's reserve spent.
        """
        self._take(
            EndQuestion(
                question=number,
                resolution=resolution,
                code=code,
                tokens=tokens,
                at_ns=self.wall.now_ns(),
            )
        )
        try:
            await self._tell()
        except LogWriteError as fault:
            self.witness.unkept(f"question {number}", fault)

    async def _turn_day(self) -> None:
        """Begin another stream where it is another day and nothing is under way."""
        stream = day_stream(self.wall.now_ns())
        if stream <= self._stream or self.state.under_way:
            return
        async with self._turn:
            await self._append()
            if self._untold or stream <= self._stream:
                return
            before = self.state
            self._stream, self._version, self.state = stream, 0, Asking()
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

        Raises:
            LogWriteError: It cannot be.
        """
        async with self._turn:  # whoever waited here finds it told already
            await self._append()

    async def _append(self) -> None:
        """Append what waits, all at once."""
        telling, count = list(self._untold), len(self._untold)
        if not telling:
            return
        self._version = await self.store.append_events(
            self._stream, telling, expected_version=self._version, causes=_CAUSES
        )
        del self._untold[:count]
