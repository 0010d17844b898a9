"""Which news and fundamentals are shown: known at the time, about the symbol, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from torghut.reasoning.cleaning import clean
from torghut.schemas.reasoning.context import PASSAGE_TEXT_MAX, PASSAGES_MAX, Passage

_SOURCE_MAX: Final = 80
_WITHHELD: Final = "[withheld]"
_SHOWN_MAX: Final = 512
"""Items that are remembered as they are shown: the same ones are shown again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A piece of news or fundamentals as it came.

    Attributes:
        kind: ``news`` or ``fundamentals``.
        item_id: What its control record calls it.
        symbols: That it is about; empty for all.
        published_at_ns: When its publisher made it known.
        received_ns: When it was received here, on the receive clock.
        source: Who published it.
        text: Anything.
    """

    kind: str
    item_id: str
    symbols: frozenset[str]
    published_at_ns: int
    received_ns: int
    source: str
    text: str


def shown_passages(
    items: Iterable[Item], symbol: str, event_ns: int, *, age_max_ns: int
) -> Sequence[Passage]:
    """Return what may be shown of ``items`` when a context of ``symbol`` is asked about.

    Nothing that was published or received after the context's event is shown, whatever its text
    says. Of an item that came again, corrected, the last version by then holds. A text that looks
    like an order is withheld: its id and date remain, with the reasons.

    Args:
        items: In any order.
        symbol: Of the context.
        event_ns: When the context happened.
        age_max_ns: Older ones are left out.
    """
    newest: dict[tuple[str, str], Item] = {}
    for item in items:
        if max(item.published_at_ns, item.received_ns) <= event_ns:
            name = item.kind, item.item_id
            newest[name] = max(newest.get(name, item), item, key=_version)
    known = [
        item
        for item in newest.values()
        if (not item.symbols or symbol in item.symbols)
        and event_ns - item.published_at_ns <= age_max_ns
    ]
    known.sort(key=lambda item: (-item.published_at_ns, item.kind, item.item_id))
    return [_shown(item) for item in known[:PASSAGES_MAX]]


def _version(item: Item) -> tuple[int, int, str, str, tuple[str, ...]]:
    """Return what orders versions of one item: the last that came is the one that holds."""
    symbols = tuple(sorted(item.symbols))
    return item.received_ns, item.published_at_ns, item.source, item.text, symbols


@lru_cache(maxsize=_SHOWN_MAX)
def _shown(item: Item) -> Passage:
    """Return an item as it is shown."""
    cleaned = clean(item.text, longest=PASSAGE_TEXT_MAX)
    source = clean(item.source, longest=_SOURCE_MAX)
    suspicions = tuple(sorted({*cleaned.suspicions, *source.suspicions}))
    trusted = not suspicions
    return Passage(
        id=f"{item.kind}:{item.item_id}",
        published_at_ns=item.published_at_ns,
        source=source.text if trusted else _WITHHELD,
        text=cleaned.text if trusted else _WITHHELD,
        suspicions=suspicions,
    )
