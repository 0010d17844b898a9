"""What every store of decision blocks promises."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contract.eventlog.conftest import Log
from tests.fakes.eventlog import citing, fill, listed, make_arm, make_block, make_chain, run
from torghut.eventlog.block import GENESIS, Block, Head, head_of
from torghut.eventlog.errors import ConcurrencyConflictError, ObjectMissingError
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import FindingKind, Tail, VerifyProgress
from torghut.kernel.digests import sha256_hex


def test_empty_partition_has_the_genesis_head(log: Log) -> None:
    assert run(log.head(3)) == Head(partition=3, number=-1, digest=GENESIS, cursor="")
    assert run(log.partitions()) == []
    assert run(listed(log.blocks(3))) == []


def test_append_returns_the_new_head(log: Log) -> None:
    block = make_block(Head(partition=0))

    head = run(log.append(block))

    assert head == head_of(block) == run(log.head(0))


def test_blocks_come_back_as_they_were(log: Log) -> None:
    chain = run(fill(log, 4))

    assert run(listed(log.blocks(0))) == list(chain)
    assert run(listed(log.blocks(0, after=1))) == list(chain[2:])
    assert run(listed(log.blocks(0, after=3))) == []
    assert run(listed(log.blocks(0, after=9))) == []


def test_shadow_arms_and_empty_arms_come_back(log: Log) -> None:
    block = replace(
        make_block(Head(partition=0), decisions=2),
        arms={"shadow": make_arm(50, 2), "serving": make_arm(0, 2), "idle": make_arm(0, 0)},
    )
    run(log.append(block))

    (found,) = run(listed(log.blocks(0)))

    assert found == block
    assert found.digest == block.digest


def test_partitions_are_chains_of_their_own(log: Log) -> None:
    zero, seven = make_chain(2), make_chain(3, partition=7)
    for block in (seven[0], zero[0], seven[1], zero[1], seven[2]):
        run(log.append(block))

    assert run(log.partitions()) == [0, 7]
    assert run(listed(log.blocks(0))) == list(zero)
    assert run(listed(log.blocks(7))) == list(seven)
    assert run(log.head(7)) == head_of(seven[2])


def test_the_same_block_again_changes_nothing(log: Log) -> None:
    chain = run(fill(log, 3))

    assert run(log.append(chain[1])) == head_of(chain[1])
    assert run(log.append(chain[2])) == head_of(chain[2])
    assert run(log.head(0)) == head_of(chain[2])
    assert len(run(listed(log.blocks(0)))) == 3


def test_another_block_at_the_same_place_is_a_conflict(log: Log) -> None:
    chain = run(fill(log, 2))
    other = make_block(head_of(chain[0]), first=900)

    with pytest.raises(ConcurrencyConflictError):
        run(log.append(other))
    assert run(listed(log.blocks(0))) == list(chain)


def test_a_block_that_leaves_a_gap_is_a_conflict(log: Log) -> None:
    chain = make_chain(3)
    run(log.append(chain[0]))

    with pytest.raises(ConcurrencyConflictError) as caught:
        run(log.append(chain[2]))
    assert caught.value.stream == "partition 0"
    assert run(log.head(0)) == head_of(chain[0])


def test_a_block_after_another_digest_is_a_conflict(log: Log) -> None:
    run(fill(log, 1))

    with pytest.raises(ConcurrencyConflictError):
        run(log.append(make_block(Head(partition=0, number=0, digest="12" * 32))))


def test_appends_take_effect_in_the_order_of_the_calls(log: Log) -> None:
    chain = make_chain(20)

    async def together() -> list[Head]:
        return await asyncio.gather(*(log.append(block) for block in chain))

    assert run(together()) == [head_of(block) for block in chain]
    assert run(listed(log.blocks(0))) == list(chain)


def test_a_refused_append_leaves_its_neighbours_unharmed(log: Log) -> None:
    first, second = make_chain(2)
    stray = make_block(Head(partition=0, number=4, digest="12" * 32))

    async def together() -> list[Head | BaseException]:
        appends = [log.append(block) for block in (first, stray, second)]
        return await asyncio.gather(*appends, return_exceptions=True)

    one, refused, two = run(together())

    assert (one, two) == (head_of(first), head_of(second))
    assert isinstance(refused, ConcurrencyConflictError)


def test_one_of_two_writers_of_the_same_place_wins(log: Log) -> None:
    rivals = [make_block(Head(partition=0), first=100 * n) for n in range(5)]

    async def race() -> list[Head | BaseException]:
        return await asyncio.gather(*(log.append(r) for r in rivals), return_exceptions=True)

    won = [end for end in run(race()) if isinstance(end, Head)]

    assert won == [run(log.head(0))]


def test_time_to_spare_is_told_before_the_block_is_durable(log: Log) -> None:
    order: list[str] = []

    async def append(block: Block) -> None:
        await log.append(block, meanwhile=lambda: order.append("meanwhile"))
        order.append("durable")

    first = make_block(Head(partition=0))
    run(append(first))
    with pytest.raises(ConcurrencyConflictError):
        run(append(make_block(Head(partition=0), decisions=7)))
    assert order[:2] == ["meanwhile", "durable"]
    assert "durable" not in order[2:]
    assert run(log.head(0)).digest == first.digest


def test_objects_are_kept_under_their_digest(log: Log) -> None:
    digest = run(log.put_object(b"declarations"))

    assert digest == sha256_hex(b"declarations")
    assert run(log.put_object(b"declarations")) == digest
    assert run(log.get_object(digest)) == b"declarations"
    assert run(log.get_object(run(log.put_object(b"")))) == b""


def test_a_missing_object_is_said_to_be_missing(log: Log) -> None:
    with pytest.raises(ObjectMissingError) as caught:
        run(log.get_object("00" * 32))
    assert caught.value.digest == "00" * 32


def test_a_block_cites_only_objects_that_are_there(log: Log) -> None:
    digest = run(log.put_object(b"package"))
    block = make_block(Head(partition=0))

    with pytest.raises(ObjectMissingError):
        run(log.append(citing(block, digest, "34" * 32)))
    assert run(log.head(0)).number == -1

    run(log.append(citing(block, digest)))
    (found,) = run(listed(log.blocks(0)))
    assert list(found.cites) == [digest]


def snapshot(number: int, body: bytes = b"state", *, key: str = "kernel") -> Snapshot:
    return Snapshot(partition=0, block_number=number, key=key, body=body)


def test_the_newest_snapshot_of_a_key_is_loaded(log: Log) -> None:
    run(fill(log, 3))
    for number in (0, 2, 1):
        run(log.save_snapshot(snapshot(number, b"after %d" % number)))

    assert run(log.load_snapshot(0, "kernel")) == snapshot(2, b"after 2")
    assert run(log.load_snapshot(0, "another build")) is None
    assert run(log.load_snapshot(1, "kernel")) is None


def test_a_snapshot_may_be_taken_before_the_first_block(log: Log) -> None:
    run(log.save_snapshot(snapshot(-1)))

    assert run(log.load_snapshot(0, "kernel")) == snapshot(-1)


def test_a_snapshot_of_the_same_block_takes_the_place_of_the_first(log: Log) -> None:
    run(fill(log, 1))
    run(log.save_snapshot(snapshot(0, b"wrong")))
    run(log.save_snapshot(snapshot(0, b"right")))

    assert run(log.load_snapshot(0, "kernel")) == snapshot(0, b"right")


@pytest.mark.parametrize("number", [-2, 1])
def test_a_snapshot_of_a_block_that_is_not_there_is_refused(log: Log, number: int) -> None:
    run(fill(log, 1))

    with pytest.raises(ConcurrencyConflictError):
        run(log.save_snapshot(snapshot(number)))


def test_a_genuine_log_verifies(log: Log) -> None:
    chain = run(fill(log, 3))
    run(fill(log, 2, partition=4))
    run(log.put_object(b"package"))
    seen: list[VerifyProgress] = []

    report = run(log.verify(progress=seen.append))

    assert report.intact
    assert report.findings == ()
    assert report.tail is Tail.NOT_ANCHORED
    assert (report.blocks, report.decisions, report.objects) == (5, 15, 1)
    assert report.heads[0] == head_of(chain[-1])
    assert [head.partition for head in report.heads] == [0, 4]
    assert seen
    assert all(progress.blocks_total == 5 for progress in seen)


@pytest.mark.parametrize("number", [0, 2])
def test_an_expected_head_anchors_the_tail(log: Log, number: int) -> None:
    chain = run(fill(log, 3))

    report = run(log.verify(expect=head_of(chain[number])))

    assert report.intact
    assert report.tail is Tail.ANCHORED


def test_a_log_that_ends_before_the_expected_head_is_truncated(log: Log) -> None:
    chain = make_chain(3)
    for block in chain[:2]:
        run(log.append(block))

    report = run(log.verify(expect=head_of(chain[2])))

    assert [finding.kind for finding in report.findings] == [FindingKind.TRUNCATED]
    assert report.tail is Tail.NOT_ANCHORED


def test_a_rewritten_and_correctly_chained_tail_is_found_by_the_expected_head(log: Log) -> None:
    chain = make_chain(3)
    rewritten: list[Block] = [chain[0]]
    for _ in range(2):
        rewritten.append(make_block(head_of(rewritten[-1]), first=500))
    for block in rewritten:
        run(log.append(block))

    report = run(log.verify(expect=head_of(chain[2])))

    assert [finding.kind for finding in report.findings] == [FindingKind.REWRITTEN]
    assert report.tail is Tail.NOT_ANCHORED
