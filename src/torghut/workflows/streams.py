"""Deciders over streams that several processes append to, of which only what is new is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.eventlog.ports import EventStore
from torghut.schemas.types import Message

C = TypeVar("C")
E = TypeVar("E", bound=Message)
S = TypeVar("S")

RETRIES: Final = 8
"""Times a command is decided again because another process appended in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known(Generic[S]):
    """What the first events of a stream came to.

    Attributes:
        decider: That folded them.
        version: How many they are.
        digest: Of the last of them.
    """

    decider: object
    version: int
    digest: str
    state: S


class Streams:
    """The streams of ``store``, each with what its events came to when it was last looked at.

    What is kept is only ever the fold of what was read. Every look reads what came after it and
    the last event before, which must still be the one that was folded.

    Args:
        store: That other processes may append to as well.
        retries: Times a command is decided again after a conflict.
    """

    def __init__(self, store: EventStore, *, retries: int = RETRIES) -> None:
        self.store = store
        self._retries = retries
        self._known: dict[str, object] = {}

    async def run(
        self,
        decider: Decider[C, E, S],
        parse: Callable[[Envelope], E],
        stream: str,
        command: C,
        *,
        causes: Causes,
    ) -> Sequence[E]:
        """Run ``command`` against ``stream`` and return the events it caused.

        Raises:
            ConcurrencyConflictError: Others appended in between, time and again.
            TorghutError: The decider refused, or the store did.
        """
        for left in range(self._retries, -1, -1):
            known = await self._look(decider, parse, stream)
            events = decider.decide(command, known.state)
            if not events:
                return events
            try:
                await self.store.append_events(
                    stream, events, expected_version=known.version, causes=causes
                )
            except ConcurrencyConflictError:
                self._known.pop(stream, None)
                if not left:
                    raise
            else:
                return events
        raise AssertionError  # the last round returned or raised

    async def state(
        self, decider: Decider[C, E, S], parse: Callable[[Envelope], E], stream: str
    ) -> S:
        """Return what the events of ``stream`` come to."""
        return (await self._look(decider, parse, stream)).state

    async def version(
        self, decider: Decider[C, E, S], parse: Callable[[Envelope], E], stream: str
    ) -> int:
        """Return how many events ``stream`` has."""
        return (await self._look(decider, parse, stream)).version

    async def _look(
        self, decider: Decider[C, E, S], parse: Callable[[Envelope], E], stream: str
    ) -> _Known[S]:
        """Return what the events of ``stream`` come to, reading no more of them than is needed."""
        kept = self._known.get(stream)
        if isinstance(kept, _Known) and kept.decider is decider:
            known = cast("_Known[S]", kept)
            found = await self.store.read_events(stream, after=known.version - 1)
            if found and found[0].digest == known.digest:
                return self._keep(decider, parse, stream, known, found[1:])
        nothing = _Known(decider=decider, version=0, digest="", state=decider.initial)
        return self._keep(decider, parse, stream, nothing, await self.store.read_events(stream))

    def _keep(
        self,
        decider: Decider[C, E, S],
        parse: Callable[[Envelope], E],
        stream: str,
        known: _Known[S],
        added: Sequence[Envelope],
    ) -> _Known[S]:
        """Return ``known`` with ``added`` folded in, and keep it."""
        if not added:
            return known
        state = known.state
        for envelope in added:
            state = decider.evolve(state, parse(envelope))
        now = _Known(
            decider=decider, version=added[-1].version, digest=added[-1].digest, state=state
        )
        self._known[stream] = now
        return now
