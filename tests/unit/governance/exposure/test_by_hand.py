"""A person looks at the ladder as things stand, and never again at what is over."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.governance.climbing import exposure_policy
from tests.support.governance.governing import SECOND_NS, START_NS
from torghut.governance.exposure.by_hand import time_by_hand
from torghut.governance.exposure.errors import ReviewTimeError

RULE: Final = exposure_policy().climbing
AGE_NS: Final = RULE.window_max_age_ms * 1_000_000


def time_of(asked_ns: int | None = None, *, read_ns: int = 0, last_ns: int = 0) -> int:
    """Return the time of a look, it being the beginning of the tests' time."""
    return time_by_hand(asked_ns, now_ns=START_NS, read_ns=read_ns, last_ns=last_ns, rule=RULE)


@pytest.mark.parametrize("ago_ns", [0, SECOND_NS, AGE_NS])
def test_time_that_is_asked_for_may_be_as_old_as_a_window_that_counts(ago_ns: int) -> None:
    assert time_of(START_NS - ago_ns) == START_NS - ago_ns


@pytest.mark.parametrize("ago_ns", [-1, AGE_NS + 1, 3600 * SECOND_NS, START_NS])
def test_any_other_time_is_refused(ago_ns: int) -> None:
    with pytest.raises(ReviewTimeError, match="leave --at away"):
        time_of(START_NS - ago_ns)


def test_nobody_looks_before_the_last_look() -> None:
    last_ns = START_NS - SECOND_NS

    assert time_of(last_ns, last_ns=last_ns) == last_ns
    with pytest.raises(ReviewTimeError):
        time_of(last_ns - 1, last_ns=last_ns)
    with pytest.raises(ReviewTimeError):
        time_of(last_ns=START_NS + 1)


@pytest.mark.parametrize(
    ("read_ago_ns", "last_ago_ns", "expected_ago_ns"),
    [
        (60 * SECOND_NS, 60 * SECOND_NS, 60 * SECOND_NS),
        (60 * SECOND_NS, 30 * SECOND_NS, 0),
        (AGE_NS + 1, AGE_NS + 1, 0),
        (-1, AGE_NS, 0),
        (START_NS, START_NS, 0),
    ],
)
def test_look_is_where_latency_was_read_last_unless_that_is_over(
    read_ago_ns: int, last_ago_ns: int, expected_ago_ns: int
) -> None:
    found = time_of(read_ns=START_NS - read_ago_ns, last_ns=START_NS - last_ago_ns)

    assert found == START_NS - expected_ago_ns
