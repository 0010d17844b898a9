"""When something came in: the receive clock, and how old what is read now may be.

The receive clock runs on the steady clock from where wall time stood at the start, or from the
newest receive time in the log if that is later: a wall clock that is set back or forward while the
service runs changes no receive time. What was read after the process had been halted may have
waited all the while, so it counts as having come in when the halt began, until the queue has been
empty again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from torghut.kernel.clock import SteadyClock, SteadyNs, WallClock, WallNs
from torghut.kernel.units import NS_PER_MS

_BACKLOG_NS: Final = 1_000_000_000
"""How long after a halt what is read may still have waited in the system's buffers."""


class Stamp(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """When one thing came in; a struct, since one is made for every context.

    Attributes:
        receive_ns: On the receive clock.
        came_ns: On the steady clock, at the latest; earlier than now where it may have waited.
        wall_ns: The same moment as wall time.
        trace: The W3C trace that it is part of; empty where nobody says.
    """

    receive_ns: int
    came_ns: SteadyNs
    wall_ns: WallNs
    trace: bytes = b""


@dataclass(slots=True, kw_only=True)
class IngressClock:
    """Stamps what comes in.

    Attributes:
        wall: For people, and for clients on this machine.
        steady: What all durations are measured on.
        pause_ns: A longer gap between two looks is a halt of this process.
        halts: How many were noticed.
        halted_ns: How long the last of them was.
        heard_ns: When something was last stamped, on the steady clock; None before.
    """

    wall: WallClock
    steady: SteadyClock
    pause_ns: int
    halts: int = 0
    halted_ns: int = 0
    heard_ns: int | None = None
    _anchor_receive_ns: int = field(init=False)
    _anchor_steady_ns: int = field(init=False)
    _anchor_wall_ns: int = field(init=False)
    _looked_ns: int = field(init=False)
    _waited_from_ns: int | None = field(init=False, default=None)
    _backlog_until_ns: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._anchor_steady_ns = self._looked_ns = self.steady.now_ns()
        self._anchor_wall_ns = self._anchor_receive_ns = self.wall.now_ns()

    def not_before(self, receive_ns: int) -> None:
        """Let the receive clock begin behind a time that the log holds already."""
        now_ns = self.receive_ns()
        self._anchor_receive_ns += max(0, receive_ns + 1 - now_ns)

    def receive_ns(self) -> int:
        """Return what the receive clock says."""
        return self._anchor_receive_ns + self.steady.now_ns() - self._anchor_steady_ns

    def apart_ns(self) -> int:
        """Return how far the wall clock was set since the start; negative if back."""
        passed = self.steady.now_ns() - self._anchor_steady_ns
        return self.wall.now_ns() - self._anchor_wall_ns - passed

    def look(self, *, waiting: int) -> None:
        """Notice whether this process was halted since the last look.

        Args:
            waiting: Contexts that wait to be decided; 0 ends the backlog of a halt.
        """
        now_ns = self.steady.now_ns()
        gap_ns = now_ns - self._looked_ns
        if gap_ns > self.pause_ns:
            self.halts += 1
            self.halted_ns = gap_ns
            self._waited_from_ns = (
                self._looked_ns if self._waited_from_ns is None else self._waited_from_ns
            )
            self._backlog_until_ns = now_ns + max(_BACKLOG_NS, self.pause_ns)
        elif self._waited_from_ns is not None and now_ns > self._backlog_until_ns and not waiting:
            self._waited_from_ns = None
        self._looked_ns = now_ns

    @property
    def in_backlog(self) -> bool:
        """Whether what is read now may have waited since a halt."""
        return self._waited_from_ns is not None

    def stamp(self, *, waiting: int) -> Stamp:
        """Return the stamp of something that is read now."""
        self.look(waiting=waiting)
        now_ns = self.steady.now_ns()
        came_ns = now_ns if self._waited_from_ns is None else self._waited_from_ns
        return self._stamp(came_ns, now_ns)

    def due(self, due_ns: SteadyNs, receive_ns: int) -> Stamp:
        """Return the stamp of a recorded context that was due at ``due_ns``."""
        stamp = self._stamp(due_ns, self.steady.now_ns())
        return Stamp(receive_ns=receive_ns, came_ns=stamp.came_ns, wall_ns=stamp.wall_ns)

    def came(self, wall_ns: WallNs, receive_ns: int, trace: bytes = b"") -> Stamp:
        """Return the stamp of a context that came in elsewhere, at ``wall_ns`` by that clock."""
        now_ns = self.heard_ns = self.steady.now_ns()
        age_ns = max(0, self.wall.now_ns() - wall_ns)
        came_ns = SteadyNs(now_ns - age_ns)
        return Stamp(receive_ns=receive_ns, came_ns=came_ns, wall_ns=wall_ns, trace=trace)

    def _stamp(self, came_ns: int, now_ns: int) -> Stamp:
        """Return the stamp of what came in at ``came_ns`` and is seen at ``now_ns``."""
        self.heard_ns = now_ns
        return Stamp(
            receive_ns=self._anchor_receive_ns + now_ns - self._anchor_steady_ns,
            came_ns=SteadyNs(came_ns),
            wall_ns=WallNs(self.wall.now_ns() - (now_ns - came_ns)),
        )


def age_ms(came_ns: int, now_ns: int) -> float:
    """Return how long ago something came in, in ms.

    Example:
        >>> age_ms(1_000_000, 3_500_000)
        2.5
    """
    return (now_ns - came_ns) / NS_PER_MS
