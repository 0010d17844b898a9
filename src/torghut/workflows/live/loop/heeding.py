"""Heeding governance: its beats become control records, stamped on the receive clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.ids import SERVING
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import Mode
from torghut.schemas.control import GovernanceHeartbeat, ModeChanged
from torghut.schemas.live.governance import GovernanceBeat

_LIVE: Final = int(Mode.LIVE)


@dataclass(slots=True, kw_only=True)
class Heeding:
    """What one worker heard of governance.

    Attributes:
        receive_ns: Tells the receive clock.
        speed: Of playing; a second of governance is as many on the receive clock.
    """

    receive_ns: Callable[[], int]
    speed: float
    _begun: bool = False
    _heard: tuple[int, int] = (0, 0)

    def heed(self, beat: GovernanceBeat | None, fold: DecisionFold) -> GovernanceHeartbeat | None:
        """Return what is to be recorded of a beat; None where it says nothing new.

        What stands there at the first look may be old: only what comes after it counts. Only live
        decisions need governance, so for the others nothing is recorded.

        Args:
            beat: As it stands now; None where there is none, or it cannot be read.
            fold: The memory of the log.
        """
        first, self._begun = not self._begun, True
        if beat is None or (beat.epoch, beat.number) == self._heard:
            return None
        self._heard = (beat.epoch, beat.number)
        if first or beat.epoch < fold.identities.epoch or not _is_live(fold):
            return None
        until_ns = self.receive_ns() + round(beat.ttl_ms * NS_PER_MS * self.speed)
        return GovernanceHeartbeat(
            control_id=f"governance:{beat.epoch}:{beat.number}:{until_ns}",
            epoch=beat.epoch,
            expires_ns=until_ns,
        )


def _is_live(fold: DecisionFold) -> bool:
    """Return whether a symbol decides live, or will with its next context."""
    if (fold.arms[SERVING]["mode"] == _LIVE).any():
        return True
    held = [one for many in fold.waiting.by_symbol.values() for one in many]
    waiting = [one.record for one in (*held, *fold.waiting.standing)]
    return any(isinstance(one, ModeChanged) and one.mode == "live" for one in waiting)
