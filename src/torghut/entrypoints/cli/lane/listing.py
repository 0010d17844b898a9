"""``torghut lane list``: what waits, what is at work, and how the last run ended."""

from __future__ import annotations

import asyncio

import click

from torghut.composition import governing
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, print_table
from torghut.governance.lanes.queue import LaneState
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.settings import artifact_dir
from torghut.workflows.lane.naming import candidate_id_of
from torghut.workflows.lane.running import lane_state

__all__ = ["list"]

_COLUMNS = {"submission": "right", "candidate": "left", "target": "left", "since": "left"}


@click.command()
@json_option
def list(*, as_json: bool) -> ExitCode:  # noqa: A001 - the command's name
    """List the candidates that wait, oldest first, the run at work and the last one that ended."""
    state = asyncio.run(lane_state(governing.governance_events(artifact_dir())))
    if as_json:
        print_json(_as_json(state))
        return ExitCode.YES
    fields = {"at work": _at_work(state), "last": _last(state)}
    print_fields({name: text for name, text in fields.items() if text})
    rows = [_row(one) for one in state.waiting.values()]
    if rows:
        print_table(_COLUMNS, rows)
    else:
        click.echo("nothing waits")
    return ExitCode.YES


def _row(one: CandidateSubmitted) -> tuple[str, str, str, str]:
    """Return what waits as a row."""
    candidate = candidate_id_of(one.asked.candidate)
    return str(one.submission), candidate, one.asked.target, instant(one.at_ns)


def _at_work(state: LaneState) -> str:
    """Return the run at work in words; empty without one."""
    if state.running is None:
        return ""
    return f"{state.running.run_id}, attempt {state.running.attempt}, {state.running.candidate_id}"


def _last(state: LaneState) -> str:
    """Return how the last run ended, in words; empty before the first."""
    if state.last is None:
        return ""
    streak = f"; {state.failure_streak} in a row did not complete" if state.failure_streak else ""
    return f"{state.last.run_id}, {state.last.outcome}: {state.last.reason}{streak}"


def _as_json(state: LaneState) -> JsonObject:
    """Return the queue for machines."""
    return {
        "waiting": [one.model_dump(mode="json") for one in state.waiting.values()],
        "running": None if state.running is None else state.running.model_dump(mode="json"),
        "last": None if state.last is None else state.last.model_dump(mode="json"),
        "failure_streak": state.failure_streak,
    }
