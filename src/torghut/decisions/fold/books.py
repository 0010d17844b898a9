"""How a venue's reports reach the book of their symbol and, through it, the state of each arm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from torghut.decisions.fold.identities import Identities
from torghut.decisions.fold.reported import ReportedBook
from torghut.schemas.control import ControlRecord, FillReported, PositionReported
from torghut.schemas.rows import RowArray


@dataclass(slots=True, kw_only=True)
class Books:
    """The reported books of a run.

    Attributes:
        by_symbol: By the symbol's number; none before its venue says anything.
    """

    by_symbol: dict[int, ReportedBook] = field(default_factory=dict)

    def apply(self, index: int, record: ControlRecord, known: Identities, now_ns: int) -> None:
        """Let the book of a symbol take in what a record reports, if it reports anything.

        Args:
            index: The symbol's number.
            record: Any that applies to it.
            known: The fills that were taken; one that has had its time is forgotten.
            now_ns: Receive time of the context that it is placed before.
        """
        if isinstance(record, PositionReported):
            fills = known.fills.get(record.symbol, {}).values()
            self._of(index).take_snapshot(record, fills, now_ns)
        elif isinstance(record, FillReported):
            book = self._of(index)
            book.count(known.fill(record), known.replaced_by(record), now_ns)
            if (forgotten := known.forget_fill(record.symbol)) is not None:
                book.forget(forgotten)

    def show(self, index: int, arms: Iterable[RowArray], parameters: RowArray, now_ns: int) -> None:
        """Write the book of a symbol, if it has one, into its state in every arm."""
        if (book := self.by_symbol.get(index)) is not None:
            tolerance = float(parameters["reconcile_quantity"][index])
            for states in arms:
                book.show(states[index], tolerance, now_ns)

    def _of(self, index: int) -> ReportedBook:
        """Return the book of a symbol."""
        return self.by_symbol.setdefault(index, ReportedBook())
