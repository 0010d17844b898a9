"""What a line looks like when nothing is wrong with it: templates, and the program they become.

A template is the line's text with its variable fields in angle brackets, ``<whole ms>,<real bid>``.
The scanner takes a line only if it fits a template byte for byte; every other line is judged with
care. So a template never decides what is refused, only what is fast.

Fields: ``whole`` an integer without sign or leading zeros; ``digits4`` exactly so many digits;
``fraction`` the digits of a decimal fraction, as billionths; ``real`` a plain decimal; ``name`` a
word of the template's own vocabulary (its number); ``text`` printable ASCII without quote,
backslash or comma; ``word`` the same without ``@``; ``levels`` a JSON array of
``["price","quantity"]`` (the sum of the quantities). A ``?`` lets the field be empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import Bytes, Floats, Integers, Words

_FIELD: Final = re.compile(r"<([a-z]+)([0-9]?)(\??)(?: ([a-z_]+))?>")
_FNV_BASIS: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_WORD: Final = 2**64


class Op(IntEnum):
    """What the scanner does at one place of a line; it relies on their order."""

    LITERAL = 0
    REAL = 1
    LEVELS = 2
    TEXT = 3
    WORD = 4
    NAME = 5
    WHOLE = 6
    DIGITS = 7
    FRACTION = 8


_OPS: Final[Mapping[str, Op]] = {op.name.lower(): op for op in Op}
_REALS: Final = frozenset({Op.REAL, Op.LEVELS})

Arrays = tuple[Integers, Integers, Bytes, Words, Integers, Bytes]
"""Operations, first operation of each template, literals; hashes, places and letters of names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Templates as the scanner reads them.

    Attributes:
        arrays: What is handed to the scanner.
        wholes: Names of the integer fields, in the order of their columns.
        reals: Names of the real fields, in the order of their columns.
        templates: How many there are; tried in order.
    """

    arrays: Arrays
    wholes: tuple[str, ...]
    reals: tuple[str, ...]
    templates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """Lines that were scanned, field by field.

    Attributes:
        program: What they were scanned with.
        kinds: Index of each line's template, -1 where none fits, shape (n,).
        columns: Integer fields, shape (fields, n); -1 where absent.
        values: Real fields, shape (fields, n); NaN where absent.
        first_record: Ordinal of the first of these lines in its part.
    """

    program: Program
    kinds: Integers
    columns: Integers
    values: Floats
    first_record: int

    def whole(self, name: str) -> Integers:
        """Return one integer field, shape (n,)."""
        column: Integers = self.columns[self.program.wholes.index(name)]
        return column

    def real(self, name: str) -> Floats:
        """Return one real field, shape (n,)."""
        column: Floats = self.values[self.program.reals.index(name)]
        return column

    def ordinals(self) -> Integers:
        """Return each line's ordinal in its part, shape (n,)."""
        return np.arange(self.first_record, self.first_record + len(self.kinds))


def build_program(templates: Sequence[str], vocabulary: Mapping[str, int] | None = None) -> Program:
    """Return the program for ``templates``; ``vocabulary`` numbers the words that are names.

    Example:
        >>> program = build_program(["<whole ms>,<real bid>,<real ask>"])
        >>> program.wholes, program.reals
        (('ms',), ('bid', 'ask'))
    """
    slots = _Slots({}, {})
    literals = bytearray()
    rows: list[tuple[int, int, int, int]] = []
    starts = [0]
    for template in templates:
        at = 0
        for match in _FIELD.finditer(template):
            _literal(template[at : match.start()], literals, rows)
            op = _OPS[match[1]]
            rows.append((op, slots.find(op, match[4]), int(bool(match[3])), int(match[2] or 0)))
            at = match.end()
        _literal(template[at:], literals, rows)
        starts.append(len(rows))
    names = _vocabulary(vocabulary or {})
    return Program(
        arrays=(
            np.array(rows, np.int64).reshape(-1, 4),
            np.array(starts, np.int64),
            np.frombuffer(bytes(literals) or b"\0", np.uint8).copy(),
            *names,
        ),
        wholes=tuple(slots.wholes),
        reals=tuple(slots.reals),
        templates=len(templates),
    )


@dataclass(frozen=True, slots=True)
class _Slots:
    """The columns that named fields were given."""

    wholes: dict[str, int]
    reals: dict[str, int]

    def find(self, op: Op, name: str | None) -> int:
        """Return the column of a field, -1 for one whose value is not kept."""
        if name is None:
            return -1
        columns = self.reals if op in _REALS else self.wholes
        return columns.setdefault(name, len(columns))


def _literal(text: str, literals: bytearray, rows: list[tuple[int, int, int, int]]) -> None:
    """Append the operation that compares ``text``."""
    if text:
        rows.append((Op.LITERAL, len(literals), len(text), 0))
        literals.extend(text.encode("ascii"))


def _vocabulary(numbers: Mapping[str, int]) -> tuple[Words, Integers, Bytes]:
    """Return the words sorted by hash: hashes, (offset, length, number) of each, and letters."""
    words = sorted((fnv1a(word.encode()), word) for word in numbers)
    letters = bytearray()
    places = np.zeros((len(words), 3), np.int64)
    for index, (_, word) in enumerate(words):
        places[index] = (len(letters), len(word.encode()), numbers[word])
        letters.extend(word.encode())
    hashes: npt.NDArray[np.uint64] = np.array([digest for digest, _ in words], np.uint64)
    return hashes, places, np.frombuffer(bytes(letters) or b"\0", np.uint8).copy()


def fnv1a(word: bytes) -> int:
    """Return the 64-bit FNV-1a hash of ``word``, by which the scanner looks it up."""
    state = _FNV_BASIS
    for letter in word:
        state = (state ^ letter) * _FNV_PRIME % _WORD
    return state
