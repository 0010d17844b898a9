"""Where a log ends: what its writer keeps up, and what opening and verifying compare."""

from __future__ import annotations

from dataclasses import dataclass, field

from torghut.eventlog.block import GENESIS, Head


@dataclass(slots=True, kw_only=True)
class Ends:
    """Where everything that only grows ends, as committed.

    Attributes:
        heads: Of each partition that has blocks.
        position: Of the last event, 0 before the first.
        event_digest: Of that event.
        commit_number: Of the last commit that added a block or an event.
    """

    heads: dict[int, Head] = field(default_factory=dict)
    position: int = 0
    event_digest: str = GENESIS
    commit_number: int = 0

    def head(self, partition: int) -> Head:
        """Return the head of ``partition``."""
        return self.heads.get(partition) or Head(partition=partition)
