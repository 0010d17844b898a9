"""``torghut lane submit``: let a candidate wait for its run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import click

from torghut.artifacts.package import Package
from torghut.composition import lanes, logs
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.console import json_option, progress
from torghut.entrypoints.cli.lane.asking import WindowType, read_candidate
from torghut.entrypoints.cli.lane.queueing import (
    Author,
    Submission,
    author_option,
    print_submitted,
    submitted,
    target_option,
)
from torghut.entrypoints.cli.lookup.packages import packages_option
from torghut.entrypoints.cli.lookup.reading import log_option
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.phases import Target
from torghut.workflows.lane.contest.standing import champion_of, standing_at
from torghut.workflows.lane.desk.candidates import (
    Candidates,
    check_window,
    declarations_spec,
    package_spec,
)

__all__ = ["submit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was typed."""

    candidate: Package | Declarations
    router: str
    log: Path
    partition: int
    window: tuple[int, int]
    target: Target
    author: Author | None


@click.command()
@click.option(
    "--candidate",
    required=True,
    metavar="PACKAGE|FOLDER",
    help="NAME@DIGEST of a router package, or a folder of declarations.",
)
@click.option("--router", required=True, help="The router that it would serve.")
@log_option
@click.option("--partition", default=0, help="Of the log.")
@click.option(
    "--window", required=True, type=WindowType(), metavar="A..B", help="By receive time, both in."
)
@target_option
@author_option
@packages_option
@json_option
def submit(  # noqa: PLR0913, PLR0917 - one parameter an option
    candidate: str,
    router: str,
    log_path: Path,
    partition: int,
    window: tuple[int, int],
    target: Target,
    author: Author | None,
    packages: Path | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Let a candidate wait for its run on a window of a decision log.

    Live takes the word of who made it, by --author with their private key; that key cannot approve
    it. The candidate is copied below the artifact root; what is run is that copy. The champion is
    what served when the window ended. The same again while it waits changes nothing. A compiled
    program is submitted by torghut reasoning submit.
    """
    asked = _Asked(
        candidate=read_candidate(candidate, packages),
        router=router,
        log=log_path,
        partition=partition,
        window=window,
        target=target,
        author=author,
    )
    with progress() as told:
        told.stage("Reading what the log stands for")
        found = asyncio.run(_submit(asked))
    print_submitted(found, target, as_json=as_json)
    return ExitCode.YES


async def _submit(asked: _Asked) -> tuple[int, str]:
    """Keep the candidate and put it on record; return its number and id."""
    spec = await _specified(asked)
    candidates: Candidates = lanes.candidates()
    if isinstance(asked.candidate, Package):
        candidates.keep_package(asked.candidate)
    else:
        candidates.keep_declarations(asked.candidate)
    window = LogWindow(
        log=str(asked.log.absolute()),
        partition=asked.partition,
        first_ns=asked.window[0],
        last_ns=asked.window[1],
    )
    return await submitted(
        Submission(spec=spec, window=window, target=asked.target, author=asked.author)
    )


async def _specified(asked: _Asked) -> CandidateSpec:
    """Return the candidate, compared with what served when the window ended."""
    log = logs.readable_log(asked.log)
    try:
        standing = await standing_at(log, asked.window[1], partition=asked.partition)
        champion = await champion_of(log, standing)
    finally:
        await log.close()
    check_window(asked.window, standing)
    if isinstance(asked.candidate, Package):
        return package_spec(asked.candidate, champion, asked.router)
    return declarations_spec(asked.candidate, champion, asked.router)
