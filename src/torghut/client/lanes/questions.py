"""Questions, each asked in the lane that answers it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from torghut.client.lanes.streams import Reach
from torghut.client.stream.link import Notice
from torghut.client.stream.talking import Talking
from torghut.client.wire.dialing import Lane


@dataclass(slots=True, kw_only=True)
class Talks:
    """One connection for questions in each lane that anything was asked in.

    Attributes:
        reach: Of the client.
        notices: Where faults that concern no question go.
    """

    reach: Reach
    notices: deque[Notice]
    _talking: dict[int, tuple[Talking, asyncio.Task[None]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._talking)

    def listen(self, lanes: Sequence[Lane], tasks: asyncio.TaskGroup) -> None:
        """Hear every lane, so that the state is known where no stream is followed."""
        for lane in lanes:
            self.of(lane.number, lanes, tasks)

    def of(self, number: int, lanes: Sequence[Lane], tasks: asyncio.TaskGroup) -> Talking:
        """Return what asks in a lane, made if need be."""
        if (found := self._talking.get(number)) is None:
            lane = next(one for one in lanes if one.number == number)
            pulse = self.reach.pulse(lane, of=lanes)
            talking = Talking(self.reach.limits, pulse, self.notices)
            self.reach.standing.pulses.append(pulse)
            task = self.reach.connections.keep(talking, pulse, tasks, lane=number)
            found = self._talking[number] = talking, task
        return found[0]

    def first_heard(self, numbers: Sequence[int]) -> int:
        """Return the first of lanes that somebody speaks in; the first where nobody does."""
        heard = (
            one for one in numbers if one in self._talking and self._talking[one][0].pulse.counts
        )
        return next(heard, numbers[0])

    def stop_idling(self) -> None:
        """Give up what nothing was ever asked over: it stood in for a stream."""
        for number, (talking, task) in list(self._talking.items()):
            if not talking.used:
                task.cancel()
                self.reach.standing.pulses.remove(talking.pulse)
                del self._talking[number]

    def end(self, found: str) -> None:
        """Tell all who ask that no answer comes any more, because the client is ``found``."""
        for talking, _ in self._talking.values():
            talking.end(found)
