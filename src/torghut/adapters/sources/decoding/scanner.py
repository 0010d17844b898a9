"""The compiled scanner: reads the lines that fit a template, leaves all others to the judges.

Every line it is given ends with LF, and no field takes an LF, so no step can run past a line.
Decimals are exact: digits that fit 2^53 over a power of ten up to 10^22 are one correctly rounded
division; longer ones are left to the judges, as is everything else out of the ordinary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np

from torghut.adapters.sources.decoding.templates import Arrays, Op
from torghut.kernel.native.compiled import compiled
from torghut.kernel.native.loading import entry, is_kept
from torghut.kernel.native.ports import CodeStore
from torghut.schemas.rows import Bytes, Floats, Integers, Words

Found = tuple[Integers, Integers, Integers, Floats]
"""What the scanner fills: kinds (n,), spans (n, 2), integers and reals (fields + 1, n).

The last row takes the fields without a name, whose column is -1.
"""

Scan = Callable[[Bytes, int, int, Arrays, Found], int]


_LITERAL: Final = int(Op.LITERAL)
_REAL: Final = int(Op.REAL)
_LEVELS: Final = int(Op.LEVELS)
_TEXT: Final = int(Op.TEXT)
_WORD: Final = int(Op.WORD)
_NAME: Final = int(Op.NAME)
_WHOLE: Final = int(Op.WHOLE)
_DIGITS: Final = int(Op.DIGITS)

_LF: Final = 10
_CR: Final = 13
_SPACE: Final = 32
_QUOTE: Final = 34
_COMMA: Final = 44
_MINUS: Final = 45
_POINT: Final = 46
_ZERO: Final = 48
_COLON: Final = 58
_AT: Final = 64
_OPEN: Final = 91
_BACKSLASH: Final = 92
_CLOSE: Final = 93
_TILDE: Final = 126
_ENDS: Final = (_QUOTE, _COMMA, _BACKSLASH)

_MOST_DIGITS: Final = 18
_FRACTION_DIGITS: Final = 9
_EXACT: Final = 9_007_199_254_740_992  # 2^53
_POWERS: Final = tuple(float(f"1e{power}") for power in range(23))
_FNV_BASIS: Final = np.uint64(0xCBF29CE484222325)
_FNV_PRIME: Final = np.uint64(0x100000001B3)


@lru_cache(maxsize=4)
def compiled_scanner(store: CodeStore | None) -> Scan:
    """Return the scanner, its machine code kept in ``store`` or in memory."""
    return entry(scan_lines, _empty(), store)


def scanner_is_kept(store: CodeStore) -> bool:
    """Return whether this build's machine code is in ``store`` already."""
    return is_kept(scan_lines, _empty(), store)


def _empty() -> tuple[Bytes, int, int, Arrays, Found]:
    """Return arguments of the layout that the scanner is called with."""
    program = (
        np.zeros((0, 4), np.int64),
        np.zeros(0, np.int64),
        np.zeros(0, np.uint8),
        np.zeros(0, np.uint64),
        np.zeros((0, 3), np.int64),
        np.zeros(0, np.uint8),
    )
    kinds, spans = np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
    return (
        np.zeros(0, np.uint8),
        0,
        0,
        program,
        (kinds, spans, kinds.reshape(0, 0), np.zeros((0, 0))),
    )


def scan_lines(data: Bytes, start: int, stop: int, program: Arrays, found: Found) -> int:
    """Scan the lines of ``data`` from ``start`` and return how many there were.

    Stops at ``stop``, which is behind an LF, or when ``found`` is full. A span is the place of a
    line's first byte and that of its LF.
    """
    kinds, spans, wholes, reals = found
    templates = len(program[1]) - 1
    count = 0
    at = start
    while at < stop and count < len(kinds):
        end = -1
        kind = 0
        while end < 0 and kind < templates:
            _clear(wholes, reals, count)
            end = _match(data, at, kind, program, found, count)
            kind += 1
        kinds[count] = kind - 1 if end >= 0 else -1
        if end < 0:
            end = at
            while data[end] != _LF:
                end += 1
        spans[count, 0] = at
        spans[count, 1] = end
        at = end + 1
        count += 1
    return count


@compiled
def _clear(wholes: Integers, reals: Floats, line: int) -> None:
    """Mark every field of a line as absent."""
    for slot in range(len(wholes)):
        wholes[slot, line] = -1
    for slot in range(len(reals)):
        reals[slot, line] = math.nan


@compiled
def _match(data: Bytes, at: int, kind: int, program: Arrays, found: Found, line: int) -> int:
    """Return the place of the line's LF if it fits the template, else -1."""
    ops, starts, literals, hashes, places, letters = program
    for index in range(starts[kind], starts[kind + 1]):
        code = ops[index, 0]
        slot = ops[index, 1]
        if code == _LITERAL:
            at = _same(data, at, literals, slot, ops[index, 2])
        elif ops[index, 2] == 1 and (data[at] == _COMMA or data[at] == _CR or data[at] == _LF):
            continue
        elif _TEXT <= code <= _WORD:
            at = _passed(data, at, code)
        elif code < _TEXT:
            at, real = _decimal(data, at) if code == _REAL else _levels(data, at)
            found[3][slot, line] = real
        else:
            if code == _NAME:
                at, number = _named(data, at, hashes, places, letters)
            else:
                at, number = _counted(data, at, code, ops[index, 3])
            found[2][slot, line] = number
        if at < 0:
            return -1
    return _line_end(data, at)


