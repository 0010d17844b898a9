"""Governance's streams by name: which decider each one is under, and how its events are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter

from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Causes, Envelope, read_event
from torghut.governance.allotting.allotment import ALLOTMENTS, AllotmentCommand, AllotmentState
from torghut.governance.cycles.cycle import CYCLES, CycleCommand, CycleState
from torghut.governance.leasing.epochs import EPOCHS, EpochCommand, EpochState
from torghut.governance.releases.releasing import SIGNED_LATCH, SignedCommand, SignedLatch
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    RolloutCommand,
    RolloutState,
    rollout_stream,
)
from torghut.governance.safety.canary import CANARY, CanaryCommand, CanaryState
from torghut.governance.safety.continuity import CONTINUITY, ContinuityState, ObserveCycle
from torghut.governance.safety.drift_actions import DRIFT_ACTIONS, DriftCommand, DriftState
from torghut.governance.safety.latch import LATCH, LatchCommand
from torghut.governance.safety.rollback import ROLLBACK, RollbackCommand, RollbackState
from torghut.governance.safety.stopping import LatchState
from torghut.governance.slo.latency import LATENCY, LatencyState, ReadLatency
from torghut.schemas.governing.canary import CANARY_EVENT, CanaryEvent
from torghut.schemas.governing.continuity import CONTINUITY_EVENT, ContinuityEvent
from torghut.schemas.governing.drift import DRIFT_EVENT, DriftEvent
from torghut.schemas.governing.latch import LATCH_EVENT, LatchEvent
from torghut.schemas.governing.lease import LEASE_EVENT, LeaseEvent
from torghut.schemas.governing.rollback import ROLLBACK_EVENT, RollbackEvent
from torghut.schemas.rollout.events import ROLLOUT_EVENT, RolloutEvent
from torghut.schemas.scheduling.allotments import ALLOTMENT_EVENT, AllotmentEvent
from torghut.schemas.scheduling.cycles import CYCLE_EVENT, CycleEvent
from torghut.schemas.staging.latency import LATENCY_EVENT, LatencyRead
from torghut.schemas.types import Message
from torghut.workflows.streams import Streams

C = TypeVar("C")
E = TypeVar("E", bound=Message)
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Generic[C, E, S]):
    """One stream under its decider.

    Attributes:
        stream: Its name.
        decider: Of its commands, events and state.
        events: Reads its events.
    """

    stream: str
    decider: Decider[C, E, S]
    events: TypeAdapter[E]

    def read(self, envelope: Envelope) -> E:
        """Return the event in ``envelope``.

        Raises:
            EventUnreadableError: It is none of this stream.
        """
        return read_event(envelope, self.events, {})


LATCH_NAME: Final = "main"

_REACH: Final = 8
"""Events looked at first for the last one of a type; eight times as many where it is not there."""

CYCLE_RECORD: Final[Aggregate[CycleCommand, CycleEvent, CycleState]] = Aggregate(
    stream="cycles-main", decider=CYCLES, events=CYCLE_EVENT
)
LEASE: Final[Aggregate[EpochCommand, LeaseEvent, EpochState]] = Aggregate(
    stream="lease-governance", decider=EPOCHS, events=LEASE_EVENT
)
STOP_LATCH: Final[Aggregate[LatchCommand, LatchEvent, LatchState]] = Aggregate(
    stream=f"latch-{LATCH_NAME}", decider=LATCH, events=LATCH_EVENT
)
STOP_LATCH_SIGNED: Final[Aggregate[SignedCommand, LatchEvent, SignedLatch]] = Aggregate(
    stream=STOP_LATCH.stream, decider=SIGNED_LATCH, events=LATCH_EVENT
)
"""The same stream, for whoever opens the latch or acts on its opening."""
DRIFT: Final[Aggregate[DriftCommand, DriftEvent, DriftState]] = Aggregate(
    stream="drift-main", decider=DRIFT_ACTIONS, events=DRIFT_EVENT
)
SIGNALS: Final[Aggregate[ObserveCycle, ContinuityEvent, ContinuityState]] = Aggregate(
    stream="continuity-main", decider=CONTINUITY, events=CONTINUITY_EVENT
)
ALLOTTER: Final[Aggregate[AllotmentCommand, AllotmentEvent, AllotmentState]] = Aggregate(
    stream="allotments-main", decider=ALLOTMENTS, events=ALLOTMENT_EVENT
)

LATENCIES: Final[Aggregate[ReadLatency, LatencyRead, LatencyState]] = Aggregate(
    stream="latency-main", decider=LATENCY, events=LATENCY_EVENT
)


def rollback_of(
    run_id: str, attempt: int = 1
) -> Aggregate[RollbackCommand, RollbackEvent, RollbackState]:
    """Return the rollback of an attempt at a run."""
    return Aggregate(
        stream=f"rollback-{_attempt(run_id, attempt)}", decider=ROLLBACK, events=ROLLBACK_EVENT
    )


def canary_of(run_id: str, attempt: int = 1) -> Aggregate[CanaryCommand, CanaryEvent, CanaryState]:
    """Return the paper canary of an attempt at a run."""
    return Aggregate(
        stream=f"canary-{_attempt(run_id, attempt)}", decider=CANARY, events=CANARY_EVENT
    )


def _attempt(run_id: str, attempt: int) -> str:
    """Return what names an attempt at a run in a stream."""
    return run_id if attempt == 1 else f"{run_id}:{attempt}"


def rollout_of(
    run_id: str, attempt: int = 1
) -> Aggregate[RolloutCommand, RolloutEvent, RolloutState]:
    """Return the rollout of an attempt at a run."""
    return Aggregate(stream=rollout_stream(run_id, attempt), decider=ROLLOUT, events=ROLLOUT_EVENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """Governance's streams in the hands of one who writes them.

    Attributes:
        streams: Of governance's log.
        causes: Why what is appended is appended.
    """

    streams: Streams
    causes: Causes

    async def run(self, aggregate: Aggregate[C, E, S], command: C) -> Sequence[E]:
        """Run ``command`` and return the events it caused.

        Raises:
            TorghutError: The decider refused it, or the log did.
        """
        return await self.streams.run(
            aggregate.decider, aggregate.read, aggregate.stream, command, causes=self.causes
        )

    async def last_position(self, aggregate: Aggregate[C, E, S], kind: str) -> int:
        """Return where in the log the last event of type ``kind`` stands; 0 where there is none.

        Places in one log order the events of all its streams, whatever clocks said.
        """
        version = await self.streams.version(aggregate.decider, aggregate.read, aggregate.stream)
        reach = _REACH
        while True:
            after = max(0, version - reach)
            found = await self.streams.store.read_events(aggregate.stream, after=after)
            places = [one.position for one in found if one.type == kind]
            if places or not after:
                return max(places, default=0)
            reach *= _REACH

    async def place(self, aggregate: Aggregate[C, E, S]) -> int:
        """Return where in the log the last event of ``aggregate`` stands; 0 where there is none."""
        version = await self.streams.version(aggregate.decider, aggregate.read, aggregate.stream)
        found = await self.streams.store.read_events(aggregate.stream, after=max(0, version - 1))
        return found[-1].position if found else 0

    async def since(self, aggregate: Aggregate[C, E, S], position: int) -> Sequence[Envelope]:
        """Return the events of ``aggregate`` behind a place in the log, oldest first."""
        version = await self.streams.version(aggregate.decider, aggregate.read, aggregate.stream)
        reach = _REACH
        while True:
            after = max(0, version - reach)
            found = await self.streams.store.read_events(aggregate.stream, after=after)
            if not after or (found and found[0].position <= position):
                return [one for one in found if one.position > position]
            reach *= _REACH

    async def state(self, aggregate: Aggregate[C, E, S]) -> S:
        """Return what the events of ``aggregate`` come to.

        Raises:
            LogIntegrityError: One is not as it was written.
        """
        return await self.streams.state(aggregate.decider, aggregate.read, aggregate.stream)
