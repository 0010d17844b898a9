"""Columns come back bit for bit, or are refused before they are unpacked."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import zstandard

from torghut.eventlog.columns import (
    COLUMNS_VERSION,
    ROWS_MAX,
    count_rows,
    decode_columns,
    encode_columns,
)
from torghut.eventlog.errors import ColumnsMalformedError
from torghut.schemas.rows import CONTEXT

GOLDEN = Path(__file__).with_name("columns.v1.hex")


def contexts_of(count: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return ``count`` quotes like those of a market."""
    rows = np.zeros(count, CONTEXT)
    numbers = np.arange(count)
    rows["sequence"] = numbers + 7
    rows["event_ns"] = 1_400_000_000_000_000_000 + 250_000_000 * numbers
    rows["receive_ns"] = rows["event_ns"] + 50_000_000
    rows["bid"], rows["ask"] = 1.3 + 1e-5 * numbers, 1.30002 + 1e-5 * numbers
    for name in ("bid_size", "ask_size", "last", "last_size"):
        rows[name] = np.nan
    return rows


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_columns_come_back(count: int) -> None:
    contexts = contexts_of(count)
    outcomes = (np.arange(count) % 3).astype(np.uint8)

    data = encode_columns(contexts, outcomes)
    found, codes = decode_columns(data)

    assert count_rows(data) == count
    assert found.tobytes() == contexts.tobytes()
    assert codes.tobytes() == outcomes.tobytes()
    assert found.dtype == CONTEXT
    assert found.flags.writeable


def test_a_market_is_small() -> None:
    contexts = contexts_of(1000)

    assert len(encode_columns(contexts, np.zeros(1000, np.uint8))) < contexts.nbytes / 6


def test_strided_and_read_only_rows_are_written_as_they_are() -> None:
    contexts = contexts_of(20)[::2]
    contexts.flags.writeable = False

    found, _ = decode_columns(encode_columns(contexts, np.zeros(10, np.uint8)))

    assert found.tobytes() == contexts.tobytes()


def test_released_columns_stay_readable() -> None:
    contexts = contexts_of(3)
    contexts["bid"][1] = np.inf

    found, codes = decode_columns(bytes.fromhex(GOLDEN.read_text(encoding="ascii")))

    assert found.tobytes() == contexts.tobytes()
    assert codes.tolist() == [0, 8, 255]


@pytest.mark.parametrize(
    ("contexts", "outcomes"),
    [
        (np.zeros(2, CONTEXT), np.zeros(3, np.uint8)),
        (np.zeros(2, CONTEXT), np.zeros(2, np.int64)),
        (np.zeros(2, np.float64), np.zeros(2, np.uint8)),
        (np.zeros((2, 1), CONTEXT), np.zeros(2, np.uint8)),
        (np.zeros(ROWS_MAX + 1, CONTEXT), np.zeros(ROWS_MAX + 1, np.uint8)),
    ],
    ids=["lengths", "outcome type", "row type", "shape", "too many"],
)
def test_other_arrays_are_refused(
    contexts: np.ndarray[tuple[int], np.dtype[np.void]],
    outcomes: np.ndarray[tuple[int], np.dtype[np.uint8]],
) -> None:
    with pytest.raises(ValueError, match="rows of CONTEXT"):
        encode_columns(contexts, outcomes)


DATA = encode_columns(contexts_of(5), np.zeros(5, np.uint8))
HEAD = struct.Struct("<4sBxHI")
ROW_BYTES = CONTEXT.itemsize + 1


def test_bytes_begin_with_a_versioned_head() -> None:
    assert HEAD.unpack_from(DATA) == (b"TGCX", COLUMNS_VERSION, ROW_BYTES, 5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DATA[:11],
        DATA[:12],
        DATA[:-1],
        DATA + b"\0",
        b"XXXX" + DATA[4:],
        HEAD.pack(b"TGCX", COLUMNS_VERSION + 1, ROW_BYTES, 5) + DATA[12:],
        HEAD.pack(b"TGCX", COLUMNS_VERSION, ROW_BYTES + 1, 5) + DATA[12:],
        HEAD.pack(b"TGCX", COLUMNS_VERSION, ROW_BYTES, 6) + DATA[12:],
        HEAD.pack(b"TGCX", COLUMNS_VERSION, ROW_BYTES, ROWS_MAX + 1) + DATA[12:],
        DATA[:12] + zstandard.compress(bytes(10_000_000)),
        DATA[:12] + b"not a frame",
    ],
    ids=[
        "empty",
        "half a head",
        "head alone",
        "cut",
        "longer",
        "magic",
        "version",
        "row bytes",
        "rows",
        "too many rows",
        "more than declared",
        "no frame",
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ColumnsMalformedError):
        decode_columns(data)
