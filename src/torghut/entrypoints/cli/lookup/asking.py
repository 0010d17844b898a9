"""Which decision a command is about: its id, the newest, or the newest of a symbol by some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypedDict, TypeVar

import click

from torghut.composition.logs import LogPlace
from torghut.entrypoints.cli.lookup.reading import place_option
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.ids import SERVING
from torghut.schemas.rows import INT64_LAST_NS
from torghut.workflows.lookup.finding import (
    DecisionFound,
    RefusalFound,
    Selection,
    find,
    find_last,
    parse_wanted,
)
from torghut.workflows.lookup.scanning import Scanning

P = ParamSpec("P")
R = TypeVar("R")


class Asked(TypedDict):
    """What was typed."""

    decision_id: str | None
    log_path: LogPlace
    symbol: str | None
    at: int | None
    last: bool
    arm: str


def one_decision(command: Callable[P, R]) -> Callable[P, R]:
    """Give ``command`` the options that make up ``Asked``."""
    for option in (
        click.option("--arm", default=SERVING, show_default=True, help="With --last and --at."),
        click.option("--at", type=TimeType(), help="The newest that was made by then."),
        click.option("--symbol", help="Of this symbol; with --last or --at."),
        click.option("--last", is_flag=True, help="The newest decision."),
        place_option,
        click.argument("decision_id", required=False, metavar="[ID]"),
    ):
        command = option(command)
    return command


async def find_asked(
    log: DecisionLog, asked: Asked, progress: Scanning
) -> DecisionFound | RefusalFound:
    """Return what became of the context that is asked for.

    Raises:
        DecisionUnknownError: The log has neither a decision nor a refusal of it.
        IdentifierMalformedError: The id is none.
    """
    if asked["decision_id"] is not None:
        return await find(log, parse_wanted(asked["decision_id"]), progress)
    selection = Selection(
        arm=asked["arm"],
        symbol=asked["symbol"] or "",
        to_ns=INT64_LAST_NS if asked["at"] is None else asked["at"],
    )
    return await find_last(log, selection)


def check_asked(asked: Asked) -> None:
    """Refuse what names no decision, or more than one.

    Raises:
        click.UsageError: It does.
    """
    ways = [asked["decision_id"] is not None, asked["last"], asked["at"] is not None]
    if sum(ways) != 1:
        message = "say which decision: its ID, or --last, or --symbol S --at TIME"
        raise click.UsageError(message)
    if asked["at"] is not None and asked["symbol"] is None:
        message = "--at TIME needs --symbol S"
        raise click.UsageError(message)
    if asked["decision_id"] is not None and asked["symbol"] is not None:
        message = "an ID names its symbol already; leave --symbol out"
        raise click.UsageError(message)
