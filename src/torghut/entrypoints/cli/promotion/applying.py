"""``torghut promotion apply`` and ``revert``: put on record who serves."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import click
from typing_extensions import TypedDict, Unpack

from torghut.composition import governing
from torghut.entrypoints.cli.approval.asking import reason_option
from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.promotion.asking import (
    approval_option,
    cap_option,
    control_option,
    manifest_of_run,
    office,
    print_changed,
)
from torghut.entrypoints.cli.rollout.asking import attempt_option
from torghut.kernel.errors import ExitCode
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import Changed, promote
from torghut.workflows.approving.promoting import revert as take_back

__all__ = ["apply", "revert"]


class _Apply(TypedDict):
    """What ``apply`` was asked for."""

    run_id: str
    attempt: int | None
    approval: str | None
    notional_cap: Decimal | None
    replaces: str | None
    only_control: bool
    as_json: bool


@click.command()
@click.argument("run_id")
@attempt_option
@approval_option
@cap_option
@click.option(
    "--replaces", metavar="DIGEST", help="Package that serves while nothing was promoted yet."
)
@control_option
@json_option
def apply(**asked: Unpack[_Apply]) -> ExitCode:
    """Promote the candidate of the run RUN_ID to the target of its final, signed, passing manifest.

    It is put on record here; a running loop is told by the control record that is printed. The same
    again changes nothing. Ends with 5 if somebody else changed who serves meanwhile.
    """
    place = office("torghut promotion apply")
    manifest = manifest_of_run(place, asked["run_id"], asked["attempt"])
    changed = asyncio.run(
        promote(
            place,
            manifest,
            approval=asked["approval"],
            grounds=governing.live_grounds(place.events),
            notional_cap=asked["notional_cap"],
            replaces=asked["replaces"],
        )
    )
    print_changed(changed, only_control=asked["only_control"], as_json=asked["as_json"])
    return ExitCode.YES


@click.command()
@click.argument("router")
@reason_option
@click.option("--cause", help="Incident that this follows; the same one reverts once.")
@control_option
@json_option
def revert(
    router: str, *, reason: str, cause: str | None, only_control: bool, as_json: bool
) -> ExitCode:
    """Let serve again what served before the champion of ROUTER, or of a program, program:NAME.

    It is put on record here; a running loop is told by the control record that is printed. What is
    taken back twice is quarantined.
    """
    place = office("torghut promotion revert")
    changed = asyncio.run(_reverted(place, router, cause=cause, reason=reason))
    print_changed(changed, only_control=only_control, as_json=as_json)
    return ExitCode.YES


async def _reverted(place: Office, router: str, *, cause: str | None, reason: str) -> Changed:
    """Take the champion back; a command without a cause is one of its own."""
    named = cause or f"command-{place.now_ns}"
    return await take_back(place, router, cause=named, reason=reason)
