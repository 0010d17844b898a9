"""Projections read on where they left off, and can always begin again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import fill, make_block, run
from torghut.eventlog.block import Block, Head
from torghut.eventlog.counts import COUNTS, PartitionCounts, add_block
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.projections import Projection, project, rebuild


@pytest.fixture
def log() -> InMemoryLog:
    """Return an empty log."""
    return InMemoryLog(clock=HandClock())


def numbers_seen(seen: list[int], *, blocks_per_checkpoint: int = 2) -> Projection[int]:
    """Return a projection that counts blocks and notes which it was given."""

    def apply(count: int, block: Block) -> int:
        seen.append(block.number)
        return count + 1

    return Projection(
        key="projection/test.v1",
        initial=0,
        apply=apply,
        encode=lambda count: str(count).encode(),
        decode=int,
        blocks_per_checkpoint=blocks_per_checkpoint,
    )


def test_each_block_is_applied_once(log: InMemoryLog) -> None:
    seen: list[int] = []
    chain = run(fill(log, 3))

    assert run(project(log, numbers_seen(seen))) == 3
    run(log.append(make_block(run(log.head(0)))))
    assert run(project(log, numbers_seen(seen))) == 4
    assert run(project(log, numbers_seen(seen))) == 4
    assert seen == [0, 1, 2, 3]
    assert len(chain) == 3


def test_an_interrupted_reading_goes_on_behind_its_last_checkpoint(log: InMemoryLog) -> None:
    run(fill(log, 5))
    seen: list[int] = []
    dying = numbers_seen(seen)

    def apply(count: int, block: Block) -> int:
        if block.number == 3:
            raise KeyboardInterrupt
        return dying.apply(count, block)

    with pytest.raises(KeyboardInterrupt):
        run(project(log, replace(dying, apply=apply)))

    assert run(project(log, dying)) == 5
    assert seen == [0, 1, 2, 2, 3, 4]


def test_rebuilding_gives_the_same_bytes_whatever_was_kept(log: InMemoryLog) -> None:
    run(fill(log, 5))
    run(project(log, COUNTS))
    genuine = run(log.load_snapshot(0, COUNTS.key))
    run(
        log.save_snapshot(
            Snapshot(partition=0, block_number=4, key=COUNTS.key, body=b'{"blocks":99}')
        )
    )

    assert run(project(log, COUNTS)).blocks == 99
    assert run(rebuild(log, COUNTS)).blocks == 5
    assert run(log.load_snapshot(0, COUNTS.key)) == genuine


def test_an_empty_partition_projects_to_the_initial_state(log: InMemoryLog) -> None:
    assert run(project(log, COUNTS)) == PartitionCounts()
    assert run(log.load_snapshot(0, COUNTS.key)) is None


def test_counts_are_those_of_the_blocks(log: InMemoryLog) -> None:
    run(fill(log, 4))
    run(fill(log, 2, partition=1))

    assert run(project(log, COUNTS)) == PartitionCounts(
        contexts=16, decisions=12, quarantined=4, control_records=8, blocks=4
    )
    assert run(project(log, COUNTS, partition=1)).contexts == 8


def test_a_header_that_counts_wrong_is_found() -> None:
    block = make_block(Head(partition=0))
    wrong = replace(block, header=block.header.replace(b'"decisions":3', b'"decisions":2'))

    with pytest.raises(LogIntegrityError):
        add_block(PartitionCounts(), wrong)


def test_who_reads_along_with_the_holder_of_a_partition_keeps_nothing() -> None:
    holder = InMemoryLog(clock=HandClock())
    reader = InMemoryLog(clock=HandClock(), kept=holder.kept)
    run(holder.claim(0, "w-0"))
    run(fill(holder, 3))
    seen: list[int] = []

    assert run(project(reader, numbers_seen(seen))) == 3
    assert run(holder.load_snapshot(0, "projection/test.v1")) is None
