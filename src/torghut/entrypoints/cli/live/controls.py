"""``torghut control send``: hand control records to a live service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from typing_extensions import Unpack

from torghut.client import Answered, Client
from torghut.entrypoints.cli.console import json_option, print_json, print_table
from torghut.entrypoints.cli.controls import read_controls
from torghut.entrypoints.cli.live.asking import Reached, service_options, with_client
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode

__all__ = ["send"]

_STDIN: Final = Path("/dev/stdin")
_TOGETHER: Final = 256
"""So many records are sent before the answers to them are waited for."""


class _Sent(Reached):
    """What ``send`` was asked for."""

    file: str
    as_json: bool


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
    records: list[JsonObject] = [one.record.model_dump(mode="json") for one in offered]

    async def work(client: Client) -> Sequence[Answered]:
        answers: list[Answered] = []
        for begin in range(0, len(records), _TOGETHER):
            together = records[begin : begin + _TOGETHER]
            answers += await client.control(together, budget_ms=asked["budget_ms"])
        return answers

    answers = with_client(asked, work)
    if asked["as_json"]:
        print_json({"answers": [msgspec.to_builtins(answer) for answer in answers]})
    else:
        print_table(
            {"control id": "left", "became": "left", "before context": "left", "why": "left"},
            [(one.control_id, one.status, one.position or "", _why(one)) for one in answers],
        )
    return ExitCode.NO if any(one.status == "refused" for one in answers) else ExitCode.YES


def _why(answer: Answered) -> str:
    """Return why a record was refused; empty where it was not."""
    return ": ".join(filter(None, (answer.code, answer.detail)))
