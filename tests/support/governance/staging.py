"""What tests of stages share: the shipped roadmap, one that is all built, and its commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from tests.support.decisions.declared import text_of
from tests.support.governance.governing import ANN, SECOND_NS, START_NS, Memory
from torghut.governance.declarations import parse_stage_roadmap
from torghut.governance.stages.progress import (
    STAGES,
    AdvanceStage,
    ReviewStage,
    StageCommand,
    StageState,
    StepBack,
)
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.governing.fields import Evidence, Found, Person
from torghut.schemas.governing.stages import STAGE_EVENT, CriterionShown, StageEvent

Stages = Memory[StageCommand, StageEvent, StageState]

ROADMAP: Final = "governance/roadmaps/rollout.yaml"
EVIDENCE: Final = Evidence(path="stages/shown.json", sha256="ef" * 32)


@cache
def shipped_roadmap() -> StageRoadmap:
    """Return the shipped roadmap."""
    return parse_stage_roadmap(text_of(ROADMAP), file=ROADMAP)


@cache
def built_roadmap() -> StageRoadmap:
    """Return the shipped roadmap as it will be when everything in it is built."""
    built = text_of(ROADMAP).replace("evidence: not-built", "evidence: {artifact: shown.v1}")
    return parse_stage_roadmap(built, file=ROADMAP)


def stages() -> Stages:
    """Return a rollout that has not begun."""
    return Memory(STAGES, STAGE_EVENT)


def all_shown(
    stage: int, *, passed: bool = True, found: Found = "verified"
) -> Mapping[str, CriterionShown]:
    """Return what shows every exit criterion of a stage."""
    one = CriterionShown(passed=passed, evidence=EVIDENCE, found=found)
    return {criterion.id: one for criterion in built_roadmap().asked_of(stage)}


def next_entry(stream: Stages) -> int:
    """Return the number of the next entry into a stage."""
    return 1 if stream.state.entered is None else stream.state.entered.entry + 1


def review(
    stream: Stages,
    shown: Mapping[str, CriterionShown],
    *,
    roadmap: StageRoadmap | None = None,
) -> ReviewStage:
    """Return the command that reviews the present stage."""
    return ReviewStage(
        review=stream.state.reviews + 1,
        roadmap=roadmap or built_roadmap(),
        shown=shown,
        at_ns=START_NS + (stream.state.reviews + 1) * SECOND_NS,
    )


def advance(stream: Stages, to: int, *, roadmap: StageRoadmap | None = None) -> AdvanceStage:
    """Return the command that goes on, citing the last review."""
    reviewed = stream.state.reviewed
    return AdvanceStage(
        entry=next_entry(stream),
        to=to,
        roadmap=roadmap or built_roadmap(),
        review=None if reviewed is None else reviewed.review,
        person=ANN,
        reason="everything is shown",
        at_ns=START_NS,
    )


def back(
    stream: Stages, to: int, *, who: Person = ANN, roadmap: StageRoadmap | None = None
) -> StepBack:
    """Return the command that goes back."""
    return StepBack(
        entry=next_entry(stream),
        to=to,
        roadmap=roadmap or built_roadmap(),
        person=who,
        reason="something is wrong",
        at_ns=START_NS,
    )


def arrived(stage: int, *, at_ns: int = START_NS) -> Stages:
    """Return a rollout that has come to ``stage``, and began at ``at_ns``."""
    stream = stages()
    stream.send(replace(advance(stream, 0), at_ns=at_ns))
    for number in range(stage):
        reviewed_ns = at_ns + (number + 1) * SECOND_NS
        stream.send(replace(review(stream, all_shown(number)), at_ns=reviewed_ns))
        stream.send(replace(advance(stream, number + 1), at_ns=reviewed_ns))
    return stream
