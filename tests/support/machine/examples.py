"""Which modules are searched for examples: those that have any.

A search imports the module and looks at everything in it. Most have no example, tests never.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path,
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Leave the search out where no line of the file can begin an example."""
    found = yield
    searches = [one for one in found if isinstance(one, DoctestModule)]
    if not searches or b">>> " in file_path.read_bytes():
        return found
    return [one for one in found if one not in searches]
