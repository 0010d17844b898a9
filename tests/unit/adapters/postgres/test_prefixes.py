"""Streams are found by prefix within two bounds of an index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.adapters.postgres.reading.reader import beyond_prefix

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(prefix=TEXTS, text=TEXTS)
def test_exactly_what_begins_with_a_prefix_lies_between_its_bounds(prefix: str, text: str) -> None:
    beyond = beyond_prefix(prefix)
    stored = text.encode()
    between = prefix.encode() <= stored and (beyond is None or stored < beyond.encode())

    assert between == text.startswith(prefix)


@pytest.mark.parametrize("prefix", ["", "\U0010ffff", "\U0010ffff\U0010ffff"])
def test_nothing_lies_beyond_the_last_prefix(prefix: str) -> None:
    assert beyond_prefix(prefix) is None


def test_bound_is_never_half_a_character() -> None:
    assert beyond_prefix("a\ud7ff") == "a\ue000"
