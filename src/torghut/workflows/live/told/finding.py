"""What became of a context first, looked for in the log from its end: mostly it is new.

A search goes through the whole log if need be, which may take longer than anybody waits. So it
goes on when those who asked have given up: who asks again finds it further on, or done. One search
looks for everything that is asked at the time, since each takes as long for one as for many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.eventlog.block import Block
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.schemas.codes import RefusalCode
from torghut.workflows.live.errors import QueueFullError
from torghut.workflows.live.told.lines import Line
from torghut.workflows.lookup.scanning import newest_first

REPEATED: Final = b'"code":"%s"}}' % RefusalCode.DUPLICATE.code.encode()
"""How the line of a context ends that was refused because it had been seen before."""

_RESOLVED: Final = b'"kind":"advice-resolved"'
"""In the records of a block that decided a context of before."""

_WANTED_MAX: Final = 16_384
"""Contexts that may be looked for at any time."""

Wanted = dict[str, "asyncio.Future[bytes | None]"]
"""What is looked for, by context id, and who is to be told."""


@dataclass(slots=True, kw_only=True)
class Search:
    """Looks for first outcomes, for all who ask.

    Attributes:
        log: The log as it is open now.
        partition: That is looked through.
        lines_of: Reads a block back as lines.
        retry_ms: When to ask again where too many ask.
    """

    log: Callable[[], DecisionLog]
    partition: int
    lines_of: Callable[[Block], Awaitable[Sequence[Line]]]
    retry_ms: int
    _wanted: Wanted = field(default_factory=dict)
    _next: Wanted = field(default_factory=dict)
    _searching: asyncio.Task[None] | None = None

    async def find(self, context_id: str) -> bytes | None:
        """Return the line of the outcome that a context had first; None where the log has none.

        Raises:
            QueueFullError: Too much is looked for already.
            LogReadError: The log cannot be read for now.
            LogIntegrityError: A block is not as it was written.
        """
        answer = self._wanted.get(context_id) or self._next.get(context_id)
        if answer is None:
            waiting = len(self._wanted) + len(self._next)
            if waiting >= _WANTED_MAX:
                raise QueueFullError(
                    waiting=waiting, limit=_WANTED_MAX, retry_after_ms=self.retry_ms
                )
            answer = self._next[context_id] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._searching is None:
            self._searching = asyncio.create_task(self._search())
        return await asyncio.shield(answer)

    async def _search(self) -> None:
        """Go through the log until nothing more is asked for."""
        try:
            while self._next:
                self._wanted, self._next = self._next, {}
                fault: TorghutError | None = None
                try:
                    await _find(self.log(), self.partition, dict(self._wanted), self.lines_of)
                except TorghutError as found:
                    fault = found
                for answer in _unanswered(self._wanted):
                    if fault is None:
                        answer.set_result(None)
                    else:
                        answer.set_exception(fault)
                self._wanted = {}
        finally:
            self._searching = None
            for answer in _unanswered(self._wanted | self._next):
                answer.cancel()


async def _find(
    log: DecisionLog,
    partition: int,
    wanted: Wanted,
    lines_of: Callable[[Block], Awaitable[Sequence[Line]]],
) -> None:
    """Tell of each context that is found, until all are or the log has been gone through."""
    async for block in newest_first(log, partition):
        contexts, _ = decode_columns(block.inputs)
        sequences = [int(name.rpartition(":")[2]) for name in wanted]
        here = np.isin(contexts["sequence"], np.array(sequences, np.uint64)).any()
        if not here and _RESOLVED not in block.records:
            continue
        for line in await lines_of(block):
            if line.name in wanted and not line.text.endswith(REPEATED):
                wanted.pop(line.name).set_result(line.text)
        if not wanted:
            return


def _unanswered(wanted: Wanted) -> list[asyncio.Future[bytes | None]]:
    """Return whom to tell who was not told yet."""
    return [answer for answer in wanted.values() if not answer.done()]
