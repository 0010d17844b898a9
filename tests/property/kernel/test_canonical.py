"""What is written canonically is read back as it was, and written the same again."""

from __future__ import annotations

import contextlib
import json

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from torghut.kernel.canonical import JsonRefusedError, JsonValue, canonical_bytes, parse_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_canonical_json_is_read_back_and_spelled_the_same(value: JsonValue) -> None:
    spelled = canonical_bytes(value)

    assert parse_json(spelled) == value
    assert canonical_bytes(parse_json(spelled)) == spelled


@given(VALUES)
def test_spelling_does_not_depend_on_the_order_of_keys(value: JsonValue) -> None:
    shuffled = json.loads(json.dumps(value), object_pairs_hook=lambda pairs: dict(pairs[::-1]))

    assert canonical_bytes(shuffled) == canonical_bytes(value)


@given(VALUES)
def test_spelling_is_that_of_the_standard(value: JsonValue) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(JsonRefusedError):
        parse_json(data)
