"""Epochs only grow, and whoever writes under an old one is refused."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.governance.spec import Spec
from torghut.governance.leasing.epochs import EPOCHS, BeginEpoch, EndEpoch, RequireEpoch
from torghut.governance.leasing.errors import EpochSupersededError
from torghut.schemas.governing.lease import LeaseEnded, LeaseTaken

epochs = Spec(EPOCHS)
FIRST: Final = LeaseTaken(epoch=1, holder="one", at_ns=10)
SECOND: Final = LeaseTaken(epoch=2, holder="two", at_ns=20)
RELEASED: Final = LeaseEnded(epoch=1, holder="one", how="released", at_ns=15)


def test_epoch_begins_above_every_one_before() -> None:
    begin = BeginEpoch(epoch=2, holder="two", at_ns=20)

    assert epochs.given(FIRST).when(begin) == [SECOND]
    for epoch in (1, 2):
        with pytest.raises(EpochSupersededError):
            epochs.given(FIRST, SECOND).when(BeginEpoch(epoch=epoch, holder="three", at_ns=30))


def test_epoch_that_stands_is_told_again_without_effect() -> None:
    assert epochs.given(FIRST).when(BeginEpoch(epoch=1, holder="one", at_ns=10)) == []


def test_epoch_that_has_ended_does_not_begin_again() -> None:
    with pytest.raises(EpochSupersededError):
        epochs.given(FIRST, RELEASED).when(BeginEpoch(epoch=1, holder="one", at_ns=20))


def test_holder_that_wakes_after_losing_it_is_refused_by_its_epoch() -> None:
    asleep = RequireEpoch(epoch=1, holder="one")

    assert epochs.given(FIRST).when(asleep) == []
    with pytest.raises(EpochSupersededError, match="epoch 2 of two"):
        epochs.given(FIRST, SECOND).when(asleep)
    with pytest.raises(EpochSupersededError):
        epochs.given(FIRST, RELEASED).when(asleep)
    with pytest.raises(EpochSupersededError):
        epochs.given().when(asleep)


def test_another_holder_under_the_same_epoch_is_refused() -> None:
    with pytest.raises(EpochSupersededError):
        epochs.given(FIRST).when(RequireEpoch(epoch=1, holder="two"))
    with pytest.raises(EpochSupersededError):
        epochs.given(FIRST).when(EndEpoch(epoch=1, holder="two", how="lost", at_ns=11))


def test_epoch_is_ended_once_by_its_holder() -> None:
    end = EndEpoch(epoch=1, holder="one", how="released", at_ns=15)

    assert epochs.given(FIRST).when(end) == [RELEASED]
    assert epochs.given(FIRST, RELEASED).when(end) == []
    assert epochs.given(FIRST, SECOND).when(end) == []


def test_time_never_runs_back() -> None:
    (event,) = epochs.given(FIRST).when(BeginEpoch(epoch=2, holder="two", at_ns=0))

    assert event.at_ns == FIRST.at_ns
