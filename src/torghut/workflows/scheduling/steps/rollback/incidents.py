"""Stops that a cycle has to answer for beside the one in force: those that died with their cycle.

A process may die between the latch that closes and the rollbacks that follow from it, and people
may open the latch before anybody looks again. What was stopped then is to be taken back all the
same. A cycle that ended as it should has answered for whatever closed the latch until it began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from torghut.eventlog.envelopes import Envelope
from torghut.governance.cycles.cycle import INTERRUPTED
from torghut.schemas.governing.latch import LoopStopped
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.events import LaneCompleted, LaneCrashed
from torghut.schemas.scheduling.cycles import CycleBegan, CycleEnded
from torghut.schemas.types import Message
from torghut.workflows.aggregates import CYCLE_RECORD, STOP_LATCH, Aggregate, rollout_of
from torghut.workflows.scheduling.governor import Governor, Served
from torghut.workflows.scheduling.steps.subjects import RunSubject, promoted_by, run_subject

_REACH: Final = 16
"""Events that are read first, from the end; eight times as many where it takes more."""

_ENDS: Final = (stated_type(LaneCompleted), stated_type(LaneCrashed))

C = TypeVar("C")
E = TypeVar("E", bound=Message)
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A stop that no cycle has answered for.

    Attributes:
        incident_id: Of the stop.
        detected_at_ns: When it was found out.
        position: Where it stands in the log.
    """

    incident_id: str
    detected_at_ns: int
    position: int


async def unanswered(governor: Governor) -> Sequence[Closed]:
    """Return the stops since the last cycle began that ended as it should, oldest first.

    Where cycles end as they should, two cycles' events are read for it.
    """
    since = await _answered_until(governor)
    found: list[Closed] = []
    async for envelope in _newest_first(governor, STOP_LATCH):
        if envelope.position <= since:
            break
        event = STOP_LATCH.read(envelope)
        if isinstance(event, LoopStopped):
            found.append(
                Closed(
                    incident_id=event.incident_id,
                    detected_at_ns=event.at_ns,
                    position=envelope.position,
                )
            )
    return found[::-1]


async def _answered_until(governor: Governor) -> int:
    """Return where the last cycle began that ended as it should; 0 where none did."""
    whole: int | None = None
    async for envelope in _newest_first(governor, CYCLE_RECORD):
        event = CYCLE_RECORD.read(envelope)
        if isinstance(event, CycleEnded) and whole is None and event.reason != INTERRUPTED:
            whole = event.cycle
        elif isinstance(event, CycleBegan) and event.cycle == whole:
            return envelope.position
    return 0


async def _newest_first(
    governor: Governor, aggregate: Aggregate[C, E, S]
) -> AsyncIterator[Envelope]:
    """Yield the events of a stream from its end, of which no more are read than are looked at."""
    streams = governor.governance.streams
    left = await streams.version(aggregate.decider, aggregate.read, aggregate.stream)
    reach = _REACH
    while left > 0:
        after = max(0, left - reach)
        found = await streams.store.read_events(aggregate.stream, after=after)
        for envelope in reversed([one for one in found if one.version <= left]):
            yield envelope
        left, reach = after, reach * 8


async def held_at(
    governor: Governor, terms: Sequence[Served], position: int
) -> Sequence[RunSubject]:
    """Return the runs that were governed at a place of the log: they served, or ended last."""
    held: list[RunSubject] = []
    for term in terms:
        if term.since <= position and (term.until is None or term.until > position):
            held += await promoted_by(governor, term)
    for ended in (await governor.lane.ended_since(position))[:1]:
        run = await run_subject(governor, ended)
        if run is not None and await _ended_at(governor, run) <= position:
            held.append(run)
    return list(dict.fromkeys(held))


async def _ended_at(governor: Governor, run: RunSubject) -> int:
    """Return where in the log the lane of a run ended."""
    rollout = rollout_of(run.run_id, run.attempt)
    return max([await governor.governance.last_position(rollout, kind) for kind in _ENDS])
