"""What heartbeats say of the log's end, held against how far the stream has come."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.wire.messages import Heartbeat
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.live.position import PLACE_MAX, Position


class BehindError(Exception):
    """What was announced has not come for as long as silence may last."""


@dataclass(slots=True)
class Announced:
    """The log's end, as heartbeats say.

    Attributes:
        limits: How long what was announced may take, and how often it is asked for again.
        machine: Whose steady clock counts.
        first: What the first heartbeat said, whatever came since; None before it.
        short: The end seems to lie before the cursor.
        missing: Nothing comes up to the end, however often it is asked for.
        beyond: The end, in words, where it surely does: this is another log; else empty.
    """

    limits: Limits
    machine: Machine
    first: Position | None = None
    short: bool = False
    missing: bool = False
    beyond: str = ""
    _behind_ns: int | None = None
    _missed: Position | None = None
    _misses: int = 0
    _short_at: tuple[Position, int] | None = None

    def wait_anew(self) -> None:
        """Give what was announced its whole time: an outcome came, or a connection begins."""
        self._behind_ns = None

    def hear(self, heartbeat: Heartbeat, end: Position, cursor: Position) -> bool:
        """Take in where the log ends; return whether the stream has come as far as it can.

        Raises:
            BehindError: It is to be asked for again.
        """
        self.first = self.first or end
        self.short = _is_short(end, cursor)
        self.beyond = self._beyond(heartbeat, cursor) if self.short else ""
        self._short_at = self._short_at if self.short else None
        self.missing = end > cursor and self._is_missing(end, cursor)
        return not self.short and (end <= cursor or self.missing)

    def _beyond(self, heartbeat: Heartbeat, cursor: Position) -> str:
        """Return the end, in words, once it is sure that it lies before the cursor.

        A heartbeat may have been made before an outcome that was sent before it; the next one not.
        """
        if self._short_at is None or self._short_at[0] != cursor:
            self._short_at = (cursor, heartbeat.wall_ns)
        if self._short_at[1] == heartbeat.wall_ns:
            return ""
        return heartbeat.position or "its start"

    def _is_missing(self, end: Position, cursor: Position) -> bool:
        """Return whether the end was asked for often enough; some ends are those of no outcome."""
        now_ns = self.machine.steady_ns()
        self._behind_ns = self._behind_ns or now_ns
        if now_ns - self._behind_ns > self.limits.stale_ms * NS_PER_MS:
            self._misses = self._misses + 1 if self._missed == end else 1
            self._missed = end
            if self._misses <= self.limits.heal_attempts:
                message = f"{end} was announced and nothing came after {cursor}"
                raise BehindError(message)
        return self._missed == end and self._misses > self.limits.heal_attempts


def _is_short(end: Position, cursor: Position) -> bool:
    """Return whether a log ends before the cursor, which may stand behind the end of its block."""
    return end < cursor and (cursor.place < PLACE_MAX or end.block < cursor.block)
