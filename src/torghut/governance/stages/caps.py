"""What a stage allows while it is in force, for everything that decides or schedules."""

from __future__ import annotations

from torghut.governance.stages.progress import StageState, capped
from torghut.schemas.declarations.roadmap import StageCaps, StageRoadmap


def caps_in_force(state: StageState, roadmap: StageRoadmap) -> StageCaps:
    """Return what is allowed now: of target, router mode, reasoning mode and notional.

    That is what the stage allowed when it was entered, and no more than it is declared to allow
    today: a roadmap that was loosened since counts when the stage is entered again. Where nothing
    has been entered, the first stage's caps hold.
    """
    if state.entered is None:
        return roadmap.stages[0].caps
    return capped(roadmap.stages[state.entered.stage].caps, state)
