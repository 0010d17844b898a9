"""A stream of JSON lines over HTTP: what is asked for, then heartbeats between what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from typing_extensions import override

from torghut.entrypoints.api.faults import fault_body
from torghut.entrypoints.api.heartbeats import Heartbeats, Listener
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.schemas.live.position import Position
from torghut.workflows.live.access.errors import TokenUnknownError
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.tokens import Caller
from torghut.workflows.live.errors import AnswerLateError
from torghut.workflows.live.ports import Told


@dataclass(slots=True)
class _Mailbox(Listener):
    """Keeps the newest heartbeat until it is asked for."""

    _line: bytes = b""
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    def beat(self, line: bytes, frame: bytes) -> None:
        self._line = line
        self._came.set()

    async def take(self) -> bytes:
        """Wait for a heartbeat and return it."""
        await self._came.wait()
        self._came.clear()
        return self._line


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """One who reads what is told over HTTP, up to now or for good.

    Attributes:
        caller: Who it is.
        gate: Says whether its token is still good.
        heartbeats: Told to who goes on between what comes, and first of all.
        budget_ms: Longest wait for what is there already.
    """

    caller: Caller
    gate: Gatekeeper
    heartbeats: Heartbeats
    budget_ms: int

    async def lines_until(
        self, told: AsyncIterator[Told], last: Position | None
    ) -> AsyncGenerator[bytes]:
        """Yield the lines up to a position, and end; a refusal is the last line.

        Args:
            told: What comes after where it is to begin.
            last: Of what there is now; None where there is nothing.
        """
        async with aclosing(_Coming(told)) as coming:
            at = None
            try:
                while last is not None and (at is None or at < last):
                    one = await self._in_time(coming)
                    if one is None:
                        return
                    at = one.last
                    yield one.lines
            except TorghutError as error:
                yield fault_body(error) + b"\n"

    async def _in_time(self, told: AsyncIterator[Told]) -> Told | None:
        """Return what comes next; None at the end.

        Raises:
            TokenUnknownError: The token is not good any more.
            AnswerLateError: The log does not give it in time.
        """
        if self.gate.lost(self.caller):
            raise TokenUnknownError
        try:
            async with asyncio.timeout(self.budget_ms / MS_PER_S):
                return await _next(told)
        except TimeoutError as error:
            raise AnswerLateError(what="the next outcomes", budget_ms=self.budget_ms) from error

    async def lines(self, told: AsyncIterator[Told]) -> AsyncGenerator[bytes]:
        """Yield what comes and heartbeats, until what is followed ends; a refusal is its last."""
        mailbox = _Mailbox()
        with self.heartbeats.joined(mailbox):
            yield self.heartbeats.line()
            try:
                async with (
                    aclosing(_Coming(told)) as coming,
                    aclosing(self._merged(coming, mailbox)) as merged,
                ):
                    async for lines in merged:
                        yield lines
            except TorghutError as error:
                yield fault_body(error) + b"\n"

    async def _merged(self, told: AsyncIterator[Told], mailbox: _Mailbox) -> AsyncGenerator[bytes]:
        """Yield what comes first, again and again."""
        loop = asyncio.get_running_loop()
        outcome = loop.create_task(_next(told))
        beat = loop.create_task(mailbox.take())
        try:
            while True:
                await asyncio.wait({outcome, beat}, return_when=asyncio.FIRST_COMPLETED)
                if outcome.done():
                    one = outcome.result()
                    if one is None:
                        return
                    outcome = loop.create_task(_next(told))
                    yield one.lines
                if beat.done():
                    if self.gate.lost(self.caller):
                        raise TokenUnknownError
                    line = beat.result()
                    beat = loop.create_task(mailbox.take())
                    yield line
        finally:
            outcome.cancel()
            beat.cancel()
            await asyncio.gather(outcome, beat, return_exceptions=True)


async def _next(told: AsyncIterator[Told]) -> Told | None:
    """Return what comes next; None at the end."""
    return await anext(told, None)


class _Coming(AsyncIterator[Told]):
    """What is told, let go of with the block that asked for it."""

    def __init__(self, told: AsyncIterator[Told]) -> None:
        self._told = told

    @override
    async def __anext__(self) -> Told:
        return await anext(self._told)

    async def aclose(self) -> None:
        """Let go of what it holds."""
        if isinstance(self._told, AsyncGenerator):
            await self._told.aclose()
