"""exp, log and floor in operations that every IEEE 754 machine rounds alike.

libm's own differ in the last bit between processors and versions; one such bit changes decisions
and hashes. Here only + - * /, comparisons, floor, frexp and ldexp are used, in a fixed order.
"""

from __future__ import annotations

import math
from typing import Final

from torghut.kernel.compiled import compiled

_LN2_HIGH: Final = 0.693147180369123816490  # the upper 33 bits of ln 2: k * high is exact
_LN2_LOW: Final = 1.90821492927058770002e-10
_LOG2_E: Final = 1.44269504088896338700
_EXP_OVERFLOW: Final = 709.782712893384
_EXP_UNDERFLOW: Final = -745.2
_SQRT_HALF: Final = 0.70710678118654752440
_ALL_WHOLE: Final = 9007199254740992.0  # 2^53: from here on every float is a whole number


@compiled
def whole(x: float) -> float:
    """Return the largest whole number not above ``x``, as a float; infinities and NaN as is.

    ``math.floor`` alone gives an unbounded integer interpreted and a 64-bit one compiled.
    """
    if abs(x) < _ALL_WHOLE:
        return float(math.floor(x))
    return x


@compiled
def exp(x: float) -> float:
    """Return e to the power ``x``, within 1 unit in the last place.

    Taylor's series to the 13th power on |r| <= ln 2 / 2 after x = k ln 2 + r. Above 709.78 the
    result is infinite, below -745.2 it is 0; NaN stays NaN.
    """
    if x > _EXP_OVERFLOW:
        return math.inf
    if x < _EXP_UNDERFLOW:
        return 0.0
    if x != x:  # noqa: PLR0124 - the exact test for NaN
        return x
    k = math.floor(x * _LOG2_E + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return math.ldexp(1.0 + (r + r * r * p), int(k))


@compiled
def log(x: float) -> float:
    """Return the natural logarithm of ``x``, within 1 unit in the last place.

    log m = 2 artanh((m - 1) / (m + 1)) by its series, after x = m 2^e with m near 1. The
    logarithm of 0 is minus infinity, of a negative number NaN.
    """
    if x != x or x == math.inf:  # noqa: PLR0124 - the exact test for NaN
        return x
    if x < 0.0:
        return math.nan
    if x == 0.0:
        return -math.inf
    m, e = math.frexp(x)
    if m < _SQRT_HALF:
        m = m * 2.0
        e = e - 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 1.0 / 25.0
    p = p * z + 1.0 / 23.0
    p = p * z + 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    # 2 artanh(s) = f - s (f - 2 z p): the small correction is added last, to the exact f.
    return e * _LN2_HIGH + (f - (s * (f - 2.0 * z * p) - e * _LN2_LOW))
