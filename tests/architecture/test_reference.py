"""The reference pages are what the code says."""

from __future__ import annotations

import pytest

from docs.reference.generate import FOLDER, PAGES


@pytest.mark.parametrize("name", sorted(PAGES))
def test_page_equals_the_code(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")

    assert written == PAGES[name](), "run `make docs`"
