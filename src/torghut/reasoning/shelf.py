"""News and fundamentals as they come, kept as long as they may be shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import ValidationError

from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.passages import Item, shown_passages
from torghut.schemas.reasoning.context import Passage
from torghut.schemas.reasoning.offering import PassageOffered

_EVERYBODY: Final = ""
_CHARACTERS_MAX: Final = 64 * 1024 * 1024
_ITEMS_MAX: Final = 20_000
"""Most that is kept, of texts and of items: what came first goes first."""


class PassageShelf:
    """The items that are known, by symbol; each version of an item once.

    Args:
        age_max_ms: Older items are not shown.
    """

    def __init__(self, *, age_max_ms: int) -> None:
        self._age_max_ns = age_max_ms * NS_PER_MS
        self._items: dict[str, dict[Item, None]] = {}
        self._arrived: deque[Item] = deque()
        self._characters = 0
        self._asked_ns = 0  # the latest event that was asked about

    def __len__(self) -> int:
        """Return how many items are kept."""
        return len(self._arrived)

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
        if all(item in self._items.get(symbol, ()) for symbol in _places(item)):
            return True
        for symbol in _places(item):
            self._items.setdefault(symbol, {})[item] = None
        self._arrived.append(item)
        self._characters += len(item.text)
        while len(self) > _ITEMS_MAX or self._characters > _CHARACTERS_MAX:
            self._drop(self._arrived.popleft())
        return True

    def clear(self) -> None:
        """Forget every item."""
        self._items, self._characters = {}, 0
        self._arrived.clear()

    def asked_at(self, event_ns: int) -> None:
        """Take in that an event of that time is asked about."""
        self._asked_ns = max(self._asked_ns, event_ns)

    def forget(self) -> None:
        """Forget what is so old that no event is asked about any more which it is shown with.

        Only events tell what time it is: items may be from times to come, or that never were.
        """
        oldest_ns = self._asked_ns - 2 * self._age_max_ns
        kept = deque[Item]()
        for item in self._arrived:
            if item.published_at_ns >= oldest_ns:
                kept.append(item)
            else:
                self._drop(item)
        self._arrived = kept

    def about(self, symbol: str) -> Sequence[Item]:
        """Return the items about a symbol or about all, in any order."""
        return [*self._items.get(symbol, ()), *self._items.get(_EVERYBODY, ())]

    def shown(self, known: Sequence[Item], symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return what may be shown, as of an event, of what ``about`` gave; from any thread."""
        return shown_passages(known, symbol, event_ns, age_max_ns=self._age_max_ns)

    def _drop(self, item: Item) -> None:
        """Let go of an item that is not among those that arrived any more."""
        self._characters -= len(item.text)
        for symbol in _places(item):
            items = self._items[symbol]
            del items[item]
            if not items:
                del self._items[symbol]


def _places(item: Item) -> Iterator[str]:
    """Yield under which symbols an item is kept."""
    yield from item.symbols or (_EVERYBODY,)
