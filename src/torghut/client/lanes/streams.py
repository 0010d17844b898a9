"""The streams of all lanes as one, for one reader: each in its own order, none before another."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from typing_extensions import override

from torghut.client.lanes.places import Places
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.stream.buffer import Buffer
from torghut.client.stream.connections import Connections
from torghut.client.stream.controls import ControlFollowing, ReceivedControl
from torghut.client.stream.following import Following, Received
from torghut.client.stream.link import Ends
from torghut.client.stream.ordering import Ordering
from torghut.client.stream.pulse import Pulse
from torghut.client.stream.standing import Standing
from torghut.client.wire.dialing import Lane
from torghut.schemas.live.position import Position

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a client has to reach its service.

    Attributes:
        connections: To it.
        standing: Of the client.
        limits: Whose budgets hold.
        machine: Whose clocks count.
    """

    connections: Connections
    standing: Standing
    limits: Limits
    machine: Machine

    def pulse(self, lane: Lane, *, of: Sequence[Lane], needed: bool = False) -> Pulse:
        """Return a pulse of one lane ``of`` all, named if it is not the only one."""
        name = f"partition {lane.number}" if len(of) > 1 else ""
        idle = len(of) > 1 and not lane.used
        return Pulse(self.limits, self.machine, needed=needed, name=name, idle=idle)


@dataclass(slots=True, kw_only=True)
class Streams(ABC, Generic[R]):
    """What is received in all lanes, once they are known, on its way to one reader.

    Attributes:
        reach: Of the client.
        until_head: End once what the service had at first was taken, instead of going on.
        waiting: For the reader.
    """

    reach: Reach
    until_head: bool
    waiting: Buffer[R] = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make room for as many as may wait, of all lanes together."""
        self.waiting = Buffer(self.reach.limits.queue_max)

    def open(self, lanes: Sequence[Lane], tasks: asyncio.TaskGroup) -> None:
        """Begin to read every lane."""
        self.waiting.sources = len(lanes)
        for lane in lanes:
            ends, pulse = self.ends_of(lane, lanes)
            self._tasks.append(self.reach.connections.keep(ends, pulse, tasks, lane=lane.number))

    @abstractmethod
    def ends_of(self, lane: Lane, lanes: Sequence[Lane]) -> tuple[Ends, Pulse]:
        """Return what takes in what comes in a lane, and what tells whether it is alive."""

    def end(self) -> None:
        """Read no more."""
        self.waiting.end()
        for task in self._tasks:
            task.cancel()


@dataclass(slots=True, kw_only=True)
class Outcomes(Streams[Received]):
    """The outcomes of all lanes.

    Attributes:
        begin: Where each is followed from.
    """

    begin: Places
    _followings: dict[int, Following] = field(default_factory=dict)

    @property
    def left_at(self) -> Places:
        """Where another stream goes on; lanes of which nothing was heard begin as this one did."""
        left = {number: one.left_at for number, one in self._followings.items()}
        known = {number: at for number, at in left.items() if at is not None}
        return Places(positions={**self.begin.positions, **known}, otherwise=self.begin.otherwise)

    def hand_over(self) -> Received:
        """Return the oldest outcome that waits, which there must be."""
        received = self.waiting.pop()
        self._followings[received.lane].handed = received.at
        return received

    def origins(self) -> Mapping[int, Position]:
        """Return after which position each lane is told, where that is known."""
        found = {number: one.ordering.origin for number, one in self._followings.items()}
        return {number: at for number, at in found.items() if at is not None}

    @override
    def ends_of(self, lane: Lane, lanes: Sequence[Lane]) -> tuple[Ends, Pulse]:
        """Return what takes the outcomes of a lane in."""
        alone = len(lanes) == 1
        begin, limits = self.begin.of(lane, alone=alone), self.reach.limits
        pulse = self.reach.pulse(lane, of=lanes, needed=alone or lane.used)
        # Those that decide what the state is stand before those that only answer.
        self.reach.standing.pulses.insert(len(self._followings), pulse)
        following = self._followings[lane.number] = Following(
            lane=lane.number,
            ordering=Ordering(begin, limits.heal_attempts, limits.remembered),
            limits=limits,
            machine=self.reach.machine,
            pulse=pulse,
            waiting=self.waiting,
            until_head=self.until_head,
        )
        return following, pulse

    def end(self) -> None:
        """Read no more; what the lanes say is no longer said of the client."""
        Streams.end(self)
        for one in self._followings.values():
            self.reach.standing.pulses.remove(one.pulse)


@dataclass(slots=True, kw_only=True)
class Controls(Streams[ReceivedControl]):
    """What happens to control records, in all lanes.

    Attributes:
        begin: Where each is followed from.
    """

    begin: Places

    @override
    def ends_of(self, lane: Lane, lanes: Sequence[Lane]) -> tuple[Ends, Pulse]:
        """Return what takes in what happens to the control records of a lane."""
        following = ControlFollowing(
            lane=lane.number,
            begin=self._begin(lane, alone=len(lanes) == 1),
            limits=self.reach.limits,
            machine=self.reach.machine,
            waiting=self.waiting,
            until_head=self.until_head,
        )
        return following, self.reach.pulse(lane, of=lanes)

    def _begin(self, lane: Lane, *, alone: bool) -> Position | None:
        """Return at which position a lane begins; now is nowhere that its outcomes could tell."""
        if self.begin.otherwise == "now" and not self.begin.positions:
            return None
        return self.begin.of(lane, alone=alone)
