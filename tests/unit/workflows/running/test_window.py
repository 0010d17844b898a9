"""The end of a window: exact to the record, whatever the batches, and resumable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.sources import ArraySource
from tests.support.decisions.rows import quotes
from torghut.market.ports import Batch, Cursor, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.workflows.running.window import EndingSource


def source(receive_ns: list[int], bad: list[int] | None = None) -> ArraySource:
    """Return contexts with these receive times, and bad records before some of them."""
    rows = quotes(np.full(len(receive_ns), 1.3))
    rows["receive_ns"] = receive_ns
    records = [
        (
            row,
            Quarantined(
                part=0, record=row, refusal=RefusalCode.UNDECODABLE, digest="0" * 64, excerpt="?"
            ),
        )
        for row in bad or []
    ]
    return ArraySource(rows=rows, symbols=("fxcm:EURUSD",), quarantined=records)


def taken(
    whole: ArraySource, to_ns: int, *, after: Cursor | None = None, size: int = 4
) -> tuple[list[int], Cursor]:
    """Return the receive times that are taken, and where reading would go on."""
    cursor = after or Cursor()
    found: list[int] = []
    ending = EndingSource(source=whole, to_ns=to_ns)
    for batch in ending.batches(after=cursor, max_records=size):
        found += batch.contexts["receive_ns"].tolist()
        cursor = batch.cursor
    return found, cursor


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_end_is_exact_whatever_the_batches(size: int) -> None:
    found, cursor = taken(source(list(range(10))), 6, size=size)

    assert found == [0, 1, 2, 3, 4, 5, 6]
    assert cursor.record == 7


def test_what_was_left_is_taken_by_a_later_end() -> None:
    whole = source(list(range(10)))
    first, cursor = taken(whole, 6)

    second, _ = taken(whole, 100, after=cursor)

    assert first + second == list(range(10))


def test_later_contexts_inside_the_window_are_taken() -> None:
    found, cursor = taken(source([0, 1, 9, 9, 2, 3, 9]), 5)

    assert found == [0, 1, 2, 3]
    assert cursor.record == 6


def test_batch_without_contexts_goes_with_the_context_before_it() -> None:
    whole = source([0, 1, 9, 9], bad=[1, 3])
    batches: list[Batch] = list(
        EndingSource(source=whole, to_ns=5).batches(after=Cursor(), max_records=2)
    )

    assert sum(len(batch.quarantined) for batch in batches) == 1


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 20), st.integers(1, 7))
def test_exactly_the_contexts_inside_are_taken(times: list[int], to_ns: int, size: int) -> None:
    found, cursor = taken(source(times), to_ns, size=size)

    assert found == [time for time in times if time <= to_ns]
    assert all(time > to_ns for time in times[cursor.record :])
