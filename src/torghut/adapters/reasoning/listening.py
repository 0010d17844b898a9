"""The other end: a Unix socket on which questions come, each answered by itself."""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from torghut.adapters.sockets.conversing import Met, conversing
from torghut.reasoning.errors import DEFECT
from torghut.reasoning.showing import RowLegend
from torghut.schemas.reasoning.wire import LINE_MAX, Found, Inquired
from torghut.workflows.reasoning.advising import AdvisingDesk, Inquiry
from torghut.workflows.reasoning.finding import Finding

_PRIVATE: Final = 0o600


@asynccontextmanager
async def listening(desk: AdvisingDesk, path: Path) -> AsyncIterator[None]:
    """Answer questions while the block lasts; what is open at its end is not answered."""

    async def listen(met: Met) -> asyncio.Server:
        await asyncio.to_thread(_make_room, path)
        server = await asyncio.start_unix_server(met, path, limit=LINE_MAX)
        await asyncio.to_thread(path.chmod, _PRIVATE)
        return server

    async with conversing(partial(_converse, desk), listen):
        try:
            yield
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _make_room(path: Path) -> None:
    """Remove a socket that somebody left; nothing else.

    Raises:
        FileExistsError: Something else is there.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "expected a socket or nothing", str(path))
        path.unlink()


async def _converse(
    desk: AdvisingDesk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer what comes on one connection, each question in a task of its own.

    The loop's going, or a line that is none of its, ends the reading; what is under way is ended
    by its own deadline.
    """
    async with asyncio.TaskGroup() as asking:
        with suppress(OSError, ValueError):
            while line := await reader.readline():
                with suppress(ValidationError):
                    asking.create_task(_answer(desk, Inquired.model_validate_json(line), writer))


async def _answer(desk: AdvisingDesk, asked: Inquired, writer: asyncio.StreamWriter) -> None:
    """Answer one question; whatever goes wrong with it ends no other."""
    try:
        finding = await desk.advise(
            Inquiry(
                context_id=asked.context_id,
                row=bytes.fromhex(asked.row),
                legend=RowLegend(
                    symbol=asked.symbol, regimes=asked.regimes, multiplier=asked.multiplier
                ),
                deadline_ns=asked.deadline_ns,
            )
        )
    except Exception as defect:  # noqa: BLE001 - nobody foresaw it, and the others go on
        desk.witness.failed(asked.context_id, defect)
        finding = Finding(outcome="failed", code=DEFECT)
    found = Found(
        context_id=asked.context_id,
        resolution=finding.outcome,
        factor=finding.factor,
        confidence=finding.confidence,
        advice=finding.advice,
        code=finding.code,
        tokens=finding.tokens,
    )
    writer.write(found.model_dump_json().encode() + b"\n")
