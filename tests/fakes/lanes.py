"""A service of several lanes, in memory: each with outcomes and heartbeats, or without."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from tests.fakes.live_service import decided, decision, position_of
from torghut.adapters.system.clock import SystemClock
from torghut.client import Limits
from torghut.client.wire.dialing import Connection, CutError, Dialer, Lane, Purpose
from torghut.schemas.live.position import Position, start_of

_LOOK_S = 0.002


@dataclass(slots=True)
class Course:
    """One lane.

    Attributes:
        number: Of the partition.
        lines: Outcomes, in order.
        beating: Whether anybody serves it.
        state: As heartbeats say.
        reason: As heartbeats say.
        degraded: As heartbeats say.
        now_ns: The wall clock of whoever serves it.
    """

    number: int
    lines: list[str] = field(default_factory=list)
    beating: bool = True
    state: str = "live"
    reason: str = ""
    degraded: tuple[str, ...] = ()
    now_ns: Callable[[], int] = SystemClock().now_ns

    @property
    def symbol(self) -> str:
        """The only one that is decided in it."""
        return f"fxcm:S{self.number}"

    def tell(self, count: int, **fields: Any) -> None:  # noqa: ANN401 - as JSON
        """Add outcomes."""
        for _ in range(count):
            place = len(self.lines)
            made = decision(place, symbol=self.symbol, sequence=place + 1, **fields)
            self.lines.append(decided(f"{self.number}:{place}:0", made))

    def fall_silent(self) -> None:
        """Let the source of this lane alone be silent."""
        self.state, self.degraded = "stale", ("source-silent",)
        self.reason = "source-silent: no context for over 60000 ms"

    def heartbeat(self) -> str:
        """Return a heartbeat of now."""
        return json.dumps(
            {
                "type": "live.heartbeat.v1",
                "worker": f"w0.p{self.number}",
                "wall_ns": str(self.now_ns()),
                "position": str(position_of(self.lines[-1])) if self.lines else None,
                "control_records": 0,
                "state": self.state,
                "reason": self.reason,
                "switches": [],
                "degraded": list(self.degraded),
                "speed": 1.0,
            }
        )


@dataclass(slots=True)
class FakeLanes(Dialer):
    """Makes connections to lanes in memory.

    Attributes:
        lanes_there: All of them.
        own_limits: Whose times hold.
        away: Why nobody is reached; empty while it is.
        asked: What was sent, by lane.
        closed: Whether it was let go of.
    """

    lanes_there: Sequence[Course]
    own_limits: Limits
    away: str = ""
    asked: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    closed: bool = False

    @property
    @override
    def shown(self) -> str:
        return "kafka://memory:1"

    @property
    @override
    def limits(self) -> Limits:
        return self.own_limits

    @property
    @override
    def known(self) -> Sequence[Lane]:
        return ()

    @override
    def check(self) -> None:
        """Nothing is shown."""

    @override
    def lane_of(self, symbol: str, lanes: Sequence[Lane]) -> Sequence[int]:
        number = symbol.rpartition("S")[2]
        return [int(number)] if number.isdigit() else [one.number for one in lanes]

    @override
    async def lanes(self) -> Sequence[Lane]:
        self._reach()
        return [
            Lane(number=one.number, first=start_of(one.number), end=_end(one))
            for one in self.lanes_there
        ]

    @override
    async def dial(self, lane: int, purpose: Purpose) -> Connection:
        self._reach()
        course = next(one for one in self.lanes_there if one.number == lane)
        return FakeConnection(self, course, purpose.after or _end(course))

    @override
    async def close(self) -> None:
        self.closed = True

    def _reach(self) -> None:
        if self.away:
            raise CutError(self.away)


@dataclass(slots=True)
class FakeConnection(Connection):
    """A lane as one use of it sees it."""

    dialer: FakeLanes
    course: Course
    at: Position
    answers: list[str] = field(default_factory=list)
    beat_s: float = 0.02
    _next_s: float = 0.0

    @override
    async def receive(self) -> str:
        running = asyncio.get_running_loop()
        while True:
            if self.dialer.away:
                raise CutError(self.dialer.away)
            if self.answers:
                return self.answers.pop(0)
            for line in self.course.lines:
                if position_of(line) > self.at:
                    self.at = position_of(line)
                    return line
            if self.course.beating and running.time() >= self._next_s:
                self._next_s = running.time() + self.beat_s
                return self.course.heartbeat()
            await asyncio.sleep(_LOOK_S)

    @override
    async def send(self, lines: str) -> None:
        for line in map(json.loads, lines.split("\n")):
            self.dialer.asked.append((self.course.number, line))
            answer = {
                "type": "live.answered.v1",
                "control_id": line["record"]["control_id"],
                "status": "taken",
                "code": "",
                "detail": "",
                "position": f"{self.course.number}:0:0",
            }
            self.answers.append(json.dumps(answer))

    @override
    async def leave(self) -> None:
        """Nobody minds."""

    @override
    def drop(self) -> None:
        """Nothing is held."""


def _end(course: Course) -> Position:
    return position_of(course.lines[-1]) if course.lines else start_of(course.number)
