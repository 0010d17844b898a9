"""A percentile of ages is that of nearest rank, however they are counted."""

from __future__ import annotations

import numpy as np
import pytest

from torghut.drift.ages import AgeCounts

MS = 1_000_000


def counted(*ages_ms: float) -> AgeCounts:
    """Return ages counted."""
    counts = AgeCounts()
    counts.take(np.array([round(age * MS) for age in ages_ms], np.int64))
    return counts


def test_nearest_rank_of_twenty_is_the_nineteenth() -> None:
    assert counted(*range(1, 21)).percentile(95) == 19.0


def test_of_nothing_there_is_none() -> None:
    assert AgeCounts().percentile(95) is None
    assert counted().percentile(95) is None


def test_of_one_it_is_that_one() -> None:
    assert counted(7.0).percentile(95) == 7.0


def test_part_of_a_millisecond_is_rounded_up_so_that_no_limit_is_kept_by_rounding() -> None:
    assert counted(180_000.000001).percentile(95) == 180_001.0
    assert counted(180_000.0).percentile(95) == 180_000.0


@pytest.mark.parametrize("age_ms", [2**20, 2**20 + 1, 3_600_000, 86_400_000, 9_000_000_000_000])
def test_long_ages_are_never_understated_and_overstated_by_a_thousandth(age_ms: int) -> None:
    found = counted(age_ms).percentile(95)

    assert found is not None
    assert age_ms <= found <= age_ms * (1 + 1 / 1024) + 1
