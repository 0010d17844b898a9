"""Field types accept one form of a value, and say what JSON readers may rely on."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from torghut.schemas.types import (
    Message,
    Nanoseconds,
    Real,
    SafeCount,
    Unsigned64,
    first_problem,
)

NANOSECONDS: Final[TypeAdapter[int]] = TypeAdapter(Nanoseconds)
UNSIGNED: Final[TypeAdapter[int]] = TypeAdapter(Unsigned64)
COUNT: Final[TypeAdapter[int]] = TypeAdapter(SafeCount)
REAL: Final[TypeAdapter[float]] = TypeAdapter(Real)


@given(st.integers(0, 2**63 - 1))
def test_nanoseconds_survive_json(value: int) -> None:
    assert NANOSECONDS.validate_json(NANOSECONDS.dump_json(value)) == value


@given(st.integers(0, 2**64 - 1))
def test_source_numbers_survive_json(value: int) -> None:
    assert UNSIGNED.validate_json(UNSIGNED.dump_json(value)) == value


@pytest.mark.parametrize("text", ["", "01", "-1", "+1", "1.0", "1e3", " 1", "٣", str(2**63)])
def test_nanoseconds_have_one_spelling(text: str) -> None:
    with pytest.raises(ValidationError):
        NANOSECONDS.validate_python(text)


def test_numbers_beyond_their_range_are_refused() -> None:
    for adapter, value in ((UNSIGNED, 2**64), (COUNT, 2**53), (COUNT, -1)):
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize("value", ["1.5", True, None])
def test_text_and_truth_are_no_numbers(value: object) -> None:
    with pytest.raises(ValidationError):
        REAL.validate_python(value)


def test_floats_of_arrays_are_numbers() -> None:
    assert REAL.validate_python(np.float64(1.5)) == 1.5


class Priced(Message):
    """A made-up record."""

    prices: tuple[Real, ...]


@pytest.mark.parametrize(
    ("stated", "place", "found"),
    [
        ({"prices": [1.5, "2 USD"]}, "prices.1", "2 USD"),
        ({}, "prices", "nothing"),
        ({"prices": [], "more": "x" * 500}, "more", "x" * 80),
        ("1.5", "", "1.5"),
    ],
)
def test_first_problem_says_where_and_what_stands_there(
    stated: object, place: str, found: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Priced.model_validate(stated)

    problem = first_problem(refused.value)

    assert (problem.place, problem.found) == (place, found)
    assert problem.at("the whole") == f"{place or 'the whole'}: {problem.reason}"
