"""What every command that reads a log shares: which log, and how far the reading is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from torghut import bootstrap
from torghut.entrypoints.cli.console import Progress, plural, progress
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.lookup.scanning import Scanned, Scanning

T = TypeVar("T")

FILE: Final = click.Path(path_type=Path, dir_okay=False)

log_option: Final = click.option(
    "--log", "log_path", type=FILE, required=True, metavar="FILE", help="The log to read."
)
"""The option ``--log``; the command's parameter is ``log_path``."""


def read_log(path: Path, stage: str, work: Callable[[DecisionLog, Scanning], Awaitable[T]]) -> T:
    """Return what ``work`` makes of the log at ``path``, which may be growing meanwhile.

    Args:
        path: Of the log.
        stage: What is being done, in a few words.
        work: Told the log and where to say how far it is.

    Raises:
        LogMissingError: There is none.
        LogIntegrityError: It is not as it was written.
        TruncatedLogError: It ends before its heads file does.
        LogReadError: It cannot be read.
    """
    with progress() as told:
        told.stage(stage)
        return asyncio.run(_read(bootstrap.readable_log(path), work, told, stage))


async def _read(
    log: DecisionLog,
    work: Callable[[DecisionLog, Scanning], Awaitable[T]],
    told: Progress,
    stage: str,
) -> T:
    """Do the work and let go of the log."""
    try:
        return await work(log, scanning(told, stage))
    finally:
        await log.close()


def scanning(told: Progress, stage: str) -> Scanning:
    """Return what shows how far a scan is."""
    begun = False

    def tell(scanned: Scanned) -> None:
        nonlocal begun
        if not begun:
            told.stage(stage, total=scanned.blocks_total)
            begun = True
        told.at(scanned.blocks, plural(scanned.blocks, "block"))

    return tell
