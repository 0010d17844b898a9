"""A block's contexts and their outcomes, column by column and compressed: small and fast.

Each 8-byte column is written as the differences of its words, bits of numbers included: times and
sequences become small, repeated values (NaN too) become zeros, and every bit comes back.
"""

from __future__ import annotations

import struct
import threading
from typing import Final

import numpy as np
import numpy.typing as npt
import zstandard

from torghut.eventlog.errors import ColumnsMalformedError
from torghut.schemas.codes import PENDING, RefusalCode
from torghut.schemas.rows import CONTEXT

COLUMNS_VERSION: Final = 1
"""Raised when the layout of ``CONTEXT`` or of these bytes changes."""

ROWS_MAX: Final = 2**20
"""Most contexts in one block; what is read never unpacks to more than that."""

ContextArray = npt.NDArray[np.void]
OutcomeArray = npt.NDArray[np.uint8]

_MAGIC: Final = b"TGCX"
_HEAD: Final = struct.Struct("<4sBxHI")  # magic, version, bytes of a row, number of rows
_OUTCOME: Final = np.dtype(np.uint8)
_LEVEL: Final = 1
_WORD: Final = 8
_ROW_BYTES: Final = CONTEXT.itemsize + 1  # with its outcome
_FIELDS: Final = tuple((name, CONTEXT[name].itemsize) for name in CONTEXT.names or ())
_NARROW: Final = tuple(name for name, width in _FIELDS if width != _WORD)
_WORDS_AT: Final = sum(width for _, width in _FIELDS if width != _WORD)  # the words come last
_ROW: Final = np.dtype(
    [
        ("narrow", np.void, _WORDS_AT),
        ("words", np.uint64, (CONTEXT.itemsize - _WORDS_AT) // _WORD),
    ]
)
"""A context whose words are seen together."""


class _Compressor(threading.local):
    """A compressor of each thread's own: to make one takes longer than to compress a few rows."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=_LEVEL).compress


class _Decompressor(threading.local):
    """A decompressor of each thread's own, likewise."""

    def __init__(self) -> None:
        self.decompress = zstandard.ZstdDecompressor().decompress


_COMPRESSOR: Final = _Compressor()
_DECOMPRESSOR: Final = _Decompressor()


def encode_columns(contexts: ContextArray, outcomes: OutcomeArray) -> bytes:
    """Return contexts with their outcomes as compressed columns.

    Args:
        contexts: Shape (n,), dtype ``CONTEXT``, ``n <= ROWS_MAX``.
        outcomes: Shape (n,), uint8: each context's refusal code, 0 if it was decided, 255 if it
            waits for advice.

    Raises:
        ValueError: The arrays are not of these shapes and types.
    """
    rows = len(contexts)
    fits = contexts.dtype == CONTEXT and outcomes.dtype == _OUTCOME
    if not fits or contexts.shape != (rows,) or outcomes.shape != (rows,) or rows > ROWS_MAX:
        message = (
            f"expected at most {ROWS_MAX} rows of CONTEXT and as many uint8, "
            f"found {contexts.shape} and {outcomes.shape} {outcomes.dtype}"
        )
        raise ValueError(message)
    head = _HEAD.pack(_MAGIC, COLUMNS_VERSION, _ROW_BYTES, rows)
    return head + _COMPRESSOR.compress(_packed(contexts) + outcomes.tobytes())


def decode_columns(data: bytes) -> tuple[ContextArray, OutcomeArray]:
    """Return the contexts and outcomes that ``encode_columns`` was given, bit for bit.

    Raises:
        ColumnsMalformedError: ``data`` is something else, or of another version.
    """
    rows = count_rows(data)
    plain = _decompress(data[_HEAD.size :], rows * _ROW_BYTES)
    contexts = rows * CONTEXT.itemsize
    return _unpacked(plain[:contexts], rows), np.frombuffer(plain[contexts:], np.uint8).copy()


def refused(outcomes: OutcomeArray) -> npt.NDArray[np.bool_]:
    """Return which contexts were refused, shape (n,): neither decided nor waiting for advice."""
    found: npt.NDArray[np.bool_] = (outcomes != RefusalCode.NONE) & (outcomes != PENDING)
    return found


def count_rows(data: bytes) -> int:
    """Return how many contexts are in ``data``, without unpacking them.

    Raises:
        ColumnsMalformedError: ``data`` does not begin as columns of this version do.
    """
    if len(data) < _HEAD.size:
        raise ColumnsMalformedError(expected=f"{_HEAD.size} bytes or more", found=str(len(data)))
    magic, version, row_bytes, rows = _HEAD.unpack_from(data)
    found = (magic, version, row_bytes)
    if found != (_MAGIC, COLUMNS_VERSION, _ROW_BYTES) or rows > ROWS_MAX:
        raise ColumnsMalformedError(
            expected=f"{_MAGIC!r} version {COLUMNS_VERSION} with rows of {_ROW_BYTES} bytes",
            found=f"{magic!r} version {version} with {rows} rows of {row_bytes} bytes",
        )
    return int(rows)


def _packed(contexts: ContextArray) -> bytes:
    """Return the columns one after the other, 8-byte words as differences."""
    rows = len(contexts)
    if rows <= 1:  # a row is its own columns
        return contexts.tobytes()
    plain = np.ascontiguousarray(contexts).view(np.uint8).reshape(rows, CONTEXT.itemsize)
    words = np.ascontiguousarray(plain[:, _WORDS_AT:].view(np.uint64).T)
    differences = words.copy()
    differences[:, 1:] -= words[:, :-1]
    narrow = [contexts[name].tobytes() for name in _NARROW]
    return b"".join([*narrow, differences.tobytes()])


def _unpacked(data: bytes, rows: int) -> ContextArray:
    """Return the contexts whose columns ``_packed`` wrote."""
    if rows <= 1:  # a row is its own columns
        return np.frombuffer(data, CONTEXT).copy()
    contexts = np.empty(rows, CONTEXT)
    differences = np.frombuffer(data, np.uint64, offset=rows * _WORDS_AT).reshape(-1, rows)
    contexts.view(_ROW)["words"] = differences.cumsum(axis=1).T
    start = 0
    for name, width in _FIELDS[: len(_NARROW)]:
        contexts[name] = np.frombuffer(data, contexts.dtype[name], rows, start)
        start += rows * width
    return contexts


def _decompress(frame: bytes, size: int) -> bytes:
    """Return what ``frame`` holds, which must be ``size`` bytes exactly."""
    try:
        declared = zstandard.frame_content_size(frame)
        if declared != size:  # checked first: the frame's own word decides what is allocated
            raise ColumnsMalformedError(expected=f"{size} bytes", found=f"{declared} declared")
        plain = _DECOMPRESSOR.decompress(frame, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ColumnsMalformedError(expected="a whole zstd frame", found=str(error)) from error
    if len(plain) != size:
        raise ColumnsMalformedError(expected=f"{size} bytes", found=str(len(plain)))
    return plain
