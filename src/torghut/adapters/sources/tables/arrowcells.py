"""Cells of Arrow columns: as arrays where they are ordinary, as text where a judge must look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.decoding.times import PLAUSIBLE_NS, TimeForm
from torghut.schemas.rows import LATEST_NS, Floats, Integers

UNDECODABLE: Final = None
"""Stands for a text that is not UTF-8."""

_FORMS: Final[Mapping[str, TimeForm]] = {form.value: form for form in TimeForm}


def is_text(kind: Any) -> bool:  # noqa: ANN401 - pyarrow publishes no types
    """Return whether a type holds text."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: Any) -> bool:  # noqa: ANN401
    """Return whether a type holds numbers, or text that may spell them."""
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(numeric) or is_text(kind)


def is_time(kind: Any) -> bool:  # noqa: ANN401
    """Return whether a type holds times."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_integer(kind)) or is_text(kind)


def form_of(kind: Any) -> TimeForm | None:  # noqa: ANN401
    """Return the form of times that a type itself says."""
    return _FORMS[kind.unit] if pa.types.is_timestamp(kind) else None


def texts(array: Any) -> Sequence[str | None]:  # noqa: ANN401
    """Return cells as text, empty for null; ``UNDECODABLE`` for what is not UTF-8."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
    if is_text(array.type):
        return [_decoded(cell) for cell in array.cast(pa.large_binary()).to_pylist()]
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.int64())
    elif pa.types.is_floating(kind):
        array = array.cast(pa.float64())
    return ["" if cell is None else str(cell) for cell in array.to_pylist()]


def numbers_of(array: Any, words: Mapping[str, int]) -> Integers:  # noqa: ANN401
    """Return the number of each cell's word, -1 for null and for words that have none."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    known = {word.encode(): number for word, number in words.items()}
    found = encoded.dictionary.cast(pa.large_binary()).to_pylist()
    table = np.array([*(known.get(word, -1) for word in found), -1], np.int64)
    places = encoded.indices.cast(pa.int64()).fill_null(len(found)).to_numpy(zero_copy_only=False)
    numbers: Integers = table[places]
    return numbers


def counts(array: Any) -> tuple[Integers, Mask]:  # noqa: ANN401
    """Return integers, -1 for null, and which of them need a judge."""
    kind = array.type
    if not (pa.types.is_integer(kind) or pa.types.is_timestamp(kind)) or kind == pa.uint64():
        return np.full(len(array), -1), np.ones(len(array), np.bool_)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    values = array.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return values, valid & (values < 0)


def instants(array: Any, form: TimeForm) -> tuple[Integers, Mask]:  # noqa: ANN401
    """Return times in ns, -1 for null, and which of them need a judge."""
    values, doubtful = counts(array)
    least, limit = PLAUSIBLE_NS // form.ns_per_unit, LATEST_NS // form.ns_per_unit
    present = values >= 0
    doubtful |= present & ((values < least) | (values >= limit))
    return np.where(present, values * form.ns_per_unit, -1), doubtful


def reals(array: Any) -> tuple[Floats, Mask]:  # noqa: ANN401
    """Return numbers, NaN for null, and which of them need a judge."""
    kind = array.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.full(len(array), np.nan), np.ones(len(array), np.bool_)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values, valid & np.isnan(values)


def _decoded(cell: bytes | None) -> str | None:
    """Return a text cell, empty for null."""
    if cell is None:
        return ""
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return UNDECODABLE
