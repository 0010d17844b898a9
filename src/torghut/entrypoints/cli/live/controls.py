"""``torghut control send``: hand control records to a live service."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from typing_extensions import Unpack

from torghut.entrypoints.cli.console import json_option
from torghut.entrypoints.cli.controls import read_controls
from torghut.entrypoints.cli.live.asking import service_options
from torghut.entrypoints.cli.live.handing import Handed, hand_over
from torghut.kernel.errors import ExitCode

_STDIN: Final = Path("/dev/stdin")


class _Sent(Handed):
    """What ``send`` was asked for."""

    file: str


@click.command()
@click.argument("file", metavar="FILE|-")
@service_options
@json_option
def send(**asked: Unpack[_Sent]) -> ExitCode:
    """Hand control records to a live service and print what became of each.

    FILE has one JSON object a line; - reads them from standard input. A record that was taken
    before counts once, so the same file may be sent again.
    """
    offered = read_controls(_STDIN if asked["file"] == "-" else Path(asked["file"]))
    return hand_over(asked, [one.record for one in offered])
