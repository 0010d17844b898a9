"""What came since the last look at the ladder and may be over by now.

A look that asks only how things stand forgets what came and went before it: a stop that people
released, a rollback that was proven, a stage on paper that was left again. So it also reads what
was appended since, by its place in governance's log, which orders the events of all streams
whatever clocks said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from torghut.governance.lanes.queue import LANES, STREAM, LaneCommand, LaneState
from torghut.governance.stages.progress import STAGES, StageCommand, StageState
from torghut.schemas.governing.lanes import LANE_EVENT, LaneEvent, LaneRunEnded
from torghut.schemas.governing.latch import LoopStopped
from torghut.schemas.governing.rollback import RollbackTriggered
from torghut.schemas.governing.stages import STAGE_EVENT, StageEntered, StageEvent
from torghut.schemas.publish import stated_type
from torghut.workflows.aggregates import STOP_LATCH, Aggregate, Governance, rollback_of
from torghut.workflows.staging.moving import STAGE_STREAM

Run: TypeAlias = tuple[str, int]
"""A run of the lane, and which attempt at it."""

_STAGES: Final[Aggregate[StageCommand, StageEvent, StageState]] = Aggregate(
    stream=STAGE_STREAM, decider=STAGES, events=STAGE_EVENT
)
_LANES: Final[Aggregate[LaneCommand, LaneEvent, LaneState]] = Aggregate(
    stream=STREAM, decider=LANES, events=LANE_EVENT
)
_ENDED: Final = stated_type(LaneRunEnded)
_ENTERED: Final = stated_type(StageEntered)
_STOPPED: Final = stated_type(LoopStopped)
_TRIGGERED: Final = stated_type(RollbackTriggered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What came since the last look, whatever has become of it.

    Attributes:
        stopped: Whether the stop latch closed.
        rolled_back: Whether a rollback was triggered.
        on_paper: Whether a stage was entered that allows paper only.
    """

    stopped: bool = False
    rolled_back: bool = False
    on_paper: bool = False


async def place_of(governance: Governance, run: Run | None) -> int:
    """Return a place in the log; everything up to it is there to be read from now on.

    What is appended after this was asked stands behind it, so that the next look sees it.
    """
    places = [await governance.place(STOP_LATCH), await governance.place(_STAGES)]
    if run is not None:
        places.append(await governance.place(rollback_of(*run)))
    return max(places)


async def unseen(governance: Governance, run: Run | None, *, after: int) -> Unseen:
    """Return what came behind a place in the log.

    Args:
        governance: The streams.
        run: Whose rollback counts; so does that of the run that had ended last then, and of those
            that ended since.
        after: Up to where the last look saw.
    """
    stops = await governance.since(STOP_LATCH, after)
    entries = [one for one in await governance.since(_STAGES, after) if one.type == _ENTERED]
    caps = [one.caps for one in map(_STAGES.read, entries) if isinstance(one, StageEntered)]
    return Unseen(
        stopped=any(one.type == _STOPPED for one in stops),
        rolled_back=await _rolled_back(governance, run, after),
        on_paper=any(one.target != "live" for one in caps),
    )


async def _rolled_back(governance: Governance, run: Run | None, after: int) -> bool:
    """Say whether a rollback was triggered behind a place in the log."""
    runs = await _ended_since(governance, after)
    for one in dict.fromkeys([*runs, *([] if run is None else [run])]):
        events = await governance.since(rollback_of(*one), after)
        if any(event.type == _TRIGGERED for event in events):
            return True
    return False


async def _ended_since(governance: Governance, after: int) -> Sequence[Run]:
    """Return the run that had ended last at a place in the log and those after it; none: no other.

    While none ended since, whose rollback counts is the one that had ended last.
    """
    if all(one.type != _ENDED for one in await governance.since(_LANES, after)):
        return []
    ends = [one for one in await governance.since(_LANES, 0) if one.type == _ENDED]
    before = sum(one.position <= after for one in ends)
    read = map(_LANES.read, ends[max(0, before - 1) :])
    return [(one.run_id, one.attempt) for one in read if isinstance(one, LaneRunEnded)]
