"""The loop's end of the way to whoever asks for advice: it never waits, and never fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from typing_extensions import override

from torghut.kernel.units import MS_PER_S
from torghut.schemas.reasoning.wire import LINE_MAX, Found, Inquired
from torghut.workflows.live.advice.awaiting import Advisor, Answer, Question

_RETRY_MS: Final = 200
_WAY_BACK_NS: Final = 50_000_000
"""For keeping a record and coming back, so that a question's own end is told before the timer's."""
_BUFFER_MAX: Final = 1_048_576
"""Bytes that may wait to be read by the other end; more, and it is taken for gone."""

_GONE: Final = Answer(resolution="failed", code="reasoning.process-gone")


class SocketAdvisor(Advisor):
    """Asks a process behind a Unix socket; ``run`` it as long as it may be asked.

    Where the process is gone, every question that it has is answered at once, with that.

    Args:
        path: Of the socket.
        connected: Told whether somebody is there to be asked, whenever that changes.
        spent: Told how many tokens a question used, as far as that is known.
    """

    def __init__(
        self, path: Path, connected: Callable[[bool], None], spent: Callable[[int], None]
    ) -> None:
        self._path = path
        self._connected = connected
        self._spent = spent
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[str, Callable[[Answer], None]] = {}

    @override
    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        writer = self._writer
        if writer is None or writer.transport.get_write_buffer_size() > _BUFFER_MAX:
            answered(_GONE)
            return
        self._waiting[question.context_id] = answered
        said = Inquired(
            context_id=question.context_id,
            symbol=question.symbol,
            row=question.row.hex(),
            regimes=tuple(question.regimes),
            multiplier=question.multiplier,
            deadline_ns=question.deadline_ns - _WAY_BACK_NS,
        )
        writer.write(said.model_dump_json().encode() + b"\n")

    async def run(self) -> None:
        """Keep the connection, for ever."""
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(
                    self._path, limit=LINE_MAX
                )
                self._connected(True)  # noqa: FBT003 -- as a gauge says it
                await self._listen(reader)
            except (OSError, ValueError):
                pass  # nobody is there, or what is there speaks otherwise
            finally:
                await self._let_go()
            await asyncio.sleep(_RETRY_MS / MS_PER_S)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Hand on what is found until the other end is gone.

        Raises:
            ValueError: A line is too long.
        """
        while line := await reader.readline():
            with suppress(ValidationError):
                found = Found.model_validate_json(line)
                self._spent(found.tokens or 0)
                if (answered := self._waiting.pop(found.context_id, None)) is not None:
                    answered(
                        Answer(
                            resolution=found.resolution,
                            factor=found.factor,
                            confidence=found.confidence,
                            advice=found.advice,
                            code=found.code,
                        )
                    )

    async def _let_go(self) -> None:
        """Answer everything that is open, and close."""
        writer, self._writer = self._writer, None
        waiting, self._waiting = self._waiting, {}
        for answered in waiting.values():
            answered(_GONE)
        if writer is not None:
            self._connected(False)  # noqa: FBT003 -- as a gauge says it
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
