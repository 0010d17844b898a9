"""What every command that reads a log shares: which log, and how far the reading is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import click
from typing_extensions import override

from torghut.composition import logs
from torghut.composition.logs import SCHEMES, Address, LogPlace
from torghut.decisions.recording import Recorded
from torghut.entrypoints.cli.console import Progress, plural, progress, shown
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.lookup.scanning import Scanned, Scanning

T = TypeVar("T")

FILE: Final = click.Path(path_type=Path, dir_okay=False)


class LogType(click.ParamType):
    """A log: the path of its file, or ``postgresql://user@host:port/database``."""

    name = "log"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> LogPlace:
        text = str(value)
        if text.partition("://")[0] in SCHEMES and "://" in text:
            return logs.database_address(text)
        return Path(str(FILE.convert(text, param, ctx)))


place_option: Final = click.option(
    "--log", "log_path", type=LogType(), required=True, metavar="LOG", help="File or database."
)
"""The option ``--log`` of a command that reads a log wherever it is kept."""

log_option: Final = click.option(
    "--log", "log_path", type=FILE, required=True, metavar="FILE", help="The log to read."
)
"""The option ``--log``; the command's parameter is ``log_path``."""


def shown_place(place: LogPlace) -> str:
    """Return where a log is, as one would type it here."""
    return str(place) if isinstance(place, Address) else shown(place)


def read_log(
    path: LogPlace, stage: str, work: Callable[[DecisionLog, Scanning], Awaitable[T]]
) -> T:
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
        return asyncio.run(_read(logs.readable_log(path), work, told, stage))


@asynccontextmanager
async def followed(
    path: LogPlace, partition: int, stage: str, told: Progress
) -> AsyncIterator[tuple[DecisionLog, Callable[[Recorded], None]]]:
    """Give the log at ``path``, and what says how far the reading of a partition is.

    Raises:
        LogMissingError: There is none.
        LogReadError: It cannot be read.
    """
    log = logs.readable_log(path)
    blocks = contexts = 0

    def tell(recorded: Recorded) -> None:
        nonlocal blocks, contexts
        blocks += 1
        contexts += recorded.header.counts.contexts
        told.at(blocks, plural(contexts, "context"))

    try:
        told.stage(stage, total=(await log.head(partition)).number + 1)
        yield log, tell
    finally:
        await log.close()


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
