"""News is kept once a version, as long as it may be shown, and never without bound."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.reasoning.news import HOUR_MS, NOW_NS, SYMBOL, item_line
from torghut.reasoning import shelf as module
from torghut.reasoning.shelf import PassageShelf

HOUR_NS: Final = HOUR_MS * 1_000_000


def line(number: int, *symbols: str, at_ns: int = NOW_NS, text: str = "") -> bytes:
    """Return one item."""
    return item_line(number, *symbols, at_ns=at_ns, text=text).encode()


def kept(shelf: PassageShelf, symbol: str = SYMBOL) -> list[str]:
    """Return the texts that are kept about a symbol."""
    return sorted(one.text for one in shelf.about(symbol))


def test_version_that_comes_again_is_kept_once_and_a_correction_beside_it() -> None:
    shelf = PassageShelf(age_max_ms=HOUR_MS)
    for text in ("first", "first", "corrected", "first"):
        assert shelf.put(line(1, SYMBOL, SYMBOL, text=text))

    assert len(shelf) == 2
    assert kept(shelf) == ["corrected", "first"]


def test_what_came_first_goes_first_where_there_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_ITEMS_MAX", 3)
    shelf = PassageShelf(age_max_ms=HOUR_MS)
    for number in range(5):
        shelf.put(line(number, *([SYMBOL] if number % 2 else [])))

    assert kept(shelf) == ["item 2", "item 3", "item 4"]
    monkeypatch.setattr(module, "_CHARACTERS_MAX", 10)
    shelf.put(line(9, SYMBOL, text="x" * 10))
    assert kept(shelf) == ["x" * 10]


def test_what_is_too_old_for_every_event_that_is_asked_about_is_forgotten() -> None:
    shelf = PassageShelf(age_max_ms=HOUR_MS)
    shelf.put(line(1, SYMBOL, at_ns=NOW_NS - 3 * HOUR_NS))
    shelf.put(line(2, SYMBOL))
    shelf.forget()
    assert kept(shelf) == ["item 1", "item 2"]

    shelf.asked_at(NOW_NS)
    shelf.forget()
    assert kept(shelf) == ["item 2"]
    assert len(shelf) == 1
