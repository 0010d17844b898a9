"""The service's own log as JSON lines on standard error: each whole, and none worth waiting for.

A line is written at once, so the last one before a crash is there. Where standard error cannot take
it (nobody reads, the disk is full, it is closed) the line is lost and counted. So are lines of one
event that come too fast: whoever hammers at the door must not fill a disk.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Final

import msgspec
from typing_extensions import override

from torghut.kernel.clock import SteadyClock, WallClock
from torghut.kernel.units import NS_PER_S
from torghut.schemas.observing.levels import LEVELS, Level
from torghut.schemas.observing.log_event import FieldValue, LogEvent
from torghut.workflows.live.observing.journal import Journal

LINE_BYTES_MAX: Final = select.PIPE_BUF
"""What a pipe that has room takes whole and without waiting."""

PER_SECOND_MAX: Final = 100
"""Lines of one event in a second."""

HIDDEN: Final = "[hidden]"

_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|credential|passw|secret|(^|_)keys?$|(^|_)tokens?$"
)
_SECRET_CHARACTERS: Final = 6
"""Shorter texts would hide words that only happen to be the same."""
_TEXT_MAX: Final = 1000
_TEXT_MIN: Final = 40


def is_secret_name(name: str) -> bool:
    """Return whether a field of that name could hold a secret.

    Example:
        >>> is_secret_name("api_key"), is_secret_name("access_token"), is_secret_name("who")
        (True, True, False)
    """
    return _SECRET_NAME.search(name.lower()) is not None


@dataclass(slots=True)
class _Pace:
    """How fast the lines of one event come.

    Attributes:
        second: The one that is counted.
        written: Lines in it.
        passed_over: Lines since the last that was written.
    """

    second: int = -1
    written: int = 0
    passed_over: int = 0


@dataclass(slots=True, kw_only=True)
class StderrJournal(Journal):
    """Writes into a file descriptor.

    Attributes:
        worker: Stands in every line.
        level: The least grave events that are written.
        wall: Says when.
        steady: Measures how fast lines come.
        dropped: Told of each line that is lost.
        descriptor: Where to.
    """

    worker: str
    level: Level
    wall: WallClock
    steady: SteadyClock
    dropped: Callable[[], None]
    descriptor: int = 2
    _secrets: set[str] = field(default_factory=set)
    _paces: dict[str, _Pace] = field(default_factory=dict)
    _torn: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @override
    def say(self, event: LogEvent, *, correlation_id: str = "") -> None:
        if LEVELS.index(event.level) < LEVELS.index(self.level):
            return
        with self._lock:
            passed_over = self._passed_over(event.name)
            if passed_over is None or not self._write(
                self._line(event, correlation_id, passed_over)
            ):
                self.dropped()

    @override
    def hide(self, secret: str) -> None:
        if len(secret) >= _SECRET_CHARACTERS:
            with self._lock:  # another thread may be looking for secrets in its line
                self._secrets.add(secret)

    def _passed_over(self, name: str) -> int | None:
        """Return how many lines of an event were passed over before; None if this one is too."""
        pace = self._paces.setdefault(name, _Pace())
        second = self.steady.now_ns() // NS_PER_S
        if second != pace.second:
            pace.second, pace.written = second, 0
        if pace.written >= PER_SECOND_MAX:
            pace.passed_over += 1
            return None
        pace.written += 1
        before, pace.passed_over = pace.passed_over, 0
        return before

    def _line(self, event: LogEvent, correlation_id: str, passed_over: int) -> bytes:
        """Return an event as one line, cut to what can be written at once."""
        shown: dict[str, FieldValue] = {
            "time": _time_text(self.wall.now_ns()),
            "level": event.level,
            "event": event.name,
            "worker": self.worker,
        }
        if correlation_id:
            shown["correlation_id"] = correlation_id
        if passed_over:
            shown["passed_over"] = passed_over
        shown |= {name: _value_of(event, name) for name in _names(type(event))}
        most = _TEXT_MAX
        line = self._encoded(shown, most)
        while len(line) > LINE_BYTES_MAX and most > _TEXT_MIN:
            most //= 2
            line = self._encoded(shown, most)
        return line

    def _encoded(self, shown: Mapping[str, FieldValue], most: int) -> bytes:
        """Return a line as JSON, no text in it longer than ``most`` characters, no secret in it."""
        safe = {name: self._safe(value, most) for name, value in shown.items()}
        return msgspec.json.encode(safe) + b"\n"

    def _safe(self, value: FieldValue, most: int) -> FieldValue:
        """Return a value as it may be shown."""
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret, HIDDEN)
        whole = value.encode("utf-8", "backslashreplace").decode()
        return whole if len(whole) <= most else whole[: most - 1] + "…"

    def _write(self, line: bytes) -> bool:
        """Write a line if it goes at once; return whether it is there, whole."""
        if self._torn:
            line = b"\n" + line
        if len(line) > LINE_BYTES_MAX or not self._has_room():
            return False
        try:
            written = os.write(self.descriptor, line)
        except OSError:
            return False
        self._torn = written < len(line)
        return not self._torn

    def _has_room(self) -> bool:
        """Return whether a write would not wait."""
        poll = select.poll()
        try:
            poll.register(self.descriptor, select.POLLOUT)
            return [state for _, state in poll.poll(0)] == [select.POLLOUT]
        except (OSError, ValueError):
            return False


def _names(event: type[LogEvent]) -> tuple[str, ...]:
    """Return the names of an event's fields."""
    return tuple(one.name for one in fields(event))


def _value_of(event: LogEvent, name: str) -> FieldValue:
    """Return what a field holds; nothing of one that could hold a secret."""
    value: FieldValue = getattr(event, name)
    return HIDDEN if is_secret_name(name) else value


def _time_text(wall_ns: int) -> str:
    """Return a wall time as RFC 3339 in UTC, to the microsecond.

    Example:
        >>> _time_text(1_700_000_000_123_456_789)
        '2023-11-14T22:13:20.123456Z'
    """
    at = datetime.fromtimestamp(wall_ns // NS_PER_S, tz=UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{wall_ns % NS_PER_S // 1000:06d}Z"