@compiled
def _line_end(data: Bytes, at: int) -> int:
    """Return the place of the LF if the line ends at ``at``, with CR or without, else -1."""
    if data[at] == _CR:
        at += 1
    return at if data[at] == _LF else -1


@compiled
def _same(data: Bytes, at: int, letters: Bytes, offset: int, length: int) -> int:
    """Return the place behind the ``length`` letters if they stand at ``at``, else -1."""
    for index in range(length):
        if data[at + index] != letters[offset + index]:
            return -1
    return at + length


@compiled
def _digits(data: Bytes, at: int, most: int) -> tuple[int, int]:
    """Return the place behind the first digits, at most so many, and their value; -1 if none.

    Nothing that follows digits in a template is a digit, so a longer run fails there.
    """
    value = 0
    end = at
    while end - at < most and _ZERO <= data[end] < _COLON:
        value = value * 10 + (data[end] - _ZERO)
        end += 1
    return (end, value) if end > at else (-1, 0)


@compiled
def _counted(data: Bytes, at: int, code: int, exactly: int) -> tuple[int, int]:
    """Return the place behind an integer and its value; -1 if it is not of the kind asked for."""
    end, value = _digits(data, at, exactly if code == _DIGITS else _MOST_DIGITS + 1)
    digits = end - at
    if code == _WHOLE:
        fits = value >= 0 and (data[at] != _ZERO or digits == 1)  # below zero: beyond 2^63
    elif code == _DIGITS:
        fits = digits == exactly
    else:
        fits = digits <= _FRACTION_DIGITS
        while digits < _FRACTION_DIGITS and end >= 0:
            value *= 10
            digits += 1
    return (end, value) if fits else (-1, 0)


@compiled
def _decimal(data: Bytes, at: int) -> tuple[int, float]:
    """Return the place behind a plain decimal and the float64 nearest to it; -1 if none is sure."""
    negative = data[at] == _MINUS
    first = at + 1 if negative else at
    at, value = _digits(data, first, _MOST_DIGITS)
    decimals = 0
    if at >= 0 and data[at] == _POINT:
        point = at
        at += 1
        while at - first <= _MOST_DIGITS and _ZERO <= data[at] < _COLON:
            value = value * 10 + (data[at] - _ZERO)
            at += 1
        decimals = at - point - 1
        if decimals == 0 or _ZERO <= data[at] < _COLON:
            return -1, 0.0
    while value >= _EXACT and decimals > 0 and value % 10 == 0:
        value //= 10
        decimals -= 1
    if at < 0 or value >= _EXACT:
        return -1, 0.0
    number = np.float64(value) / _POWERS[decimals]
    return at, -number if negative else number


@compiled
def _levels(data: Bytes, at: int) -> tuple[int, float]:
    """Return the place behind a JSON array of price levels and the sum of their quantities."""
    if data[at] != _OPEN:
        return -1, 0.0
    at += 1
    total = 0.0
    while data[at] == _OPEN and data[at + 1] == _QUOTE:
        at, _ = _decimal(data, at + 2)
        if at < 0 or data[at] != _QUOTE or data[at + 1] != _COMMA or data[at + 2] != _QUOTE:
            return -1, 0.0
        at, quantity = _decimal(data, at + 3)
        if at < 0 or data[at] != _QUOTE or data[at + 1] != _CLOSE:
            return -1, 0.0
        total += quantity
        at += 2
        if data[at] == _CLOSE:
            return at + 1, total
        if data[at] != _COMMA:
            return -1, 0.0
        at += 1
    return (at + 1, total) if data[at] == _CLOSE and data[at - 1] == _OPEN else (-1, 0.0)


@compiled
def _passed(data: Bytes, at: int, code: int) -> int:
    """Return the place behind a text that does not matter."""
    while _SPACE <= data[at] <= _TILDE and data[at] not in _ENDS:
        if code == _WORD and data[at] == _AT:
            break
        at += 1
    return at


@compiled
def _named(
    data: Bytes, at: int, hashes: Words, places: Integers, letters: Bytes
) -> tuple[int, int]:
    """Return the place behind a known word and its number; -1 if it is unknown."""
    state = _FNV_BASIS
    end = at
    while _SPACE < data[end] <= _TILDE and data[end] != _COMMA and data[end] != _QUOTE:
        state = (state ^ np.uint64(data[end])) * _FNV_PRIME
        end += 1
    low, high = 0, len(hashes)
    while low < high:
        middle = (low + high) // 2
        if hashes[middle] < state:
            low = middle + 1
        else:
            high = middle
    if low == len(hashes) or hashes[low] != state or places[low, 1] != end - at:
        return -1, 0
    if _same(data, at, letters, places[low, 0], places[low, 1]) < 0:
        return -1, 0
    return end, places[low, 2]
