"""A course keeps a bounded number of points that depend on the decisions alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from torghut.schemas.codes import Gate, GateStatus, Intent
from torghut.schemas.rows import DECISION
from torghut.workflows.report.columns import grouped
from torghut.workflows.report.series import Course, part_of

_POINTS = 8


def decisions(count: int, seed: int) -> npt.NDArray[np.void]:
    """Return made-up decisions of one symbol."""
    draw = np.random.Generator(np.random.PCG64(seed))
    rows = np.zeros(count, DECISION)
    rows["receive_ns"] = np.arange(count) + 1
    rows["reference_price"] = draw.normal(1.0, 0.1, count)
    rows["equity"] = draw.normal(0.0, 10.0, count)
    rows["target"] = draw.integers(-3, 4, count)
    rows["intent"] = draw.integers(0, len(Intent), count)
    rows["regime"] = draw.choice([0, 1, 3, 255], count)
    rows["gate_status"] = draw.choice(list(GateStatus), (count, len(Gate)))
    return rows


def drawn(rows: npt.NDArray[np.void], cuts: list[int]) -> Course:
    """Return the course of ``rows`` taken in between ``cuts``."""
    course = Course(points=_POINTS)
    for start, stop in pairwise([0, *sorted(cuts), len(rows)]):
        if stop > start:
            piece = grouped(rows[start:stop], np.zeros(stop - start, np.uint32))
            course.take(part_of(piece, 0, piece.failures(), piece.rows["equity"]))
    return course


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(0, 9), st.data())
def test_points_are_bounded_and_cover_every_decision_once(
    count: int, seed: int, data: st.DataObject
) -> None:
    rows = decisions(count, seed)
    cuts = data.draw(st.lists(st.integers(0, count), max_size=6))

    course = drawn(rows, cuts)

    stride = 1
    while stride * _POINTS < count:
        stride *= 2
    pieces = [rows[i : i + stride] for i in range(0, count, stride)]
    assert (course.stride, course.length) == (stride, len(pieces))
    assert course.length <= _POINTS
    assert course.samples["receive_ns"][: len(pieces)].tolist() == [
        piece["receive_ns"][0] for piece in pieces
    ]
    for point, piece in enumerate(pieces):
        assert course.low[point] == piece["reference_price"].min()
        assert course.high[point] == piece["reference_price"].max()
        intents = np.bincount(piece["intent"], minlength=len(Intent))
        assert course.counts["intents"][point].tolist() == intents.tolist()
        regimes = np.bincount(np.minimum(piece["regime"], 4), minlength=5)
        assert course.counts["regimes"][point].tolist() == regimes.tolist()
        failed = (piece["gate_status"] == GateStatus.FAIL).sum(axis=0)
        assert course.counts["gates"][point].tolist() == failed.tolist()
    assert course.counts["intents"].sum() == count


@settings(max_examples=30)
@given(st.integers(1, 120), st.lists(st.integers(0, 120), max_size=5))
def test_points_do_not_depend_on_the_cuts(count: int, cuts: list[int]) -> None:
    rows = decisions(count, 1)

    cut, uncut = drawn(rows, [min(count, place) for place in cuts]), drawn(rows, [])

    used = uncut.length
    assert cut.samples[:used].tobytes() == uncut.samples[:used].tobytes()
    assert cut.last.tobytes() == uncut.last.tobytes()
    assert cut.low[:used].tobytes() == uncut.low[:used].tobytes()
    assert all(np.array_equal(cut.counts[name], uncut.counts[name]) for name in cut.counts)


def test_last_point_is_the_last_decision_and_abstaining_has_no_target() -> None:
    rows = decisions(5, 2)
    rows["intent"] = [Intent.HOLD, Intent.ABSTAIN, Intent.BUY, Intent.SELL, Intent.ABSTAIN]

    course = drawn(rows, [])

    assert course.last["receive_ns"].tolist() == [5]
    assert np.isnan(course.samples["target"][:5]).tolist() == [False, True, False, False, True]
