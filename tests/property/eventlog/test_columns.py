"""Any bits that a row can hold come back."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from torghut.eventlog.columns import COLUMNS_VERSION, decode_columns, encode_columns
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


def column_by_column(contexts: np.ndarray, outcomes: np.ndarray) -> bytes:
    """Return what ``encode_columns`` is to write, the long way: a new compressor, each column."""
    columns = []
    for name in CONTEXT.names or ():
        column = contexts[name]
        if column.itemsize == 8:
            words = [int(word) for word in np.ascontiguousarray(column).view(np.uint64)]
            before = [0, *words[:-1]]
            steps = [(b - a) % 2**64 for a, b in zip(before, words, strict=False)]
            column = np.array(steps, np.uint64)
        columns.append(column.tobytes())
    plain = b"".join([*columns, outcomes.tobytes()])
    head = struct.pack("<4sBxHI", b"TGCX", COLUMNS_VERSION, CONTEXT.itemsize + 1, len(contexts))
    return head + zstandard.compress(plain, 1)


@given(st.binary(max_size=CONTEXT.itemsize * 12), st.integers(1, 40))
@example(EXTREME_ROWS, 1)
def test_bytes_are_those_of_one_column_after_the_other(data: bytes, repeats: int) -> None:
    count = len(data) // CONTEXT.itemsize
    contexts = np.tile(np.frombuffer(data[: count * CONTEXT.itemsize], CONTEXT), repeats)
    outcomes = np.arange(len(contexts)).astype(np.uint8)

    written = encode_columns(contexts, outcomes)

    assert written == column_by_column(contexts, outcomes)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_damage_is_refused_or_still_the_declared_size(damage: bytes, at: int) -> None:
    data = bytearray(encode_columns(np.zeros(9, CONTEXT), np.zeros(9, np.uint8)))
    data[at : at + len(damage)] = damage

    with contextlib.suppress(ColumnsMalformedError):
        found, codes = decode_columns(bytes(data))
        assert len(found) == len(codes)
