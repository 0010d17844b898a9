"""Lag begins and ends on the record, and once each."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.loops import A, drifting, made_setup
from torghut.decisions.fold.folding import DecisionFold
from torghut.market.ports import Arrival
from torghut.schemas.control import LagBegan, LagEnded
from torghut.schemas.rows import CONTEXT
from torghut.workflows.live.intake.lateness import Lateness
from torghut.workflows.opening import fresh_fold


def lateness(*, late: bool = False) -> Lateness:
    return Lateness(begin_ms=3000.0, end_ms=500.0, late=late)


def fold_of(*kinds: type[LagBegan | LagEnded]) -> DecisionFold:
    """Return a fold that took these records, and no context."""
    fold = fresh_fold(made_setup())
    arrivals = [Arrival(row=0, record=one(control_id=f"lag:{i}")) for i, one in enumerate(kinds)]
    fold.decide(np.zeros(0, CONTEXT), arrivals)
    return fold


@pytest.mark.parametrize(
    ("late", "lag_ms", "expected"),
    [
        (False, None, None),
        (False, 3000.0, None),
        (False, 3000.1, LagBegan),
        (True, 3000.1, None),
        (True, 500.1, None),
        (True, 500.0, LagEnded),
        (True, None, LagEnded),
    ],
)
def test_lag_begins_above_one_limit_and_ends_at_the_other(
    *, late: bool, lag_ms: float | None, expected: type[LagBegan | LagEnded] | None
) -> None:
    found = lateness(late=late).record(lag_ms, 7)
    assert type(found) is (type(None) if expected is None else expected)
    if found is not None:
        assert found.control_id.startswith("lag:7:")


@pytest.mark.parametrize(
    ("kinds", "late"),
    [
        ((), False),
        ((LagBegan,), True),
        ((LagBegan, LagEnded), False),
        ((LagBegan, LagEnded, LagBegan), True),
    ],
)
def test_whether_it_is_late_is_what_the_records_say(
    kinds: tuple[type[LagBegan | LagEnded], ...], *, late: bool
) -> None:
    one = lateness(late=not late)
    one.follow(fold_of(*kinds))
    assert one.late == late


def test_it_is_still_known_after_contexts_were_decided() -> None:
    fold = fold_of(LagBegan)
    fold.symbol_index(A)
    fold.source_index("ab" * 32)
    fold.decide(drifting([0, 0]))
    one = lateness()
    one.follow(fold)
    assert one.late
