"""The declarations of live feeds: each is kept in the log before its feed is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from torghut.workflows.live.loop.blocks import Gathered
from torghut.workflows.live.loop.persisting import Persistence


@dataclass(slots=True, kw_only=True)
class Declaring:
    """Keeps what declares the feeds of one log.

    Attributes:
        persistence: Makes it durable.
        declarations_of: Declares a live feed by its digest; None for a part of a recorded source.
    """

    persistence: Persistence
    declarations_of: Callable[[str], bytes | None]
    _kept: set[str] = field(default_factory=set)

    def know(self, sources: Iterable[str]) -> None:
        """Take in which sources the log knows: all, and no others."""
        self._kept = set(sources)

    async def keep(self, gathered: Gathered) -> bool:
        """Keep the declaration of each feed that a record is the first to come from.

        Returns whether the log was away meanwhile.

        Raises:
            LogWriteError: It could not be kept, and the service is ending.
        """
        named = {one.source for one in gathered.contexts}
        named.update(source for source, _ in gathered.quarantined)
        held = False
        for source in sorted(named - self._kept):
            if (body := self.declarations_of(source)) is not None:
                held |= await self.persistence.keep(body)
            self._kept.add(source)
        return held
