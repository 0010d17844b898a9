"""What every command that talks to a live service asks for, and how it waits for the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypedDict, TypeVar

import click

from torghut.client import Client, State, connect
from torghut.schemas.live.position import parse_position

P = ParamSpec("P")
R = TypeVar("R")

BUDGET_MS: Final = 10_000
"""Waited for the service and for its answers, where nobody says."""


class Streamed(Protocol):
    """Something that came, as the service wrote it."""

    @property
    def line(self) -> str:
        """The service's own JSON."""
        ...


T = TypeVar("T", bound=Streamed)


class Reached(TypedDict):
    """Where the service is, and what lets in."""

    url: str | None
    token_file: Path | None
    budget_ms: int


def service_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add the options that say where the service is."""
    for option in (
        click.option(
            "--budget-ms",
            type=click.IntRange(min=1),
            default=BUDGET_MS,
            show_default=True,
            help="Longest wait for the service.",
        ),
        click.option(
            "--token-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="File with the token; else TORGHUT_TOKEN_FILE.",
        ),
        click.option("--url", help="Of the service; else TORGHUT_URL, else this machine's."),
    ):
        command = option(command)
    return command


class Tailed(Reached):
    """What a command was asked for that prints a stream."""

    after: str | None
    follow: bool
    as_json: bool


def tail_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add the options of a command that prints a stream."""
    command = service_options(command)
    for option in (
        click.option(
            "--json", "as_json", is_flag=True, help="Print the service's own JSON, one a line."
        ),
        click.option(
            "--after",
            metavar="POSITION",
            help="Where to begin: a position, start or now; else now with --follow, else start.",
        ),
        click.option("--follow", is_flag=True, help="Go on with what comes."),
    ):
        command = option(command)
    return command


def begun(asked: Tailed) -> str:
    """Return where a stream begins.

    Raises:
        PositionMalformedError: There is no such place.
    """
    after = asked["after"] or ("now" if asked["follow"] else "start")
    if after != "now":
        parse_position(after)
    return after


def with_client(asked: Reached, work: Callable[[Client], Coroutine[None, None, R]]) -> R:
    """Return what ``work`` returns with a client that has heard the service.

    Raises:
        UnreachableError: The service was not heard within the budget.
        DeniedError: It refuses the token.
        AddressMalformedError: There is no such address.
    """

    async def worked() -> R:
        client = connect(asked["url"], token_file=asked["token_file"])
        async with client:
            await client.ready(asked["budget_ms"])
            return await work(client)

    return asyncio.run(worked())


def print_stream(
    asked: Tailed,
    stream: Callable[[Client, str], AsyncIterator[T]],
    shown: Callable[[T], str],
) -> None:
    """Print what comes, one a line, and on stderr how the service stands.

    Args:
        asked: For what.
        stream: Returns what comes, from where it begins.
        shown: Returns one of it for people.

    Raises:
        UnreachableError: The service was not heard within the budget.
        DeniedError: It refuses the token.
    """
    after = begun(asked)

    async def work(client: Client) -> None:
        watching = asyncio.create_task(tell_states(client))
        try:
            async for one in stream(client, after):
                click.echo(one.line if asked["as_json"] else shown(one))
        finally:
            watching.cancel()

    with_client(asked, work)


async def tell_states(client: Client) -> None:
    """Say on stderr whenever the state changes, beginning with the first that is not live."""
    last = State("live", "")
    async for state in client.states():
        if state != last:
            last = state
            click.echo(" ".join(filter(None, ("state:", state.name, state.reason))), err=True)
