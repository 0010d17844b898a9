"""What every log promises that several processes write: only the last to claim a partition may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.contract.eventlog.conftest import ClaimedLog
from tests.fakes.eventlog import fill, make_block, make_chain, run
from torghut.eventlog.block import Head, head_of
from torghut.eventlog.errors import ClaimLostError, ConcurrencyConflictError
from torghut.eventlog.ports import Claim, Snapshot

Handles = Callable[[], ClaimedLog]


def test_first_claim_is_of_the_first_epoch_and_says_where_the_partition_ends(
    handles: Handles,
) -> None:
    log = handles()
    chain = run(fill(log, 2))

    claim = run(log.claim(0, "one"))

    assert claim == Claim(partition=0, holder="one", epoch=1, head=head_of(chain[-1]))
    assert run(log.claim(5, "one")).head == Head(partition=5)


def test_whoever_claimed_a_partition_appends_to_it(handles: Handles) -> None:
    log = handles()
    run(log.claim(0, "one"))
    chain = run(fill(log, 3))

    assert run(log.head(0)) == head_of(chain[-1])


def test_whoever_lost_a_claim_is_refused_before_anything_is_written(handles: Handles) -> None:
    asleep, awake = handles(), handles()
    run(asleep.claim(0, "one"))
    (first,) = run(fill(asleep, 1))
    claim = run(awake.claim(0, "two"))

    with pytest.raises(ClaimLostError, match="epoch 2 by two"):
        run(asleep.append(make_block(head_of(first))))
    with pytest.raises(ClaimLostError):
        run(asleep.save_snapshot(Snapshot(partition=0, block_number=0, key="k", body=b"old")))
    assert claim.epoch == 2
    assert run(awake.load_snapshot(0, "k")) is None
    assert run(awake.append(make_block(head_of(first)))).number == 1


def test_whoever_asks_is_told_whether_the_claim_is_still_his(handles: Handles) -> None:
    asleep, awake = handles(), handles()
    run(asleep.check_claimed(0))
    run(asleep.claim(0, "one"))
    run(asleep.check_claimed(0))
    run(awake.claim(0, "two"))

    with pytest.raises(ClaimLostError, match="epoch 2 by two"):
        run(asleep.check_claimed(0))
    run(awake.check_claimed(0))
    run(asleep.check_claimed(1))


def test_lost_claim_is_a_conflict_that_is_not_to_be_tried_again(handles: Handles) -> None:
    asleep = handles()
    run(asleep.claim(0, "one"))
    run(handles().claim(0, "two"))

    with pytest.raises(ConcurrencyConflictError) as caught:
        run(asleep.append(make_block(Head(partition=0))))
    assert caught.value.code == "eventlog.claim-lost"
    assert not caught.value.retryable


def test_block_that_is_there_already_is_refused_under_a_lost_claim(handles: Handles) -> None:
    asleep = handles()
    run(asleep.claim(0, "one"))
    (first,) = run(fill(asleep, 1))
    run(handles().claim(0, "two"))

    with pytest.raises(ClaimLostError):
        run(asleep.append(first))


def test_whoever_never_claimed_appends_only_while_nobody_has(handles: Handles) -> None:
    plain, worker = handles(), handles()
    (first,) = run(fill(plain, 1))
    run(worker.claim(0, "one"))

    with pytest.raises(ClaimLostError, match="a partition that nobody claimed"):
        run(plain.append(make_block(head_of(first))))
    assert run(fill(plain, 1, partition=1))


def test_claiming_again_takes_it_back(handles: Handles) -> None:
    one, two = handles(), handles()
    run(one.claim(0, "one"))
    run(two.claim(0, "two"))
    again = run(one.claim(0, "one"))

    assert again.epoch == 3
    run(fill(one, 1))
    with pytest.raises(ClaimLostError):
        run(two.append(make_block(Head(partition=0))))


def test_claims_of_other_partitions_change_nothing(handles: Handles) -> None:
    one, two = handles(), handles()
    run(one.claim(0, "one"))
    run(two.claim(1, "two"))

    run(fill(one, 2))
    run(fill(two, 2, partition=1))
    assert run(one.partitions()) == [0, 1]


def test_the_same_name_on_another_handle_is_another_claim(handles: Handles) -> None:
    before, after = handles(), handles()
    run(before.claim(0, "worker"))
    run(after.claim(0, "worker"))

    with pytest.raises(ClaimLostError):
        run(before.append(make_block(Head(partition=0))))


def test_epochs_of_many_claims_at_once_are_all_different(handles: Handles) -> None:
    logs = [handles() for _ in range(3)]

    async def together() -> list[Claim]:
        return await asyncio.gather(*(log.claim(0, f"w{n}") for n, log in enumerate(logs * 2)))

    assert sorted(claim.epoch for claim in run(together())) == [1, 2, 3, 4, 5, 6]


def test_one_of_two_claimants_writes_each_block(handles: Handles) -> None:
    one, two = handles(), handles()
    chain = make_chain(6)
    for number, block in enumerate(chain):
        log, other = (one, two) if number % 2 else (two, one)
        run(log.claim(0, "whoever"))
        run(log.append(block))
        with pytest.raises(ClaimLostError):
            run(other.append(make_block(head_of(block))))

    report = run(one.verify())
    assert report.intact
    assert report.heads == (head_of(chain[-1]),)
