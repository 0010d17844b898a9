"""The reasoning mode that the stage in force allows, to whoever asks for one or holds a loop.

Where no stage was ever entered nobody leads a rollout, and what is declared holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.errors import ReasoningCappedError
from torghut.schemas.control import ReasoningModeName
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.workflows.staging.moving import stage_state
from torghut.workflows.streams import Streams

_MODES: Final[tuple[ReasoningModeName, ...]] = get_args(ReasoningModeName)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningAllowed:
    """What a stage allows.

    Attributes:
        stage: Its number.
        name: Of the stage.
        mode: The most.
    """

    stage: int
    name: str
    mode: ReasoningModeName

    def allows(self, mode: ReasoningModeName) -> bool:
        """Say whether it allows a mode."""
        return _MODES.index(mode) <= _MODES.index(self.mode)


async def reasoning_allowed(streams: Streams, roadmap: StageRoadmap) -> ReasoningAllowed | None:
    """Return what the stage in force allows; None where no stage was ever entered.

    Raises:
        TorghutError: Governance's log cannot be read.
    """
    state = await stage_state(streams)
    if state.entered is None:
        return None
    stage = roadmap.stages[state.entered.stage]
    return ReasoningAllowed(
        stage=stage.number, name=stage.name, mode=caps_in_force(state, roadmap).reasoning_mode
    )


async def check_reasoning(
    streams: Streams, roadmap: StageRoadmap, asked: ReasoningModeName
) -> None:
    """Check that the stage in force allows a mode.

    Raises:
        ReasoningCappedError: It does not.
        TorghutError: Governance's log cannot be read: then nobody knows.
    """
    found = await reasoning_allowed(streams, roadmap)
    if found is not None and not found.allows(asked):
        raise ReasoningCappedError(stage=found.stage, name=found.name, cap=found.mode, asked=asked)
