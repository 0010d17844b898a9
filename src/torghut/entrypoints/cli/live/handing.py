"""Control records handed to a live service, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from torghut.client import Answered, Client
from torghut.entrypoints.cli.console import print_json, print_table
from torghut.entrypoints.cli.live.asking import Reached, with_client
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.schemas.control import ControlRecord

_TOGETHER: Final = 256
"""So many records are sent before the answers to them are waited for."""


class Handed(Reached):
    """What a command was asked for that hands records over."""

    as_json: bool


def hand_over(asked: Handed, records: Sequence[ControlRecord]) -> ExitCode:
    """Hand records over and print what became of each; NO if one was refused."""
    said: Sequence[JsonObject] = [one.model_dump(mode="json") for one in records]

    async def work(client: Client) -> Sequence[Answered]:
        answers: list[Answered] = []
        for begin in range(0, len(said), _TOGETHER):
            together = said[begin : begin + _TOGETHER]
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
