"""What is not as it should be, since when, and what the trading loop is told because of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torghut.kernel.clock import WallClock
from torghut.schemas.live.delivery import DEGRADED_STALE, Degraded, LiveState
from torghut.schemas.live.worker import DegradedSince
from torghut.workflows.live.observing.witness import Witness

_DETAIL_MAX = 600

Changed = Callable[[], None]
"""Told that the condition changed, so that subscribers hear of it at once."""


@dataclass(slots=True, kw_only=True)
class Condition:
    """The degraded modes of one worker; each begins and ends.

    Attributes:
        wall: Tells since when.
        witness: Told of each beginning and end, for others.
        changed: Told the same, so that subscribers hear of it.
    """

    wall: WallClock
    witness: Witness
    changed: Changed = lambda: None
    _modes: dict[Degraded, DegradedSince] = field(default_factory=dict)

    def begin(self, code: Degraded, detail: str) -> None:
        """Let a mode begin; one that is on keeps its beginning."""
        since = self._modes.get(code)
        wall_ns = self.wall.now_ns() if since is None else since.since_wall_ns
        self._modes[code] = DegradedSince(
            code=code, since_wall_ns=wall_ns, detail=detail[:_DETAIL_MAX]
        )
        if since is None:
            self.witness.degraded(self._modes[code])
            self.changed()

    def end(self, *codes: Degraded) -> None:
        """Let modes end, as far as they are on."""
        ended = [mode for code in codes if (mode := self._modes.pop(code, None)) is not None]
        for mode in ended:
            self.witness.recovered(mode)
        if ended:
            self.changed()

    def has(self, *codes: Degraded) -> bool:
        """Return whether one of these modes is on."""
        return any(code in self._modes for code in codes)

    @property
    def modes(self) -> Sequence[DegradedSince]:
        """All that are on, the oldest first."""
        return list(self._modes.values())

    def judge(self, stop: str) -> tuple[LiveState, str]:
        """Return what the trading loop is told, and why.

        Args:
            stop: Why a stop is in force; empty if none is.
        """
        if stop:
            return "stopped", stop[:_DETAIL_MAX]
        stale = [mode for mode in self._modes.values() if mode.code in DEGRADED_STALE]
        if stale:
            return "stale", f"{stale[0].code}: {stale[0].detail}"[:_DETAIL_MAX]
        return "live", ""
