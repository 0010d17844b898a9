"""A throw of the switch is followed from its place in a block to its release, and no further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest

from torghut.schemas.codes import Reason
from torghut.schemas.rows import DECISION, RowArray
from torghut.workflows.scheduling.seen.fallen_back import FallenBack

APPROVED: Final = (Reason.ADVICE_APPROVED,)
FORCED: Final = (Reason.DETERMINISTIC_ONLY,)
PLAIN: Final[tuple[Reason, ...]] = ()
LATE: Final = (Reason.ADVICE_APPROVED, Reason.DETERMINISTIC_ONLY)


def rows(first_ns: int, *reasons: Sequence[Reason]) -> RowArray:
    """Return decisions with these reasons, one a nanosecond."""
    found = np.zeros(len(reasons), DECISION)
    found["reasons"] = [sum(1 << one for one in each) for each in reasons]
    found["decided_ns"] = first_ns + np.arange(len(reasons))
    return found


def thrown(place: int = 0) -> FallenBack:
    """Return a throw at 10 ns, after so many decisions of its block."""
    return FallenBack(control_id="switch:1", reason="a test", at_ns=10, place=place)


def test_first_decision_that_falls_back_ends_the_recovery() -> None:
    one = thrown(place=1)
    one.go_on(rows(10, FORCED, PLAIN))
    assert one.told().recovery_ns is None
    one.go_on(rows(20, PLAIN, FORCED))
    one.go_on(rows(30, FORCED))

    told = one.told()
    assert (told.fell_back_ns, told.recovery_ns) == (21, 11)


@pytest.mark.parametrize(
    ("reasons", "advised"),
    [
        (APPROVED, 1),
        ((Reason.ADVICE_DEFERRED,), 1),
        (LATE, 0),
        ((Reason.ADVICE_APPROVED, Reason.ADVICE_SUPERSEDED), 0),
        ((Reason.ADVICE_APPROVED, Reason.REASONING_OFF), 0),
        ((Reason.ADVICE_TIMED_OUT,), 0),
        (PLAIN, 0),
    ],
)
def test_decision_under_it_that_heeds_advice_is_counted(
    reasons: Sequence[Reason], advised: int
) -> None:
    one = thrown()
    one.go_on(rows(10, reasons))

    assert one.told().advised_since == advised


def test_what_came_before_it_and_after_its_release_is_none_of_its_business() -> None:
    one = thrown(place=2)
    block = rows(8, APPROVED, APPROVED, FORCED, APPROVED, APPROVED)
    one.end(block[:3])
    one.go_on(block)
    one.go_on(rows(20, APPROVED, FORCED))

    told = one.told()
    assert (told.fell_back_ns, told.advised_since) == (10, 0)
