"""The process that asks: it answers the loop's questions on a Unix socket until asked to stop."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import click
from typing_extensions import Unpack, override

from torghut.artifacts.package import Package
from torghut.carrying.ports import TopicReader
from torghut.composition import brokering, deciding, machine
from torghut.composition.advice import asking
from torghut.composition.advice.settings import EndpointAccess, endpoint_access
from torghut.entrypoints.cli.console import plural
from torghut.entrypoints.cli.reasoning.programs.asking import champion_gone, ended_by, load_program
from torghut.entrypoints.cli.reasoning.terms import asking_terms
from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.governance import AskingTerms

_NICE: Final = 10
"""How far this process steps back: who decides comes first where cores are short.

A kernel that shares cores among sessions first (sched(7), autogroup) gives a companion's as much as
the loop's all the same. To let that step back as well was tried: fast decisions came no sooner, and
on two loaded cores questions ended unanswered.
"""

_OVER_KAFKA: Final = "kafka:"
_BUDGET_MS: Final = 10_000
"""Longest wait for the broker of passages; nobody who asks waits for it."""


@dataclass(frozen=True, slots=True)
class PassageBrokers:
    """Where the topic of passages is.

    Attributes:
        bootstrap: Addresses to begin with; None for those of the environment.
    """

    bootstrap: str | None


class PassagesType(click.ParamType):
    """A file, or brokers after ``kafka:``."""

    name = "place"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | PassageBrokers:
        text = str(value)
        if text.startswith(_OVER_KAFKA):
            return PassageBrokers(text.removeprefix(_OVER_KAFKA) or None)
        if (path := Path(text)).is_dir():
            self.fail(f"{text!r} is a folder.", param, ctx)
        return path


class ServeOptions(TypedDict):
    """What was typed."""

    socket: Path
    passages: Path | PassageBrokers | None
    program: str | None
    beside: bool


@click.command()
@click.option(
    "--socket",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Unix socket to listen on.",
)
@click.option(
    "--passages",
    type=PassagesType(),
    metavar="FILE|kafka:[HOST:PORT,...]",
    help="News and fundamentals that may be shown: JSON lines in a file that may grow, or what is "
    "in torghut.passages.v1 of these brokers, else of those of TORGHUT_KAFKA_BOOTSTRAP.",
)
@click.option("--program", help="Compiled program: NAME@DIGEST, or NAME@champion as promoted.")
@click.option("--beside", is_flag=True, help="End when standard input does: nobody is left to ask.")
def serve(**options: Unpack[ServeOptions]) -> ExitCode:
    """Ask the endpoint of TORGHUT_REASONING_ENDPOINT what the loop wants to know.

    A process of its own, so that however long a model takes, whatever it sends and whatever becomes
    of this process, the loop decides in time. torghut serve --advise starts it. With
    NAME@champion it ends once the promotion ledger names another program, and whoever keeps it
    running begins anew with that one.
    """
    if options["beside"]:
        _step_back()
    access = endpoint_access()
    terms, text = asking_terms(deciding.declarations()), options["program"]
    package = None if text is None else load_program(text, None)
    with machine.end_on_terminate():
        # Not on libuv, which connects where no audit hook sees it: whom this speaks to is watched.
        asyncio.run(_serve(options, access, terms, package))
    return ExitCode.YES


def _step_back() -> None:
    """Let who decides go first, and find one core, where there are several, free of this process.

    A thread that wakes waits for whichever runs on its core to let go of it, however nice that is.
    """
    os.nice(_NICE)
    first, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [first])


async def _serve(
    options: ServeOptions, access: EndpointAccess, terms: AskingTerms, package: Package | None
) -> None:
    """Answer questions until asked to stop."""
    place = options["passages"]
    if isinstance(place, PassageBrokers):
        named = brokering.broker(place.bootstrap, name="torghut-advice", budget_ms=_BUDGET_MS)
        passages: Path | TopicReader | None = named.reader()
    else:
        passages = place
    async with asking.advising(
        access, terms, options["socket"], passages=passages, package=package
    ) as desk:
        click.echo(f"asking  {access.model} at {access.url}")
        machine.keep_for_good()
        with machine.stop_on_signals(at_end_of_input=options["beside"]) as stopping:
            text = options["program"]
            gone = None if text is None or package is None else champion_gone(text, package)
            if await ended_by(stopping.asked, gone):
                click.echo(f"over    {text} is another program now")
        calls, tokens = desk.ledger.state.counted(desk.ledger.wall.now_ns())
        click.echo(f"asked   {plural(calls, 'question')}, {tokens:,} tokens in the last hour")
