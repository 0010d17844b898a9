"""The rollout's progress: one stage on after a review that shows everything, or back at once.

A review looks at every exit criterion that the roadmap declares for the stage, and in the last one
also at those of the whole rollout. What is declared
not built fails, whatever is offered for it; so does what nobody offered. A later review that fails
takes back what an earlier one allowed. Before the first stage nothing is allowed but static paper.

A stage is left by what it was entered under: a roadmap that was changed since asks for nothing
before somebody enters the stage again under it, on record, with no more allowed than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeAlias, assert_never, get_args

from torghut.eventlog.decider import Decider
from torghut.governance.safety.ordering import is_again
from torghut.governance.safety.reasons import reason_text
from torghut.governance.stages.errors import (
    StageOrderError,
    StageReviewOutdatedError,
    StageRoadmapError,
    StageStoppedError,
)
from torghut.schemas.declarations.roadmap import (
    ExitCriterion,
    ReasoningCap,
    RouterCap,
    StageCaps,
    StageRoadmap,
)
from torghut.schemas.governing.fields import Person
from torghut.schemas.governing.stages import (
    CriterionReviewed,
    CriterionShown,
    StageEntered,
    StageEvent,
    StageReviewed,
)
from torghut.schemas.rollout.phases import Target
from torghut.schemas.types import message_digest

NOTHING: Final = StageCaps(
    target="paper", router_mode="static", reasoning_mode="off", notional_cap=Decimal(0)
)
"""What is allowed before the first stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewStage:
    """Look at the present stage's exit criteria.

    Attributes:
        review: One more than the last; the last one again changes nothing.
        shown: What is offered, by the criterion's id.
    """

    review: int
    roadmap: StageRoadmap
    shown: Mapping[str, CriterionShown]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceStage:
    """Go on to the next stage.

    Attributes:
        entry: One more than the last; the last one again changes nothing.
        review: The passing one that allows it; None only for the first stage of all.
    """

    entry: int
    to: int
    roadmap: StageRoadmap
    review: int | None
    person: Person
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBack:
    """Go back to an earlier stage; it takes one person and no review.

    Under another roadmap it may be the present one, which is then entered again.
    """

    entry: int
    to: int
    roadmap: StageRoadmap
    person: Person
    reason: str
    at_ns: int


StageCommand: TypeAlias = ReviewStage | AdvanceStage | StepBack


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """What the events of the roadmap come to.

    Attributes:
        entered: How the present stage was entered; None before the first.
        reviewed: The last review of the present stage.
        reviews: How many there were, of any stage.
    """

    entered: StageEntered | None = None
    reviewed: StageReviewed | None = None
    reviews: int = 0
    time_ns: int = 0


def capped(asked: StageCaps, state: StageState) -> StageCaps:
    """Return what is allowed of what is ``asked``: in each respect the lesser of the two."""
    allowed = NOTHING if state.entered is None else state.entered.caps
    targets, routers, reasonings = map(get_args, (Target, RouterCap, ReasoningCap))
    return StageCaps(
        target=min(asked.target, allowed.target, key=targets.index),
        router_mode=min(asked.router_mode, allowed.router_mode, key=routers.index),
        reasoning_mode=min(asked.reasoning_mode, allowed.reasoning_mode, key=reasonings.index),
        notional_cap=min(asked.notional_cap, allowed.notional_cap),
    )


def exit_standing(
    roadmap: StageRoadmap, reviewed: StageReviewed | None
) -> tuple[CriterionReviewed, ...]:
    """Return where each thing stands that the whole rollout ends by: as reviewed, else unshown."""
    found = {} if reviewed is None else {one.id: one for one in reviewed.criteria}
    if reviewed is not None and reviewed.roadmap != message_digest(roadmap):
        found = {}
    return tuple(found.get(one.id, _judged(one, None)) for one in roadmap.operational_exit)


def _decide(command: StageCommand, state: StageState) -> Sequence[StageEvent]:
    match command:
        case ReviewStage():
            return _review(command, state)
        case AdvanceStage():
            return _advance(command, state)
        case StepBack():
            return _back(command, state)
        case _:
            assert_never(command)


def _review(command: ReviewStage, state: StageState) -> Sequence[StageEvent]:
    """Return what the stage's exit criteria were found to be."""
    if state.entered is None:
        raise StageOrderError(expected="a stage to review", found="none")
    stage = state.entered.stage
    if message_digest(command.roadmap) != state.entered.roadmap:
        raise StageRoadmapError(
            stage=stage, expected=state.entered.roadmap, found=message_digest(command.roadmap)
        )
    criteria = tuple(
        _judged(one, command.shown.get(one.id)) for one in command.roadmap.asked_of(stage)
    )
    reviewed = StageReviewed(
        review=command.review,
        roadmap=message_digest(command.roadmap),
        stage=stage,
        status="pass" if all(one.status == "pass" for one in criteria) else "fail",
        criteria=criteria,
        at_ns=max(command.at_ns, state.time_ns),
    )
    last = state.reviewed
    told = (reviewed.roadmap, reviewed.criteria)
    same = last is not None and (last.roadmap, last.criteria) == told
    again = is_again("stage review", last=state.reviews, found=command.review, same=same)
    return [] if again else [reviewed]


