"""``torghut stage advance`` and ``back``: on when everything is shown, back at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import json_option, print_json
from torghut.entrypoints.cli.stage.asking import (
    anybody,
    causes,
    commit_in_force,
    commit_option,
    declared_person,
    evidence_option,
    key_option,
    offered_files,
    reason_option,
)
from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.progress import StageState
from torghut.governance.stages.shown import Shown
from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.governing.fields import Person
from torghut.settings import artifact_dir
from torghut.workflows.staging.moving import Move, go_back, go_on, look_at, stage_state
from torghut.workflows.streams import Streams

_LAST_STAGE = 5


@click.command()
@reason_option
@key_option
@evidence_option
@commit_option
@json_option
def advance(
    *,
    reason: str,
    key_file: Path,
    evidence: Sequence[tuple[str, str]],
    commit: str | None,
    as_json: bool,
) -> ExitCode:
    """Review the stage in force with what is offered, and go on to the next if all is shown.

    The first time it enters stage 0, which asks for nothing. Ends with 1, and names what is
    missing, if an exit criterion is not shown, or if the stage is not on record as it is, since
    it was entered (torghut governance record); that review is on record too. The key must be one
    that governance/owners.yaml declares for a role of people.
    """
    roadmap = governing.stage_policies().roadmap
    move = _move("torghut stage advance", declared_person(key_file), reason)
    streams = Streams(governing.governance_events(artifact_dir()))
    store = standby.artifact_root(artifact_dir())

    async def work() -> StageState:
        state = await stage_state(streams)
        shown: dict[str, Shown] = {}
        if evidence:
            asked = roadmap.asked_of(0 if state.entered is None else state.entered.stage)
            files = offered_files(asked, evidence)
            shown |= look_at(asked, files, commit=commit_in_force(commit)[0])
        for name, one in sorted(shown.items()):
            click.echo(f"{name}: {one.says}", err=True)
        return await go_on(
            streams, store, roadmap, shown, move, commit=lambda: commit_in_force(commit)[0]
        )

    return _told(asyncio.run(work()), roadmap, as_json=as_json)


@click.command()
@reason_option
@key_option
@click.option("--to", type=click.IntRange(0, _LAST_STAGE), help="Stage; by default the one before.")
@json_option
def back(*, reason: str, key_file: Path, to: int | None, as_json: bool) -> ExitCode:
    """Go back to an earlier stage, at once; nothing has to be shown for that, by anybody's key.

    With the number of the present stage it enters that again, under a roadmap changed since.
    Nothing more is allowed than before. Ends with 1 if there is no such stage.
    """
    roadmap = governing.stage_policies().roadmap
    move = _move("torghut stage back", anybody(key_file), reason)
    streams = Streams(governing.governance_events(artifact_dir()))
    return _told(asyncio.run(go_back(streams, roadmap, move, to=to)), roadmap, as_json=as_json)


def _move(command: str, person: Person, reason: str) -> Move:
    """Return who moves the rollout, why and when."""
    return Move(
        person=person,
        reason=reason,
        at_ns=standby.wall_clock().now_ns(),
        causes=causes(command),
    )


def _told(state: StageState, roadmap: StageRoadmap, *, as_json: bool) -> ExitCode:
    """Say where the rollout is now."""
    entered = state.entered
    if entered is None:
        return ExitCode.NO
    if as_json:
        print_json({"entered": entered.model_dump(mode="json")})
        return ExitCode.YES
    caps = caps_in_force(state, roadmap)
    came = "nothing" if entered.came_from is None else f"stage {entered.came_from}"
    click.echo(f"{came} → stage {entered.stage} {roadmap.stages[entered.stage].name}")
    click.echo(
        f"at most: target {caps.target}, router {caps.router_mode}, reasoning "
        f"{caps.reasoning_mode}, notional {caps.notional_cap:f}"
    )
    return ExitCode.YES
