"""``torghut reasoning promote``: let a compiled program serve, as the lane found it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import click
from typing_extensions import TypedDict, Unpack

from torghut.composition import governing, standby
from torghut.composition.advice import serving
from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.promotion.asking import (
    approval_option,
    cap_option,
    manifest_of_run,
    office,
    print_changed,
)
from torghut.entrypoints.cli.reasoning.programs.asking import load_program, programs_option
from torghut.entrypoints.cli.rollout.asking import attempt_option
from torghut.governance.ledger.errors import ManifestUnfitError
from torghut.governance.ledger.ledger import program_ledger
from torghut.kernel.errors import ExitCode
from torghut.reasoning.program import read_program
from torghut.workflows.approving.promoting import promote as put_on_record
from torghut.workflows.approving.tried import check_tried, newest_run
from torghut.workflows.reviewing.runs import run_on_record


class _Asked(TypedDict):
    """What was typed."""

    package: str
    run_id: str | None
    attempt: int | None
    approval: str | None
    notional_cap: Decimal | None
    programs_path: Path | None
    as_json: bool


@click.command()
@click.argument("package")
@click.option("--run", "run_id", metavar="RUN", help="That speaks for it; by default the newest.")
@attempt_option
@approval_option
@cap_option
@programs_option
@json_option
def promote(**asked: Unpack[_Asked]) -> ExitCode:
    """Promote a compiled program to the target of its run's final, signed, passing manifest.

    PACKAGE is NAME@DIGEST. It is promoted as every candidate is: what a run of the lane found must
    hold now, and live takes an approval that this promotion uses up. Before that, it must render
    here as where it was compiled. Who serves NAME@champion asks by it from then on. The same again
    changes nothing; torghut promotion revert program:NAME takes it back.
    """
    package = load_program(asked["package"], asked["programs_path"])
    asyncio.run(serving.checked_module(read_program(package), standby.steady_clock()))
    place, ledger = office("torghut reasoning promote"), program_ledger(package.name)
    run_id = asked["run_id"] or asyncio.run(newest_run(place, ledger, package.digest))
    run = asyncio.run(run_on_record(place.events, run_id, asked["attempt"]))
    if run.state.finalised is None:
        raise ManifestUnfitError(
            expected=f"run {run_id} with a final manifest", found="one that is not final yet"
        )
    manifest = manifest_of_run(place, run_id, asked["attempt"])
    asyncio.run(check_tried(place, manifest, ledger, package.digest))
    changed = asyncio.run(
        put_on_record(
            place,
            manifest,
            approval=asked["approval"],
            grounds=governing.live_grounds(place.events),
            notional_cap=asked["notional_cap"],
        )
    )
    print_changed(changed, only_control=False, as_json=asked["as_json"])
    return ExitCode.YES