def _judged(criterion: ExitCriterion, shown: CriterionShown | None) -> CriterionReviewed:
    """Return what ``shown`` comes to for ``criterion``."""
    evidence = None if shown is None else shown.evidence
    if criterion.evidence == "not-built":
        return CriterionReviewed(id=criterion.id, status="not-built", evidence=evidence)
    if shown is None:
        return CriterionReviewed(id=criterion.id, status="missing", evidence=None)
    passed = shown.passed and shown.found == "verified"
    return CriterionReviewed(
        id=criterion.id, status="pass" if passed else "fail", evidence=evidence
    )


def _advance(command: AdvanceStage, state: StageState) -> Sequence[StageEvent]:
    """Return the step on, if the last review of this stage allows it."""
    if _is_repeated(command, state):
        return []
    entered = state.entered
    expected = 0 if entered is None else entered.stage + 1
    if command.to != expected or command.to >= len(command.roadmap.stages):
        raise StageOrderError(expected=f"stage {expected}, if any", found=f"stage {command.to}")
    if entered is not None:
        _check_reviewed(command, entered.stage, state.reviewed)
    return [_entered(command, state, review=command.review if entered is not None else None)]


def _is_repeated(command: AdvanceStage | StepBack, state: StageState) -> bool:
    """Say whether ``command`` has brought the rollout where it is: it was delivered again.

    Raises:
        OutOfOrderError: It is numbered neither as the last entry nor as the next one.
    """
    entered = state.entered
    if entered is None:
        return is_again("stage entry", last=0, found=command.entry, same=False)
    same = (command.to, command.person) == (entered.stage, entered.person)
    return is_again("stage entry", last=entered.entry, found=command.entry, same=same)


def _check_reviewed(command: AdvanceStage, stage: int, reviewed: StageReviewed | None) -> None:
    """Check that the last review of ``stage`` passes, and is the one that is cited.

    Raises:
        StageStoppedError: It does not pass, or there is none.
        StageReviewOutdatedError: Another one is cited, or it was under another roadmap.
    """
    if reviewed is None:
        raise StageStoppedError(stage=stage, failing=[])
    if reviewed.status != "pass":
        failing = [f"{one.id} {one.status}" for one in reviewed.criteria if one.status != "pass"]
        raise StageStoppedError(stage=stage, failing=failing)
    if command.review != reviewed.review:
        raise StageReviewOutdatedError(
            expected=f"review {reviewed.review}", found=f"review {command.review}"
        )
    if message_digest(command.roadmap) != reviewed.roadmap:
        raise StageReviewOutdatedError(
            expected=f"roadmap {reviewed.roadmap}", found=message_digest(command.roadmap)
        )


def _back(command: StepBack, state: StageState) -> Sequence[StageEvent]:
    """Return the step back."""
    if _is_repeated(command, state):
        return []
    entered = state.entered
    present = -1 if entered is None else entered.stage
    changed = entered is not None and entered.roadmap != message_digest(command.roadmap)
    if not 0 <= command.to < present + changed:
        expected = f"a stage before {present}" if present > 0 else "no earlier stage to go to"
        raise StageOrderError(expected=expected, found=f"stage {command.to}")
    return [_entered(command, state, review=None)]


def _entered(
    command: AdvanceStage | StepBack, state: StageState, *, review: int | None
) -> StageEntered:
    """Return the step to the stage that ``command`` names."""
    reason = reason_text(command.reason)
    caps = command.roadmap.stages[command.to].caps
    return StageEntered(
        entry=command.entry,
        roadmap=message_digest(command.roadmap),
        came_from=None if state.entered is None else state.entered.stage,
        stage=command.to,
        caps=capped(caps, state) if isinstance(command, StepBack) else caps,
        review=review,
        person=command.person,
        reason=reason,
        at_ns=max(command.at_ns, state.time_ns),
    )


def _evolve(state: StageState, event: StageEvent) -> StageState:
    time_ns = max(state.time_ns, event.at_ns)
    match event:
        case StageReviewed():
            return replace(state, reviewed=event, reviews=event.review, time_ns=time_ns)
        case StageEntered():
            return replace(state, entered=event, reviewed=None, time_ns=time_ns)
        case _:
            assert_never(event)


STAGES: Final[Decider[StageCommand, StageEvent, StageState]] = Decider(
    initial=StageState(), decide=_decide, evolve=_evolve
)
