"""News and fundamentals out of a file of JSON lines that may grow while it is read.

A line that is no item is left out and counted; what it says cannot matter then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.passages import Item, shown_passages
from torghut.schemas.reasoning.context import Passage
from torghut.schemas.types import Identifier, Message, Nanoseconds, Symbol

_BYTES_MAX: Final = 64 * 1024 * 1024
_LINE_MAX: Final = 65_536


class PassageLine(Message):
    """One piece of news or fundamentals, as it was received."""

    kind: Literal["news", "fundamentals"]
    item_id: Identifier
    symbols: Annotated[tuple[Symbol, ...], Field(description="That it is about; none: all.")] = ()
    published_at_ns: Nanoseconds
    received_ns: Nanoseconds
    source: Annotated[str, Field(max_length=400)]
    text: Annotated[str, Field(max_length=_LINE_MAX)]


class PassageFile:
    """The items of a file, read again once it changed.

    Args:
        path: Of the file; None where there is none.
        age_max_ms: Older items are not shown.
    """

    def __init__(self, path: Path | None, *, age_max_ms: int) -> None:
        self._path = path
        self._age_max_ns = age_max_ms * NS_PER_MS
        self._seen: tuple[int, int] = (-1, -1)
        self._items: Sequence[Item] = ()
        self.refused = 0
        """Lines that were no item, when the file was last read."""

    def of(self, symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return what may be shown of a symbol as of an event; nothing while it cannot be read."""
        return shown_passages(self._known(), symbol, event_ns, age_max_ns=self._age_max_ns)

    def _known(self) -> Sequence[Item]:
        """Return the items, as the file has them now."""
        if self._path is None:
            return ()
        try:
            found = self._path.stat()
            if (found.st_size, found.st_mtime_ns) != self._seen:
                body = self._path.read_bytes()[-_BYTES_MAX:]
                self._seen = (found.st_size, found.st_mtime_ns)
                self._items = self._read(body)
        except OSError:
            return ()
        return self._items

    def _read(self, body: bytes) -> Sequence[Item]:
        """Return the items of a file's last bytes."""
        items: list[Item] = []
        self.refused = 0
        for line in body.splitlines():
            try:
                said = PassageLine.model_validate_json(line)
            except ValidationError:
                self.refused += 1
                continue
            items.append(
                Item(
                    kind=said.kind,
                    item_id=said.item_id,
                    symbols=frozenset(said.symbols),
                    published_at_ns=said.published_at_ns,
                    received_ns=said.received_ns,
                    source=said.source,
                    text=said.text,
                )
            )
        return items
