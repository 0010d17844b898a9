"""What waited for advice in a log, and what ended each wait, followed block by block."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from torghut.adapters.sqlite.store import read_log
from torghut.decisions.recording import header_of, read_block
from torghut.eventlog.block import Block
from torghut.schemas.codes import PENDING, RefusalCode
from torghut.schemas.control import ResolutionName
from torghut.workflows.live.told.outcomes import settled_then


@dataclass(slots=True, kw_only=True)
class Waits:
    """The waits of a log so far; what cannot be in a log fails where it is read.

    Attributes:
        log: That is followed.
        waiting: The context that waits, by symbol.
        ended: What ended the waits that are over, by context.
        pending: Contexts that wait or waited, as the blocks count them.
        resolved: Those that are decided, as the blocks count them.
    """

    log: Path
    waiting: dict[str, str] = field(default_factory=dict)
    ended: dict[str, ResolutionName] = field(default_factory=dict)
    pending: int = 0
    resolved: int = 0
    _lost: dict[str, str] = field(default_factory=dict)
    _number: int = -1

    def follow(self) -> None:
        """Take in the blocks that are new."""
        asyncio.run(self._follow())

    def killed(self) -> Mapping[str, str]:
        """Return what waits now that the loop is dead.

        From here on it must end as lost, before anything else is decided of its symbol.
        """
        self.follow()
        assert not self._lost  # whoever began after the kill before this one saw to all of it
        self._lost = dict(self.waiting)
        return self._lost

    async def _follow(self) -> None:
        """Take in the blocks that are new."""
        log = read_log(self.log)
        try:
            async with aclosing(log.blocks(0, after=self._number)) as blocks:  # type: ignore[type-var]
                async for block in blocks:
                    self._take(block)
        finally:
            await log.close()

    def _take(self, block: Block) -> None:
        """Take in one block."""
        self._number = block.number
        counts = header_of(block).counts
        self.pending += counts.pending
        self.resolved += counts.resolved
        how = {one.context_id: one.resolution for _, one in read_block(block).resolutions}
        for number, symbol, name, code in settled_then(block).answered:
            if number < 0:
                self._end(symbol, name, how[name])
            elif code in {RefusalCode.NONE, PENDING}:
                assert symbol not in self._lost, (symbol, name, self._lost[symbol])
                if code == PENDING:
                    assert symbol not in self.waiting
                    self.waiting[symbol] = name

    def _end(self, symbol: str, name: str, resolution: ResolutionName) -> None:
        """Take in what ended a wait: of the context that waits, which ends once."""
        assert self.waiting.pop(symbol) == name
        assert name not in self.ended
        if symbol in self._lost:
            assert (self._lost.pop(symbol), "lost") == (name, resolution)
        self.ended[name] = resolution
