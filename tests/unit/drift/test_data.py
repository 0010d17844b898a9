"""Data that is absent, old, repeated or of another shape is counted, each by its own rule."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.support.governance.governing import DIGEST
from torghut.drift.data import MISMATCHES, NULLS, DataTally
from torghut.schemas.codes import RefusalCode
from torghut.schemas.declarations.safety import DriftCode

MS = 1_000_000
NULL: DriftCode = "data_required_null_rate_exceeded"
STALE: DriftCode = "data_staleness_p95_exceeded"
TWICE: DriftCode = "data_duplicate_ratio_exceeded"
SHAPE: DriftCode = "data_schema_mismatch_detected"


def value(tally: DataTally, code: DriftCode) -> tuple[float | None, int]:
    """Return what a check would be told, and on how many samples."""
    reading = tally.readings(nothing_required_by=None)[code]
    return reading.value, reading.samples


def outcomes(counts: dict[RefusalCode, int]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return refusal codes of contexts."""
    return np.array(list(Counter(counts).elements()), np.uint8)


def test_null_rate_is_of_what_is_required_by_decisions() -> None:
    tally = DataTally()
    age_ns = np.array([[MS, -1, -1], [-1, -1, 5 * MS]], np.int64)
    required = np.array([[True, False, False], [True, False, True]])

    tally.take_decisions(age_ns, required)

    assert value(tally, NULL) == (1 / 3, 3)


def test_staleness_is_of_the_oldest_required_domain_that_is_known() -> None:
    tally = DataTally()
    age_ns = np.array([[MS, 9 * MS, 99 * MS], [2 * MS, -1, -1]], np.int64)
    required = np.array([[True, True, False], [True, True, False]])

    tally.take_decisions(age_ns, required)

    assert value(tally, STALE) == (9.0, 2)


def test_refused_context_that_lacks_a_value_is_a_null() -> None:
    tally = DataTally()

    tally.take_outcomes(outcomes({RefusalCode.NONE: 6, RefusalCode.NOT_FINITE: 2}))
    tally.take_decisions(np.zeros((6, 3), np.int64), np.tile([True, False, False], (6, 1)))

    assert value(tally, NULL) == (2 / 8, 8)


def test_duplicates_are_of_all_records() -> None:
    tally = DataTally()

    tally.take_outcomes(outcomes({RefusalCode.NONE: 7, RefusalCode.DUPLICATE: 2}))
    tally.take_quarantined([RefusalCode.UNDECODABLE.code])

    assert value(tally, TWICE) == (0.2, 10)


@pytest.mark.parametrize("code", sorted(set(RefusalCode) - {RefusalCode.NONE}))
def test_each_refusal_is_what_it_says_and_nothing_else(code: RefusalCode) -> None:
    tally = DataTally()

    tally.take_outcomes(outcomes({code: 1}))

    assert (tally.absent, tally.duplicates, tally.mismatches) == (
        int(code in NULLS),
        int(code is RefusalCode.DUPLICATE),
        int(code in MISMATCHES),
    )


def test_record_quarantined_under_a_code_from_the_future_is_a_mismatch() -> None:
    tally = DataTally()

    tally.take_quarantined(["market.something-new"])

    assert value(tally, SHAPE) == (1.0, 1)


def test_of_an_empty_window_nothing_is_known() -> None:
    readings = DataTally().readings(nothing_required_by=None)

    assert {reading.status for reading in readings.values()} == {"missing"}


def test_where_nothing_is_required_only_that_is_not_applicable() -> None:
    tally = DataTally()
    tally.take_outcomes(outcomes({RefusalCode.NONE: 4}))
    tally.take_decisions(np.zeros((4, 3), np.int64), np.zeros((4, 3), np.bool_))

    readings = tally.readings(nothing_required_by=DIGEST)

    assert [readings[code].declaration for code in (NULL, STALE, TWICE, SHAPE)] == [
        DIGEST,
        DIGEST,
        None,
        None,
    ]
