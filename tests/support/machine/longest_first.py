"""Which file of tests is begun first: the one of which a test may take longest.

A worker runs a file whole. One that takes minutes and is begun last would keep one worker busy
while all others have nothing to do. How long a test may take it says itself, by its timeout.
"""

from __future__ import annotations

from collections import defaultdict
from math import inf
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the files whose tests were chosen; within a file, and of equals, the order stays."""
    usual_s = float(config.getini("timeout"))
    longest_s: dict[Path, float] = defaultdict(float)
    for item in items:
        longest_s[item.path] = max(longest_s[item.path], limit_s(item, usual_s))
    items.sort(key=lambda item: longest_s[item.path], reverse=True)


def limit_s(item: pytest.Item, usual_s: float) -> float:
    """Return how many seconds a test may take; without bounds if it says 0.

    Args:
        item: The test.
        usual_s: For what says nothing.
    """
    mark = item.get_closest_marker("timeout")
    if mark is None:
        return usual_s or inf
    return float(mark.args[0] if mark.args else mark.kwargs["timeout"]) or inf
