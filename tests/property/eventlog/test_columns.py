"""Any bits that a row can hold come back."""

from __future__ import annotations

import contextlib

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from torghut.eventlog.columns import decode_columns, encode_columns
from torghut.eventlog.errors import ColumnsMalformedError
from torghut.schemas.rows import CONTEXT

QUIET_NAN = b"\x01\0\0\0\0\0\xf8\x7f"
SIGNALLING_NAN = b"\x01\0\0\0\0\0\xf0\x7f"
EXTREME_ROWS = (
    np.full(3, 255, np.uint8).tobytes() * 19 * 4
    + bytes(CONTEXT.itemsize)
    + (QUIET_NAN + SIGNALLING_NAN) * 40
)


@given(st.binary(max_size=CONTEXT.itemsize * 12))
@example(EXTREME_ROWS)
@example(b"\xff" * CONTEXT.itemsize * 3)
@example((b"\xff" * CONTEXT.itemsize + bytes(CONTEXT.itemsize)) * 3)
def test_any_rows_come_back(data: bytes) -> None:
    count = len(data) // CONTEXT.itemsize
    contexts = np.frombuffer(data[: count * CONTEXT.itemsize], CONTEXT)
    outcomes = np.frombuffer(data[:count], np.uint8)

    found, codes = decode_columns(encode_columns(contexts, outcomes))

    assert found.tobytes() == contexts.tobytes()
    assert codes.tobytes() == outcomes.tobytes()


@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_damage_is_refused_or_still_the_declared_size(damage: bytes, at: int) -> None:
    data = bytearray(encode_columns(np.zeros(9, CONTEXT), np.zeros(9, np.uint8)))
    data[at : at + len(damage)] = damage

    with contextlib.suppress(ColumnsMalformedError):
        found, codes = decode_columns(bytes(data))
        assert len(found) == len(codes)
