"""Collects the documentation as tests: every Python block in it runs, in reading order."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Final

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

pytest_plugins: Final = [
    "tests.support.machine.examples",
    "tests.support.machine.last_line",
    "tests.support.machine.longest_first",
    "tests.support.carrying.brokers",
    "tests.support.machine.servers",
]

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "CONTRIBUTING.md", "docs/*.md", "docs/**/*.md"],
).pytest()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: MutableSequence[pytest.Item]) -> None:
    """Put a page's blocks back in reading order after the tests were shuffled."""
    places = [index for index, item in enumerate(items) if item.path.suffix == ".md"]
    blocks = sorted((items[index] for index in places), key=_reading_order)
    for index, block in zip(places, blocks, strict=True):
        items[index] = block


def _reading_order(item: pytest.Item) -> tuple[str, int]:
    """Return where a block stands: its page, then its line."""
    return str(item.path), item.location[1] or 0
