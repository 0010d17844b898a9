"""News and fundamentals as they come, kept as long as they may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.passages import Item, shown_passages
from torghut.schemas.reasoning.context import Passage
from torghut.schemas.reasoning.offering import PassageOffered

_EVERYBODY: Final = ""


class PassageShelf:
    """The items that are known, by symbol.

    Args:
        age_max_ms: Older items are not shown.
    """

    def __init__(self, *, age_max_ms: int) -> None:
        self._age_max_ns = age_max_ms * NS_PER_MS
        self._items: dict[str, list[Item]] = {}
        self._asked_ns = 0  # the latest event that was asked about

    def put(self, said: bytes) -> bool:
        """Take in an item as JSON; return whether it is one."""
        try:
            read = PassageOffered.model_validate_json(said)
        except ValidationError:
            return False
        item = Item(
            kind=read.kind,
            item_id=read.item_id,
            symbols=frozenset(read.symbols),
            published_at_ns=read.published_at_ns,
            received_ns=read.received_ns,
            source=read.source,
            text=read.text,
        )
        for symbol in read.symbols or (_EVERYBODY,):
            self._items.setdefault(symbol, []).append(item)
        return True

    def clear(self) -> None:
        """Forget every item."""
        self._items = {}

    def asked_at(self, event_ns: int) -> None:
        """Take in that an event of that time is asked about."""
        self._asked_ns = max(self._asked_ns, event_ns)

    def forget(self) -> None:
        """Forget what is so old that no event is asked about any more which it is shown with.

        Only events tell what time it is: items may be from times to come, or that never were.
        """
        oldest_ns = self._asked_ns - 2 * self._age_max_ns
        for symbol, items in self._items.items():
            self._items[symbol] = [one for one in items if one.published_at_ns >= oldest_ns]

    def about(self, symbol: str) -> Sequence[Item]:
        """Return the items about a symbol or about all, in any order."""
        return [*self._items.get(symbol, ()), *self._items.get(_EVERYBODY, ())]

    def shown(self, known: Sequence[Item], symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return what may be shown of items as of an event."""
        return shown_passages(known, symbol, event_ns, age_max_ns=self._age_max_ns)
