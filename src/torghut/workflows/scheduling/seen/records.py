"""Governance's own control records as a log shows them: which applied, to which symbol, where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from torghut.decisions.fold.control import control_digest
from torghut.decisions.recording import Recorded
from torghut.schemas.live.control_ids import is_of_governance

"""Begins the id of every control record of governance."""


@dataclass(slots=True, kw_only=True)
class SeenRecord:
    """A control record of governance.

    Attributes:
        digest: By which lineages name it.
        blocks: In which block it applied to each symbol.
    """

    digest: str
    blocks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class SeenRecords:
    """All of them, as far as the log was read.

    Attributes:
        by_id: By their control ids.
    """

    by_id: dict[str, SeenRecord] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict)

    def take(self, number: int, recorded: Recorded, *, until_ns: int | None = None) -> None:
        """Remember which records came in a block, and to which symbols they applied.

        Args:
            number: Of the block.
            recorded: What it holds.
            until_ns: What applied before a context that came later is not seen yet; None: all is.
        """
        for arrival in recorded.received:
            record = arrival.record
            if is_of_governance(record.control_id):
                self.by_id.setdefault(record.control_id, SeenRecord(digest=control_digest(record)))
        for control_id, name in self.applied_in(recorded, until_ns=until_ns):
            known = self.by_id.get(control_id)
            if known is not None:
                known.blocks.setdefault(name, number)

    def pass_by(self, recorded: Recorded) -> None:
        """Go past a block that was seen whole."""
        for symbol, name in recorded.header.symbols.items():
            came = int(np.count_nonzero(recorded.contexts["symbol"] == symbol))
            self._taken[name] = self._taken.get(name, 0) + came

    def applied_in(self, recorded: Recorded, *, until_ns: int | None) -> Iterator[tuple[str, str]]:
        """Yield what applied in a block that was not passed by: the record, and to which symbol.

        Args:
            recorded: The block.
            until_ns: What applied before a context that came later is not seen yet; None: all is.
        """
        for one in recorded.applied:
            name = recorded.header.symbols.get(one.symbol)
            if name is None:
                continue
            if until_ns is not None and not one.resolution:
                own = np.flatnonzero(recorded.contexts["symbol"] == one.symbol)
                place = int(own[one.position - self._taken.get(name, 0)])
                if int(recorded.contexts["receive_ns"][place]) > until_ns:
                    continue
            yield one.control_id, name
