"""``torghut reasoning mode``: whether advice counts, from now on."""

from __future__ import annotations

import asyncio

import click
from typing_extensions import Unpack

from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.live.asking import service_options
from torghut.entrypoints.cli.live.handing import Handed, hand_over
from torghut.kernel.errors import ExitCode
from torghut.schemas.control import ReasoningModeChanged, ReasoningModeName
from torghut.settings import artifact_dir
from torghut.workflows.staging.capping import check_reasoning
from torghut.workflows.streams import Streams


class _Changed(Handed):
    """What was asked for."""

    mode: ReasoningModeName
    reason: str


@click.command()
@click.argument("mode", type=click.Choice(["off", "shadow", "active"]))
@click.option("--reason", required=True, help="Why; it is put on record.")
@service_options
@json_option
def mode(**asked: Unpack[_Changed]) -> ExitCode:
    """Have a live service ask for advice, or nobody any more, from its next context on.

    In shadow mode decisions are made without advice, and what it would have been is recorded beside
    them. What waits for advice already is still resolved. Where the service runs without --advise
    nobody can be asked, and the fallback decides.

    A mode above what the stage in force allows is refused, with status 1, by the governance below
    TORGHUT_ARTIFACT_DIR; so is any but off where that cannot be read.
    """
    if asked["mode"] != "off":  # what takes advice away waits for nothing
        _check_allowed(asked["mode"])
    changed = ReasoningModeChanged.model_validate(
        {
            "control_id": f"reasoning-mode:{standby.ids().new_id()}",
            "mode": asked["mode"],
            "reason": asked["reason"],
        }
    )
    return hand_over(asked, [changed])


def _check_allowed(asked: ReasoningModeName) -> None:
    """Check that the stage in force allows a mode.

    Raises:
        ReasoningCappedError: It does not.
        TorghutError: Nobody can tell.
    """
    roadmap = governing.stage_policies().roadmap
    streams = Streams(governing.governance_events(artifact_dir()))
    asyncio.run(check_reasoning(streams, roadmap, asked))
