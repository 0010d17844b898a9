"""What every lease of governance's writer promises."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.contract.lease.conftest import TIME_TO_LIVE_MS, Leases, in_files, in_memory
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.governance.ports import Lease

HOLDERS: Final = ("one", "two", "three")


def may_write(leases: Leases, lease: Lease) -> bool:
    """Say whether a holder may still write under ``lease``."""
    try:
        with leases.reach().guard(lease):
            return True
    except LeaseLostError:
        return False


def test_first_lease_is_of_the_first_epoch(leases: Leases) -> None:
    lease = leases.reach().take("one")

    assert (lease.epoch, lease.holder) == (1, "one")
    assert lease.expires_wall_ns == leases.clock.time_ns + TIME_TO_LIVE_MS * 1_000_000
    assert may_write(leases, lease)


def test_lease_that_is_held_is_not_given(leases: Leases) -> None:
    first = leases.reach().take("one")
    leases.wait(TIME_TO_LIVE_MS - 1)

    for holder in HOLDERS:
        with pytest.raises(LeaseTakenError, match="one"):
            leases.reach().take(holder)
    assert may_write(leases, first)


def test_holder_that_wakes_after_losing_it_is_refused_by_its_epoch(leases: Leases) -> None:
    asleep = leases.reach().take("one")
    leases.wait(TIME_TO_LIVE_MS)
    second = leases.reach().take("two")

    assert second.epoch == asleep.epoch + 1
    assert not may_write(leases, asleep)
    with pytest.raises(LeaseLostError):
        leases.reach().renew(asleep)
    leases.reach().release(asleep)
    assert may_write(leases, second)


def test_expired_lease_is_of_no_use_even_if_nobody_took_it(leases: Leases) -> None:
    lease = leases.reach().take("one")
    leases.wait(TIME_TO_LIVE_MS)

    assert not may_write(leases, lease)
    with pytest.raises(LeaseLostError):
        leases.reach().renew(lease)


def test_renewing_keeps_the_epoch_and_gives_the_whole_time_again(leases: Leases) -> None:
    lease = leases.reach().take("one")
    for _ in range(5):
        leases.wait(TIME_TO_LIVE_MS - 1)
        lease = leases.reach().renew(lease)

    assert lease.epoch == 1
    assert lease.expires_wall_ns == leases.clock.time_ns + TIME_TO_LIVE_MS * 1_000_000


def test_released_lease_is_given_at_once_under_the_next_epoch(leases: Leases) -> None:
    first = leases.reach().take("one")
    leases.reach().release(first)
    second = leases.reach().take("one")

    assert second.epoch == 2
    assert not may_write(leases, first)
    assert may_write(leases, second)


def test_epoch_is_above_what_the_log_has_seen(leases: Leases) -> None:
    assert leases.reach().take("one", after_epoch=41).epoch == 42


def test_epoch_is_above_what_the_lease_has_seen(leases: Leases) -> None:
    leases.reach().release(leases.reach().take("one", after_epoch=41))

    assert leases.reach().take("one", after_epoch=3).epoch == 43


def test_nobody_takes_it_while_a_write_is_going_on(leases: Leases) -> None:
    lease = leases.reach().take("one")

    with leases.reach().guard(lease):
        leases.wait(TIME_TO_LIVE_MS * 10)
        with pytest.raises(LeaseTakenError):
            leases.reach().take("two")
    assert leases.reach().take("two").epoch == 2


def test_write_that_fails_lets_the_next_one_in(leases: Leases) -> None:
    lease = leases.reach().take("one")

    with pytest.raises(KeyError), leases.reach().guard(lease):
        raise KeyError
    assert may_write(leases, lease)


def test_forged_epoch_is_refused(leases: Leases) -> None:
    lease = leases.reach().take("one")
    forged = Lease(epoch=lease.epoch + 1, holder="two", expires_wall_ns=lease.expires_wall_ns)

    assert not may_write(leases, forged)
    assert may_write(leases, lease)


class LeaseMachine(RuleBasedStateMachine):
    """Holders that take, renew, let go, sleep and wake, under a clock that jumps."""

    make: ClassVar[Callable[[Path], Leases]] = in_memory

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.leases = type(self).make(Path(self.folder.name))
        self.given: list[Lease] = []

    @rule(holder=st.sampled_from(HOLDERS))
    def take(self, holder: str) -> None:
        """Somebody wants it."""
        writers = [one for one in self.given if may_write(self.leases, one)]
        try:
            lease = self.leases.reach().take(holder)
        except LeaseTakenError:
            assert writers or self.given
        else:
            assert not writers
            assert all(lease.epoch > one.epoch for one in self.given)
            self.given.append(lease)

    @rule(which=st.integers(0, 3))
    def renew(self, which: int) -> None:
        """Somebody who had it renews it."""
        if self.given:
            place = -1 - which % len(self.given)
            try:
                self.given[place] = self.leases.reach().renew(self.given[place])
            except LeaseLostError:
                assert not may_write(self.leases, self.given[place])

    @rule(which=st.integers(0, 3))
    def release(self, which: int) -> None:
        """Somebody who had it lets go of it."""
        if self.given:
            lease = self.given[-1 - which % len(self.given)]
            self.leases.reach().release(lease)
            assert not may_write(self.leases, lease)

    @rule(ms=st.sampled_from([1, 10_000, 30_000, 90_000, -10_000, -90_000]))
    def jump(self, ms: int) -> None:
        """The clock goes on, or jumps."""
        self.leases.wait(ms)

    @invariant()
    def one_at_most_may_write(self) -> None:
        """Of all that were ever given, only the last epoch's holder may write."""
        writers = [one for one in self.given if may_write(self.leases, one)]
        assert writers in ([], self.given[-1:])

    def teardown(self) -> None:
        """Leave nothing."""
        self.folder.cleanup()


class FileLeaseMachine(LeaseMachine):
    """The same with the lease in files."""

    make = in_files


@pytest.mark.parametrize(
    ("machine", "examples"),
    [(LeaseMachine, 100), (FileLeaseMachine, 15)],
    ids=["memory", "files"],
)
def test_two_never_hold_it_at_once(machine: type[LeaseMachine], examples: int) -> None:
    limits = settings(max_examples=examples, stateful_step_count=30)

    run_state_machine_as_test(machine, settings=limits)
