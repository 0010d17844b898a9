"""exp, log and floor in operations that every IEEE 754 machine rounds alike.

libm's own differ in the last bit between processors and versions; one such bit changes decisions
and hashes. Here only + - * /, comparisons, floor and the bits of a float are used, in a fixed
order. Reading the exponent out of the bits does what frexp and ldexp do, without calling libm.

The polynomials have the smallest largest error that their degree allows (Remez 1934) and are
evaluated in pairs (Estrin 1960): half the waiting of Horner's rule.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.kernel.native.compiled import compiled

_LN2_HIGH: Final = 0.693147180369123816490  # the upper 33 bits of ln 2: k * high is exact
_LN2_LOW: Final = 1.90821492927058770002e-10
_LOG2_E: Final = 1.44269504088896338700
_EXP_OVERFLOW: Final = 709.782712893384
_EXP_UNDERFLOW: Final = -745.2
_ALL_WHOLE: Final = 9007199254740992.0  # 2^53: from here on every float is a whole number
_ROUNDER: Final = 6755399441055744.0  # 1.5 * 2^52: floats near it are the whole numbers
_ROUNDER_BITS: Final = 0x4338000000000000
_SQRT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_FRACTION: Final = 52  # bits of a float below its exponent
_BIAS: Final = 1023  # a float's bits hold its exponent plus this
_EXPONENT_MIN: Final = -1022
_NORMAL: Final = 2.2250738585072014e-308  # 2^-1022: the bits of floats below hold no exponent
_LIFT: Final = 54
_LIFTED: Final = 18014398509481984.0  # 2^54


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

    A polynomial of degree 11 on |r| <= ln 2 / 2, off by 2^-57.9 at most, after x = k ln 2 + r
    with ln 2 in two parts (Cody and Waite 1980). Above 709.78 the result is infinite, below
    -745.2 it is 0; NaN stays NaN.
    """
    if not _EXP_UNDERFLOW <= x <= _EXP_OVERFLOW:
        return _exp_beyond(x)
    shifted = x * _LOG2_E + _ROUNDER
    k = shifted - _ROUNDER
    high = x - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    r2 = r * r
    r4 = r2 * r2
    p0 = (0.5000000000000011 + r * 0.16666666666666413) + r2 * (
        0.041666666666530155 + r * 0.008333333333494463
    )
    p4 = (0.001388888894363007 + r * 0.00019841269506576398) + r2 * (
        2.4801493098947543e-05 + r * 2.7557586375990773e-06
    )
    p8 = 2.763024836611497e-07 + r * 2.5000060913375838e-08
    p = p0 + r4 * (p4 + r4 * p8)
    # 1 + r + r^2 p, with what high - low lost added back where it still counts.
    return _scaled(1.0 + (high - (low - r2 * p)), _bits(shifted) - _ROUNDER_BITS)


@compiled
def log(x: float) -> float:
    """Return the natural logarithm of ``x``, within 1 unit in the last place.

    After x = m 2^e with m between sqrt(1/2) and sqrt(2): log m = 2 artanh(s), s = f / (2 + f),
    f = m - 1, as s + s + s P(s^2) with a polynomial off by 2^-59.5 at most (Ng's arrangement in
    fdlibm, 1993). The logarithm of 0 is minus infinity, of a negative number NaN.
    """
    lift = 0
    if not _NORMAL <= x < math.inf:
        if not 0.0 < x < math.inf:
            return _log_beyond(x)
        x *= _LIFTED
        lift = _LIFT
    bits = _bits(x)
    e = (bits - _SQRT_HALF_BITS) >> _FRACTION
    f = _float(bits - (e << _FRACTION)) - 1.0
    k = float(e - lift)
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    p0 = (0.6666666666666734 + z * 0.3999999999941432) + z2 * (
        0.2857142874247499 + z * 0.22222198563476092
    )
    p4 = (0.1818356486706799 + z * 0.15314035826947248) + z2 * 0.14796105510224017
    p = z * (p0 + z2 * z2 * p4)
    # s + s = f - h + s h with h = f^2 / 2: what is rounded is small beside the exact f.
    h = 0.5 * f * f
    return k * _LN2_HIGH + (f - (h - (s * (h + p) + k * _LN2_LOW)))


@compiled
def _exp_beyond(x: float) -> float:
    """Return ``exp`` where it overflows or underflows, and of NaN."""
    if x > 0.0:
        return math.inf
    if x < 0.0:
        return 0.0
    return x


@compiled
def _log_beyond(x: float) -> float:
    """Return ``log`` of what is not above 0, of infinity and of NaN."""
    if x == 0.0:
        return -math.inf
    if x < 0.0:
        return math.nan
    return x


@compiled
def _scaled(y: float, k: int) -> float:
    """Return ``y`` 2^k, rounded once, for ``y`` near 1 and -1075 <= k <= 1024."""
    if _EXPONENT_MIN <= k <= _BIAS:
        return y * _float((k + _BIAS) << _FRACTION)
    half = k >> 1
    return (y * _float((half + _BIAS) << _FRACTION)) * _float((k - half + _BIAS) << _FRACTION)


@compiled
def _bits(x: float) -> int:
    """Return the 64 bits of ``x``, from the top: sign, exponent (11 bits), fraction (52)."""
    return int(np.float64(x).view(np.int64))


@compiled
def _float(bits: int) -> float:
    """Return the float that has these 64 bits."""
    return float(np.int64(bits).view(np.float64))
