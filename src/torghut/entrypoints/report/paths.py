"""Curves as SVG path data, in whole units and mostly relative, so that a page stays small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")


def line(heights: Sequence[int | None]) -> str:
    """Return a line through points one unit apart; it is broken where there is none.

    Example:
        >>> line([5, 7, 7, None, 1, 0])
        'M0 5l1 2 1 0M4 1l1-1'
    """
    pieces: list[str] = []
    before: int | None = None
    command = "l"
    for place, height in enumerate(heights):
        if height is None:
            before = None
            continue
        if before is None:
            pieces.append(f"M{place} {height}")
            command = "l"
        else:
            pieces.append(f"{command}1{_signed(height - before)}")
            command = " "
        before = height
    return "".join(pieces)


def steps(heights: Sequence[int | None]) -> str:
    """Return a line that stays until the next point and then jumps.

    Example:
        >>> steps([5, 5, 7, None, 1])
        'M0 5h2v2h1M4 1h1'
    """
    pieces: list[str] = []
    before: int | None = None
    for height, places in _runs(heights):
        if height is not None:
            jump = f"M{places.start} {height}" if before is None else f"v{height - before}"
            pieces.append(f"{jump}h{len(places)}")
        before = height
    return "".join(pieces)


def area(heights: Sequence[int], floor: int) -> str:
    """Return the area between a line and a level.

    Example:
        >>> area([5, 7], 0)
        'M0 5l1 2V0H0z'
    """
    return f"{line(heights)}V{floor}H0z" if heights else ""


def band(upper: Sequence[int], lower: Sequence[int]) -> str:
    """Return the area between two lines of one length.

    Example:
        >>> band([5, 7], [1, 2])
        'M0 5l1 2L1 2l-1-1z'
    """
    if not upper:
        return ""
    back = [
        f"{'l' if place == 0 else ' '}-1{_signed(height - before)}"
        for place, (before, height) in enumerate(zip(lower[:0:-1], lower[-2::-1], strict=True))
    ]
    return f"{line(upper)}L{len(upper) - 1} {lower[-1]}{''.join(back)}z"


def boxes(flags: Sequence[bool], top: int, height: int) -> str:
    """Return a box over every run of set flags.

    Example:
        >>> boxes([True, True, False, True], 0, 9)
        'M0 0h2v9h-2zm3 0h1v9h-1z'
    """
    shapes = (
        (places.start, f"h{len(places)}v{height}h-{len(places)}z")
        for flag, places in _runs(flags)
        if flag
    )
    return _beside(shapes, top)


def bars(heights: Sequence[int], floor: int) -> str:
    """Return an upright bar, one unit wide, for every height that is not 0; up is negative.

    Example:
        >>> bars([0, -4, -4], 10)
        'M1 10v-4h2v4z'
    """
    shapes = (
        (places.start, f"v{height}h{len(places)}v{-height}z")
        for height, places in _runs(heights)
        if height
    )
    return _beside(shapes, floor)


def _beside(shapes: Iterable[tuple[int, str]], level: int) -> str:
    """Return closed shapes on one level, each where it begins, one seen from the other."""
    pieces: list[str] = []
    before: int | None = None
    for start, shape in shapes:
        pieces.append(f"M{start} {level}" if before is None else f"m{start - before} 0")
        pieces.append(shape)
        before = start
    return "".join(pieces)


def _signed(number: int) -> str:
    """Return a number that needs no separator before it if it is negative."""
    return str(number) if number < 0 else f" {number}"


def _runs(values: Sequence[T]) -> Iterator[tuple[T, range]]:
    """Yield each value with the places where it stands in a row."""
    start = 0
    for value, alike in groupby(values):
        length = sum(1 for _ in alike)
        yield value, range(start, start + length)
        start += length
