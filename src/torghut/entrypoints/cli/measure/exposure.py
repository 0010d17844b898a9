"""``torghut exposure show`` and ``review``: how much of the stage's cap is given, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click
from typing_extensions import TypedDict, Unpack

from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.lookup.reading import log_option, read_log
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.entrypoints.cli.measure.windows import before_option, latency_in, metrics_option
from torghut.entrypoints.cli.rollout.asking import attempt_option
from torghut.entrypoints.cli.stage.asking import causes
from torghut.eventlog.ports import DecisionLog, EventStore
from torghut.governance.exposure.by_hand import time_by_hand
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.staging.slo import WindowName
from torghut.schemas.staging.slo_window import SloWindow
from torghut.settings import artifact_dir
from torghut.workflows.aggregates import LATENCIES, Governance
from torghut.workflows.lane.running import lane_state
from torghut.workflows.lookup.scanning import Scanning
from torghut.workflows.reviewing.runs import run_on_record
from torghut.workflows.slo.reading import SETTLED_NS, windows_with
from torghut.workflows.staging.climbing import (
    Look,
    Standing,
    drill_age_ms,
    is_switched,
    ladder_standing,
    look,
    measured_windows,
)
from torghut.workflows.streams import Streams


@click.command()
@json_option
def show(*, as_json: bool) -> ExitCode:
    """Show what the exposure ladder gives now, and what keeps it from giving more."""
    roadmap = governing.stage_policies().roadmap
    streams = Streams(governing.governance_events(artifact_dir()))
    return _told(asyncio.run(ladder_standing(streams, roadmap)), as_json=as_json)


class _Review(TypedDict):
    """What ``review`` was asked for."""

    log_path: Path
    at: int | None
    metrics: Path | None
    metrics_before: Path | None
    run_id: str | None
    attempt: int | None
    as_json: bool


@click.command()
@log_option
@click.option(
    "--at",
    type=TimeType(),
    help="When to look, on the receive clock: no longer ago than a window counts, and not before "
    "the last look. By default now, or when latency was read last.",
)
@metrics_option
@before_option
@click.option(
    "--run", "run_id", help="Whose rollback counts; by default the run of the lane that ended last."
)
@attempt_option
@json_option
def review(**asked: Unpack[_Review]) -> ExitCode:
    """Look at the ladder by hand: measure windows, read the controls, step down if that follows.

    It never steps up, and no window counts towards a step: that is for the scheduler's cycles.
    Latency is what they put on record of it; --metrics says it otherwise. Who looked is on record.
    Ends with 0 if the ladder stayed, 1 if it stepped down.
    """
    policies = governing.stage_policies()
    streams = Streams(governing.governance_events(artifact_dir()))
    why = causes(f"torghut exposure review by {standby.person()}")
    latency = latency_in(asked["metrics"], asked["metrics_before"])
    readings = asyncio.run(Governance(streams=streams, causes=why).state(LATENCIES))
    before = asyncio.run(ladder_standing(streams, policies.roadmap))
    at_ns = time_by_hand(
        asked["at"],
        now_ns=standby.wall_clock().now_ns(),
        read_ns=readings.time_ns if latency is None else 0,
        last_ns=0 if before.state.reviewed is None else before.state.reviewed.at_ns,
        rule=policies.exposure.climbing,
    )

    async def work(log: DecisionLog, _told: Scanning) -> Mapping[WindowName, SloWindow]:
        if latency is None:
            return await windows_with(log, readings, at_ns - SETTLED_NS, policies.slo)
        every = dict.fromkeys(policies.slo.windows, latency)
        return await measured_windows(log, at_ns, policies.slo, every)

    windows = read_log(asked["log_path"], "Measuring", work)

    async def decide() -> Standing:
        workers = standby.worker_pages()
        told = Look(
            at_ns=at_ns,
            windows=windows,
            run=await _watched(streams.store, asked["run_id"], asked["attempt"]),
            drill_age_ms=drill_age_ms(workers, standby.wall_clock().now_ns()),
            switched=is_switched(workers),
            by_hand=True,
            causes=why,
        )
        return await look(
            streams,
            told,
            roadmap=policies.roadmap,
            policy=policies.exposure,
            slo=policies.slo,
        )

    after = asyncio.run(decide())
    _told(after, as_json=asked["as_json"])
    lower = after.state.fraction < before.state.fraction
    return ExitCode.NO if lower else ExitCode.YES


async def _watched(
    events: EventStore, run_id: str | None, attempt: int | None
) -> tuple[str, int] | None:
    """Return whose rollback counts, as the scheduler has it; None only where no run ever ended.

    Raises:
        RunUnknownError: What was asked for is not on record.
    """
    if run_id is None:
        last = (await lane_state(events)).last
        if last is None:
            return None
        run_id, attempt = last.run_id, attempt or last.attempt
    plan = (await run_on_record(events, run_id, attempt)).plan
    return plan.run_id, plan.attempt


def _told(standing: Standing, *, as_json: bool) -> ExitCode:
    """Say where the ladder stands."""
    if as_json:
        print_json(_as_object(standing))
        return ExitCode.YES
    state, reviewed = standing.state, standing.state.reviewed
    print_fields(
        {
            "given": f"{standing.cap:f} of {standing.allowed.notional_cap:f} for each symbol",
            "step": f"{state.fraction:f} of the stage's cap, after {state.steps} steps",
            "streak": f"{state.streak} windows passed in a row",
            "holds": "never looked at"
            if reviewed is None
            else ", ".join(reviewed.holding) or "nothing",
        }
    )
    return ExitCode.YES


def _as_object(standing: Standing) -> JsonObject:
    """Return where the ladder stands for machines."""
    state, reviewed = standing.state, standing.state.reviewed
    return {
        "notional_cap": format(standing.cap, "f"),
        "fraction": format(state.fraction, "f"),
        "steps": state.steps,
        "streak": state.streak,
        "allowed": standing.allowed.model_dump(mode="json"),
        "reviewed": None if reviewed is None else reviewed.model_dump(mode="json"),
    }
