"""``torghut stage show``: the stage in force, what it allows, and what the next one waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from torghut.composition import governing
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, print_table
from torghut.entrypoints.cli.stage.asking import (
    commit_in_force,
    commit_option,
    evidence_option,
    offered_files,
)
from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.progress import StageState
from torghut.governance.stages.shown import Shown
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.declarations.roadmap import (
    ExitCriterion,
    ShownByArtifact,
    ShownByTest,
    Stage,
    StageCaps,
    StageRoadmap,
)
from torghut.schemas.types import message_digest
from torghut.settings import artifact_dir
from torghut.workflows.staging.moving import look_at, stage_state
from torghut.workflows.streams import Streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one exit criterion stands.

    Attributes:
        status: ``pass``, ``fail``, ``missing`` or ``not-built``.
        says: Why, where there is more to say.
    """

    criterion: ExitCriterion
    status: str
    says: str


@click.command()
@evidence_option
@commit_option
@json_option
def show(*, evidence: Sequence[tuple[str, str]], commit: str | None, as_json: bool) -> ExitCode:
    """Show the stage in force, what it allows at most, and each exit criterion.

    Below it stands what the whole rollout ends by; in the last stage that is asked for too. A
    criterion stands as last reviewed; with --evidence, as the file shows now. Nothing is put on
    record. Ends with 0 whatever stands.
    """
    roadmap = governing.stage_policies().roadmap
    state = asyncio.run(stage_state(Streams(governing.governance_events(artifact_dir()))))
    stage = roadmap.stages[0 if state.entered is None else state.entered.stage]
    asked = roadmap.asked_of(stage.number)
    shown: Mapping[str, Shown] = {}
    if evidence:
        shown = look_at(asked, offered_files(asked, evidence), commit=commit_in_force(commit)[0])

    def stand(criteria: Sequence[ExitCriterion]) -> list[Standing]:
        return [_standing(one, shown.get(one.id), state, roadmap) for one in criteria]

    standings, ends = stand(stage.exit_criteria), stand(roadmap.operational_exit)
    caps = caps_in_force(state, roadmap)
    if as_json:
        ended_by: JsonObject = {"operational_exit": [_as_object(one) for one in ends]}
        print_json({**as_object(state, stage, caps, standings), **ended_by})
        return ExitCode.YES
    print_fields(_header(state, stage, caps))
    _print_standings("criterion", standings)
    _print_standings("the rollout ends by", ends)
    return ExitCode.YES


def _print_standings(title: str, standings: Sequence[Standing]) -> None:
    """Print where criteria stand, for people."""
    click.echo()
    print_table(
        dict.fromkeys((title, "status", "asked", "shown by"), "left"),
        [
            (one.criterion.id, one.status, one.criterion.says, one.says or way_of(one.criterion))
            for one in standings
        ],
    )


def way_of(criterion: ExitCriterion) -> str:
    """Return what would show a criterion, in words."""
    match criterion.evidence:
        case ShownByTest(test=test):
            return f"a report of tests in which {test} passed"
        case ShownByArtifact(artifact=artifact):
            return f"a file of type {artifact}"
        case _:
            return "nothing yet: it is not built"


def _standing(
    criterion: ExitCriterion, shown: Shown | None, state: StageState, roadmap: StageRoadmap
) -> Standing:
    """Return where a criterion stands: as shown now, else as last reviewed, else missing."""
    if criterion.evidence == "not-built":
        return Standing(criterion=criterion, status="not-built", says="")
    if shown is not None:
        good = shown.shown.passed and shown.shown.found == "verified"
        return Standing(
            criterion=criterion, status="pass" if good else "fail", says=f"now: {shown.says}"
        )
    reviewed = state.reviewed
    if reviewed is None or reviewed.roadmap != message_digest(roadmap):
        return Standing(criterion=criterion, status="missing", says="")
    found = next((one for one in reviewed.criteria if one.id == criterion.id), None)
    if found is None or found.evidence is None:
        return Standing(criterion=criterion, status="missing", says="")
    says = f"review {reviewed.review}: {found.evidence.path}"
    return Standing(criterion=criterion, status=found.status, says=says)


def _header(state: StageState, stage: Stage, caps: StageCaps) -> dict[str, str]:
    """Return where the rollout is, for people."""
    entered = state.entered
    where = f"{stage.number} {stage.name}"
    if entered is None:
        return {"stage": f"none entered; the caps of {where} hold", **_caps(caps)}
    by = f"{entered.person.name}, key {entered.person.key[:12]}"
    return {
        "stage": where,
        "since": f"{instant(entered.at_ns)} by {by}: {entered.reason}",
        **_caps(caps),
    }


def _caps(caps: StageCaps) -> dict[str, str]:
    """Return what is allowed, for people."""
    return {
        "target": f"at most {caps.target}",
        "router": f"at most {caps.router_mode}",
        "reasoning": f"at most {caps.reasoning_mode}",
        "notional": f"at most {caps.notional_cap:f} for each symbol, live",
    }


def as_object(
    state: StageState, stage: Stage, caps: StageCaps, standings: Sequence[Standing]
) -> JsonObject:
    """Return where the rollout is, for machines."""
    entered = state.entered
    return {
        "stage": None if entered is None else entered.stage,
        "name": stage.name,
        "entered": None if entered is None else entered.model_dump(mode="json"),
        "caps": caps.model_dump(mode="json"),
        "criteria": [_as_object(one) for one in standings],
    }


def _as_object(standing: Standing) -> JsonObject:
    """Return where a criterion stands, for machines."""
    return {
        "id": standing.criterion.id,
        "says": standing.criterion.says,
        "status": standing.status,
        "found": standing.says or None,
        "shown_by": way_of(standing.criterion),
    }
