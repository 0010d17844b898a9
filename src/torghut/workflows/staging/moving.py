"""Where the rollout stands, and how it goes on or back: the stream of stages, read and appended.

Going on reviews the present stage in the same breath, with what is offered now: an old review
allows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Causes, read_event
from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.errors import StageUnrecordedError
from torghut.governance.stages.progress import (
    STAGES,
    AdvanceStage,
    ReviewStage,
    StageCommand,
    StageState,
    StepBack,
)
from torghut.governance.stages.shown import Offered, Shown, show
from torghut.schemas.declarations.roadmap import ExitCriterion, StageRoadmap
from torghut.schemas.governing.fields import Person
from torghut.schemas.governing.stages import STAGE_EVENT
from torghut.schemas.upcasting import STEPS
from torghut.workflows.staging.recording import InForce, is_recorded
from torghut.workflows.streams import Streams

STAGE_STREAM: Final = "stages-main"
"""The one stream of the rollout's stages."""

_PARSE: Final = partial(read_event, adapter=STAGE_EVENT, steps=STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Who goes on or back, why and when.

    Attributes:
        person: Known by their key.
        reason: In their words.
        at_ns: Receive clock.
        causes: Of everything that is put on record.
    """

    person: Person
    reason: str
    at_ns: int
    causes: Causes


async def stage_state(streams: Streams) -> StageState:
    """Return where the rollout stands."""
    return await streams.state(STAGES, _PARSE, STAGE_STREAM)


def offered(store: ArtifactStore, path: str) -> Offered:
    """Return the file at ``path`` below the artifact root as it is now."""
    try:
        return Offered(path=path, body=store.read(path))
    except ArtifactUnreadableError as error:
        return Offered(path=path, body=error.fault)


def look_at(
    criteria: tuple[ExitCriterion, ...], files: Mapping[str, Offered], *, commit: str
) -> Mapping[str, Shown]:
    """Return what each file shows of the criterion that it is offered for."""
    return {one.id: show(one, files[one.id], commit=commit) for one in criteria if one.id in files}


async def go_on(
    streams: Streams,
    store: ArtifactStore,
    roadmap: StageRoadmap,
    shown: Mapping[str, Shown],
    move: Move,
    *,
    commit: Callable[[], str],
) -> StageState:
    """Review the present stage, go on to the next one, and return where the rollout stands then.

    Args:
        streams: Of governance's log.
        store: The artifact root, where the present stage is on record.
        roadmap: As declared.
        shown: What is offered, by the criterion's id.
        move: Who goes on.
        commit: Tells the commit of the code that runs; asked where a stage is left.

    Raises:
        StageStoppedError: An exit criterion is not shown; the review is on record all the same.
        StageUnrecordedError: The present stage was not put on record; likewise.
        StageOrderError: There is no next stage.
        StageRoadmapError: The roadmap is not the one that the present stage was entered under.
        ReasonMissingError: No reason is given.
    """
    state = await stage_state(streams)
    to, review = 0, None
    if state.entered is not None:
        to, review = state.entered.stage + 1, state.reviews + 1
        command = ReviewStage(
            review=review,
            roadmap=roadmap,
            shown={name: one.shown for name, one in shown.items()},
            at_ns=move.at_ns,
        )
        await _run(streams, command, move)
        reviewed = (await stage_state(streams)).reviewed
        passed = reviewed is not None and reviewed.status == "pass"
        if passed and not is_recorded(
            store,
            await stage_state(streams),
            InForce(commit=commit(), caps=caps_in_force(state, roadmap), now_ns=move.at_ns),
        ):
            raise StageUnrecordedError(stage=state.entered.stage)
    advance = AdvanceStage(
        entry=_next_entry(state),
        to=to,
        roadmap=roadmap,
        review=review,
        person=move.person,
        reason=move.reason,
        at_ns=move.at_ns,
    )
    await _run(streams, advance, move)
    return await stage_state(streams)


async def go_back(
    streams: Streams, roadmap: StageRoadmap, move: Move, *, to: int | None
) -> StageState:
    """Go back, by one stage if ``to`` is None, and return where the rollout stands then.

    Raises:
        StageOrderError: There is no such earlier stage.
        ReasonMissingError: No reason is given.
    """
    state = await stage_state(streams)
    present = 0 if state.entered is None else state.entered.stage
    command = StepBack(
        entry=_next_entry(state),
        to=present - 1 if to is None else to,
        roadmap=roadmap,
        person=move.person,
        reason=move.reason,
        at_ns=move.at_ns,
    )
    await _run(streams, command, move)
    return await stage_state(streams)


def _next_entry(state: StageState) -> int:
    """Return the number of the next entry."""
    return 1 if state.entered is None else state.entered.entry + 1


async def _run(streams: Streams, command: StageCommand, move: Move) -> None:
    """Decide one command on the stream of stages."""
    await streams.run(STAGES, _PARSE, STAGE_STREAM, command, causes=move.causes)
