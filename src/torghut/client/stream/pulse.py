"""What the heartbeats of one connection say, and that none came: silence is told by itself.

A heartbeat that waited in some buffer, here or on the way, says nothing of now. How long it did is
seen without comparing clocks: the delay of each against the quickest one of the same connection.
The first one counts only if it came soon after the connection was begun, so it cannot be old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.client.delivery import State
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.wire.messages import Heartbeat
from torghut.kernel.units import NS_PER_MS

_SILENT: Final = "source-silent"
_ONLY: Final = frozenset({_SILENT, "lag", "log-slow", "clock-stepped", "page-unwritten"})
"""With these a service that is stale is so because its source is silent."""


@dataclass(slots=True, eq=False)
class Pulse:
    """Whether one connection is alive, and what the service said last.

    Attributes:
        limits: When silence begins.
        machine: Whose steady clock counts.
        needed: Whether nothing may be opened before it was heard.
        name: Whose it is, in words; empty where there is no other.
        idle: Whether nothing was ever decided there, so it says nothing of any symbol.
        newest: The last heartbeat that counts; None before the first.
        doubt: A fault in the stream that is being healed, in words; empty where there is none.
        broken: One that could not be healed; it stays.
    """

    limits: Limits
    machine: Machine
    needed: bool = False
    name: str = ""
    idle: bool = False
    newest: Heartbeat | None = None
    doubt: str = ""
    broken: str = ""
    _away: str = "not connected yet"
    _begun_ns: int = 0
    _heard_ns: int = 0
    _quickest_ns: int | None = None

    def begin(self) -> None:
        """Note that a connection is being made."""
        self._begun_ns = self._heard_ns = self.machine.steady_ns()
        self._quickest_ns = None

    def end(self, reason: str) -> None:
        """Note that there is no connection any more, or none came about."""
        self._away = f"not connected: {reason}"

    def hear(self, heartbeat: Heartbeat) -> bool:
        """Take a heartbeat in; return whether it counts, because it is fresh."""
        now_ns = self.machine.steady_ns()
        stale_ns = self.limits.stale_ms * NS_PER_MS
        delay_ns = now_ns - heartbeat.wall_ns
        if self._quickest_ns is None:
            if now_ns - self._begun_ns > stale_ns:
                return False
            self._quickest_ns = delay_ns
        self._quickest_ns = min(self._quickest_ns, delay_ns)
        if delay_ns - self._quickest_ns > stale_ns:
            return False
        self.newest, self._heard_ns, self._away = heartbeat, now_ns, ""
        return True

    @property
    def prefix(self) -> str:
        """What begins whatever is said of it."""
        return f"{self.name}: " if self.name else ""

    @property
    def counts(self) -> bool:
        """Whether what it says is of the client: it was heard, or has to be."""
        return self.needed or self.newest is not None

    @property
    def quiet(self) -> bool:
        """Whether it is stale only because nothing comes in there; others may go on."""
        newest = self.newest
        if newest is None or newest.state != "stale" or not newest.reason.startswith(_SILENT):
            return False
        return self.state.reason == f"{self.prefix}{newest.reason}" and {*newest.degraded} <= _ONLY

    @property
    def unmeasured(self) -> bool:
        """Whether no heartbeat of this connection came soon enough to measure others by it."""
        return self._quickest_ns is None

    @property
    def silent_ms(self) -> int:
        """How long nothing that counts was heard on this connection."""
        return (self.machine.steady_ns() - self._heard_ns) // NS_PER_MS

    @property
    def state(self) -> State:
        """What holds now; asked anew whenever it matters, so a pause of the own process shows."""
        name, reason = self._judged()
        return State(name, f"{self.prefix}{reason}" if reason else "")

    def _judged(self) -> State:
        """Return what holds now, without whose it is."""
        if self._away or self.newest is None:
            return State("stale", self._away)
        if self.silent_ms > self.limits.stale_ms:
            return State("stale", f"no heartbeat for more than {self.limits.stale_ms} ms")
        if self.newest.state != "live":
            return State(self.newest.state, self.newest.reason or "the service says so")
        if reason := self.broken or self.doubt:
            return State("stale", reason)
        return State("live", "")
