"""exp, log and whole against exact decimal arithmetic, compiled and interpreted alike."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Final

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.decisions.kernels import code_store
from torghut.kernel.exact import exp, log, whole
from torghut.kernel.native.loading import entry
from torghut.schemas.rows import Floats

DIGITS: Final = 60


def all_three(x: Floats, found: Floats) -> int:
    """Fill ``found``, shape (3,), for the first of ``x``: a kernel of its own."""
    found[0], found[1], found[2] = exp(x[0]), log(x[0]), whole(x[0])
    return 0


@functools.cache
def compiled() -> Callable[[Floats, Floats], int]:
    """Return ``all_three`` as machine code."""
    return entry(all_three, (np.zeros(1), np.zeros(3)), code_store())


_any = st.floats(allow_nan=True, allow_infinity=True)


def bits(x: float) -> bytes:
    """Return the bytes of a float."""
    return struct.pack("<d", x)


def apart(found: float, exact: Decimal) -> Decimal:
    """Return the distance of ``found`` from ``exact`` in units of its last place."""
    with localcontext() as context:
        context.prec = DIGITS
        return abs(Decimal(found) - exact) / Decimal(math.ulp(found))


@given(st.floats(-745.0, 709.78))
@example(-708.4)
@example(-745.1)
@example(709.782712893384)
@example(0.34657359027997264)
@example(1e-300)
@example(-708.7429921225441)  # from here down 2^k itself is below the normal floats
@example(-708.742992122544)
@example(709.436139303104)  # from here up it is above the largest
@example(709.4361393031039)
def test_exp_is_within_one_unit_in_the_last_place(x: float) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        exact = Decimal(x).exp()

    assert apart(exp(x), exact) <= 1


@given(st.floats(min_value=5e-324, max_value=1.7976931348623157e308))
@example(1.0)
@example(0.9999999999999999)
@example(1.0000000000000002)
@example(0.7071067811865475)
@example(0.7071067811865476)
@example(5e-324)
@example(2.225073858507201e-308)  # the largest subnormal
@example(2.2250738585072014e-308)
@example(1.7976931348623157e308)
def test_log_is_within_one_unit_in_the_last_place(x: float) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        exact = Decimal(x).ln()

    assert apart(log(x), exact) <= 1


@given(st.floats(0.5, 2.0))
def test_log_near_one_is_within_one_unit_in_the_last_place(x: float) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        exact = Decimal(x).ln()

    assert apart(log(x), exact) <= 1


@given(st.integers(-1074, 1023))
def test_log_of_a_power_of_two_is_within_one_unit_in_the_last_place(exponent: int) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        exact = exponent * Decimal(2).ln()

    assert apart(log(math.ldexp(1.0, exponent)), exact) <= 1


@given(_any)
@example(math.inf)
@example(-math.inf)
@example(math.nan)
@example(-0.0)
@example(-745.1)
@example(5e-324)
def test_compiled_and_interpreted_give_the_same_bits(x: float) -> None:
    found = np.zeros(3)

    compiled()(np.array([x]), found)

    assert found.tobytes() == b"".join(map(bits, (exp(x), log(x), whole(x))))


@given(st.floats(-9e15, 9e15))
def test_whole_is_the_floor(x: float) -> None:
    assert whole(x) == math.floor(x)


@pytest.mark.parametrize(
    ("x", "expected"),
    [(math.inf, math.inf), (-math.inf, 0.0), (710.0, math.inf), (-746.0, 0.0), (0.0, 1.0)],
)
def test_exp_at_its_ends(x: float, expected: float) -> None:
    assert exp(x) == expected


@pytest.mark.parametrize(("x", "expected"), [(math.inf, math.inf), (0.0, -math.inf), (1.0, 0.0)])
def test_log_at_its_ends(x: float, expected: float) -> None:
    assert log(x) == expected


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(exp(math.nan))
    assert math.isnan(log(math.nan))
    assert math.isnan(log(-1.0))
    assert math.isnan(whole(math.nan))
