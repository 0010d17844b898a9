"""A file of news is followed as it grows, and what cannot be read is said and shows nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.support.reasoning.news import HOUR_MS, NOW_NS, SYMBOL, Unreadable, item_line
from torghut.adapters.reasoning.passage_file import PassageFile

OTHER: Final = "binance-spot:BTCUSDT"


def line(number: int, *symbols: str, at_ns: int = NOW_NS) -> str:
    """Return one item as a line."""
    return item_line(number, *symbols, at_ns=at_ns) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is."""
    return tmp_path / "news.jsonl"


def shown(file: PassageFile, symbol: str = SYMBOL, at_ns: int = NOW_NS) -> list[str]:
    """Return the texts that are shown."""
    return sorted(one.text for one in asyncio.run(file.of(symbol, at_ns)))


def test_what_is_about_the_symbol_or_about_all_is_shown(path: Path) -> None:
    path.write_text(line(1, SYMBOL) + line(2, OTHER) + line(3) + line(4, SYMBOL, OTHER))
    file = PassageFile(path, age_max_ms=HOUR_MS, witness=Unreadable())

    assert shown(file) == ["item 1", "item 3", "item 4"]
    assert shown(file, OTHER) == ["item 2", "item 3", "item 4"]


def test_lines_that_are_added_are_shown_once_they_are_whole(path: Path) -> None:
    file = PassageFile(path, age_max_ms=HOUR_MS, witness=(witness := Unreadable()))
    assert shown(file) == []
    assert witness.unreadable == ["No such file or directory"]
    path.write_text(line(1))
    assert shown(file) == ["item 1"]

    half = line(2)
    with path.open("a") as growing:
        growing.write(half[:20])
        growing.flush()
        assert shown(file) == ["item 1"]
        growing.write(half[20:])
    assert shown(file) == ["item 1", "item 2"]


def test_file_that_is_another_one_or_was_cut_is_read_anew(path: Path) -> None:
    path.write_text(line(1) + line(2))
    file = PassageFile(path, age_max_ms=HOUR_MS, witness=Unreadable())
    assert shown(file) == ["item 1", "item 2"]

    path.write_text(line(3))
    assert shown(file) == ["item 3"]
    path.unlink()
    (path.parent / "other").write_text(line(4) + line(5) + line(6))
    (path.parent / "other").rename(path)
    assert shown(file) == ["item 4", "item 5", "item 6"]


def test_line_that_is_no_item_is_said_and_costs_no_other(path: Path) -> None:
    path.write_text(line(1) + "{}\n\n\xff\n" + line(2))
    witness = Unreadable()

    assert shown(PassageFile(path, age_max_ms=HOUR_MS, witness=witness)) == ["item 1", "item 2"]
    assert witness.unreadable == ["2 lines that are no item"]


@pytest.mark.parametrize("ahead_ms", [10 * HOUR_MS, 10_000 * HOUR_MS])
def test_item_that_is_far_ahead_takes_nothing_from_what_was_known_before(
    path: Path, ahead_ms: int
) -> None:
    path.write_text(line(1) + line(2, at_ns=NOW_NS + ahead_ms * 1_000_000))

    assert shown(PassageFile(path, age_max_ms=HOUR_MS, witness=Unreadable())) == ["item 1"]


def test_without_a_file_nothing_is_shown() -> None:
    assert shown(PassageFile(None, age_max_ms=HOUR_MS, witness=Unreadable())) == []
