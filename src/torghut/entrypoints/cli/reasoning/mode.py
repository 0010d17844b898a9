"""``torghut reasoning mode``: whether advice counts, from now on."""

from __future__ import annotations

from typing import Literal

import click
from typing_extensions import Unpack

from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.live.asking import service_options
from torghut.entrypoints.cli.live.handing import Handed, hand_over
from torghut.kernel.errors import ExitCode
from torghut.schemas.control import ReasoningModeChanged


class _Changed(Handed):
    """What was asked for."""

    mode: Literal["off", "shadow", "active"]
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
    """
    changed = ReasoningModeChanged.model_validate(
        {
            "control_id": f"reasoning-mode:{standby.ids().new_id()}",
            "mode": asked["mode"],
            "reason": asked["reason"],
        }
    )
    return hand_over(asked, [changed])
