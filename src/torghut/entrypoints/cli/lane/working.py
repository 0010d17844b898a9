"""``torghut lane run``: work the queue of candidates off, in this process."""

from __future__ import annotations

import asyncio

import click
from typing_extensions import override

from torghut.composition import governing, lanes
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    print_fields,
    print_json,
    progress,
)
from torghut.entrypoints.cli.rollout.reviewing import page_of
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.settings import artifact_dir
from torghut.workflows.lane.running import LaneResult

__all__ = ["run"]


class LeaseType(click.ParamType):
    """``EPOCH:HOLDER``: the lease under which a scheduler lets the lane write."""

    name = "lease"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        epoch, _, holder = str(value).partition(":")
        if not epoch.isdecimal() or not holder:
            self.fail(f"expected EPOCH:HOLDER, found {value!r}", param, ctx)
        return int(epoch), holder


@click.command()
@click.option("--once", is_flag=True, help="Only what has waited longest.")
@click.option("--under", hidden=True, type=LeaseType(), help="EPOCH:HOLDER of a scheduler's lease.")
@json_option
def run(*, once: bool, under: tuple[int, str] | None, as_json: bool) -> ExitCode:
    """Run what has waited longest, and all the others after it.

    A run whose process is gone is ended first. Ends with 0 if every run completed, whatever its
    manifest says; 1 if one did not, or nothing waited; 6 if another process runs the lane.
    """
    with governing.lane_turn(artifact_dir()), progress() as told:
        told.stage("Loading the decision kernel; compiled once for each build")
        found = asyncio.run(_run(told, once=once, under=under))
    if as_json:
        print_json({"runs": [_as_json(one) for one in found]})
    else:
        _print(found)
    completed = bool(found) and all(one.ended.outcome == "completed" for one in found)
    return ExitCode.YES if completed else ExitCode.NO


async def _run(told: Progress, *, once: bool, under: tuple[int, str] | None) -> list[LaneResult]:
    """Adopt what was left behind, then work the queue off."""
    found: list[LaneResult] = []

    said = ""

    def tell(phase: str, what: str, far: float) -> None:
        nonlocal said
        stage = f"{phase}{f': {what}' if what else ''}"
        if stage != said:
            told.stage(stage, total=1000)
            said = stage
        told.at(round(far * 1000))

    desk = await lanes.lane_desk(tell, under=under, page=page_of)
    if (adopted := await desk.adopt()) is not None:
        found.append(adopted)
    while (result := await desk.run_next()) is not None:
        found.append(result)
        if once:
            break
    return found


def _print(found: list[LaneResult]) -> None:
    """Print what runs came to, for people."""
    if not found:
        click.echo("nothing waits; `torghut lane submit` lets a candidate wait")
    for one in found:
        print_fields(
            {
                "run": f"{one.ended.run_id}, attempt {one.ended.attempt}: {one.ended.outcome}",
                "verdict": f"{one.verdict or 'none'}, {one.ended.reason}",
                "lane": ", ".join(f"{p.name} {p.status}" for p in one.manifest.phases[:5]),
                "window": f"{one.ended.signals:,} signals, {one.ended.decisions:,} decisions",
                "manifest": str(artifact_dir() / one.own_copy),
            }
        )


def _as_json(one: LaneResult) -> JsonObject:
    """Return what a run came to, for machines."""
    return {
        "ended": one.ended.model_dump(mode="json"),
        "verdict": one.verdict or None,
        "requested_promotion_target": one.target,
        "status": one.manifest.status,
        "manifest": one.own_copy,
    }
