"""A decider is data, and ``Spec`` asks it."""

from __future__ import annotations

import pytest

from tests.support.governance.spec import Spec
from tests.unit.eventlog.counter import COUNTER, Raise, Raised, TooHighError

counter = Spec(COUNTER)


def test_state_is_the_fold_of_its_events() -> None:
    assert COUNTER.fold([]) == 0
    assert COUNTER.fold([Raised(by=2), Raised(by=3)]) == 5


def test_a_command_causes_events() -> None:
    assert counter.given(Raised(by=4)).when(Raise(by=6)) == [Raised(by=6)]


def test_a_command_may_cause_nothing() -> None:
    assert counter.given().when(Raise(by=0)) == []


def test_a_command_may_be_refused() -> None:
    with pytest.raises(TooHighError):
        counter.given(Raised(by=4)).when(Raise(by=7))
