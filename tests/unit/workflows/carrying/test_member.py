"""A worker takes partitions up in the right order, says what keeps it from it, and lets go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.broker import InMemoryVoice
from tests.fakes.fleet import BUDGETS, GROUP, POLICY, SYMBOLS, TOPICS, Fleet, Process
from tests.fakes.live import Ill
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carried import carried_control
from tests.support.decisions.loops import stop_record
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.carrying.errors import OffsetsGoneError
from torghut.decisions.recording import read_block
from torghut.schemas.control import DepthSnapshot
from torghut.schemas.observing.log_events import Defect
from torghut.workflows.live.assembly import Parts
from torghut.workflows.live.intake.waiting import WaitingLine

A = SYMBOLS[0]


def in_fleet(test: Callable[[Fleet], Awaitable[None]], *, partitions: int = 2) -> None:
    """Run a test with a fleet that has no process."""

    async def main() -> None:
        await test(Fleet(partitions=partitions))

    run_virtually(main())


def hold_pages(process: Process, folder: Path) -> None:
    """Let a process have pages that are held as those of a real one are."""
    share, parts_of = process.worker.share, process.worker.share.parts_of

    def held(partition: int) -> Parts:
        parts = parts_of(partition)
        return replace(parts, page=HeldPage(folder, parts.identity.worker))

    process.worker.share = replace(share, parts_of=held)


def heard(fleet: Fleet) -> int:
    """Return how many outcomes were published."""
    return sum(len(part.records) for part in fleet.cluster.topics.by_name[TOPICS.decisions])


def said(process: Process) -> int:
    """Return how many outcomes were published or said, final or not."""
    voices = [one for one in process.broker.clients if isinstance(one, InMemoryVoice)]
    own = [one for one in voices if one.place[0] == TOPICS.decisions]
    return sum(len(voice.said) + len(voice.topics.part(voice.place).records) for voice in own)


def line_of(process: Process, partition: int) -> WaitingLine:
    """Return what waits in a partition's loop."""
    worker = process.worker.owned[partition].worker
    assert worker is not None
    return worker.loop.line


def troubles(process: Process) -> list[str]:
    """Return why partitions cannot be taken up, by code."""
    found = [owned.trouble for owned in process.worker.owned.values()]
    return [error.code for error in found if error is not None]


def defects(process: Process) -> list[tuple[str, str]]:
    """Return what nobody foresaw, as a process said it."""
    said = [event for event, _ in process.told.said]
    return [(one.where, one.error) for one in said if isinstance(one, Defect)]


def troubled(process: Process) -> list[str]:
    """Return what keeps a worker from deciding, but for a source that is silent."""
    return [one for one in process.worker.unready() if "no context for" not in one]


def test_worker_is_ready_once_all_its_partitions_are_decided() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        assert troubled(process) == ["no broker has taken this worker into its group"]
        await asyncio.sleep(0.003)
        assert "partition 0: it is being taken up" in troubled(process)
        await asyncio.sleep(1)
        assert set(process.worker.owned) == {0, 1}
        assert troubled(process) == []
        await fleet.end()

    in_fleet(test)


def test_stop_that_was_thrown_before_holds_before_the_first_context() -> None:
    async def test(fleet: Fleet) -> None:
        fleet.send(A, 3)
        stop = carried_control(stop_record("yesterday", "stopped"))
        fleet.cluster.topics.keep(TOPICS.commands, [stop])
        fleet.start()
        await asyncio.sleep(2)
        await fleet.end()
        blocks = [block async for block in fleet.log.blocks(fleet.partition_of(A))]
        first = read_block(blocks[0])
        assert [arrival.record.control_id for arrival in first.received] == ["yesterday"]
        assert first.received[0].row == 0
        assert sum(len(read_block(block).contexts) for block in blocks) == 3

    in_fleet(test)


def test_partition_that_cannot_be_taken_up_is_tried_again_and_then_is_no_trouble() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        process.illness.become(Ill.READ_ONLY)
        fleet.send(A, 2)
        await asyncio.sleep(3)
        assert set(troubles(process)) == {"eventlog.write-failed"}
        assert len(troubled(process)) == 2
        process.illness.become(Ill.WELL)
        await asyncio.sleep(3)
        assert troubles(process) == []
        assert troubled(process) == []
        assert heard(fleet) == 2
        await fleet.end()

    in_fleet(test)


def test_partitions_that_can_be_decided_go_on_beside_one_that_cannot() -> None:
    async def test(fleet: Fleet) -> None:
        number = fleet.partition_of(A)
        fleet.send(A, 1)
        process = fleet.start()
        await asyncio.sleep(1)
        await fleet.end()
        fleet.kept.chains[number].clear()  # set back: the topic of decisions is ahead of it
        fleet.kept.snapshots.clear()
        other = next(one for one in SYMBOLS if fleet.partition_of(one) != number)
        process = fleet.start()
        fleet.send(other, 4)
        await asyncio.sleep(5)
        assert troubles(process) == ["carrying.log-behind-topic"]
        assert heard(fleet) == 5
        await fleet.end()

    in_fleet(test)


def test_fault_that_nobody_foresaw_ends_the_worker_rather_than_one_partition() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()

        def broken(partition: int) -> Parts:
            raise ZeroDivisionError(partition)

        process.worker.share = replace(process.worker.share, parts_of=broken)
        assert process.running is not None
        async with asyncio.timeout(5):
            with pytest.raises(ZeroDivisionError):
                await process.running
        assert ("partition 0", "ZeroDivisionError") in defects(process)

    in_fleet(test)


def test_fault_that_nobody_foresaw_while_records_are_handed_out_is_told() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        process.broker.members[0].fault = ZeroDivisionError("handing out")
        assert process.running is not None
        with pytest.raises(ZeroDivisionError):
            await process.running
        assert defects(process) == [("worker", "ZeroDivisionError")]

    in_fleet(test)


def test_topic_that_goes_on_elsewhere_than_the_log_ends_the_worker() -> None:
    async def test(fleet: Fleet) -> None:
        fleet.send(A, 5)
        fleet.start()
        await asyncio.sleep(2)
        await fleet.end()
        fleet.send(A, 5)
        fleet.cluster.topics.cut((TOPICS.contexts, fleet.partition_of(A)), 8)
        process = fleet.start()
        assert process.running is not None
        async with asyncio.timeout(5):
            with pytest.raises(OffsetsGoneError):
                await process.running

    in_fleet(test)


def test_worker_that_reaches_no_broker_joins_once_it_can() -> None:
    async def test(fleet: Fleet) -> None:
        fleet.cluster.topics.away = True
        fleet.send(A, 2)
        process = fleet.start()
        await asyncio.sleep(5)
        assert troubled(process) == ["no broker has taken this worker into its group"]
        fleet.cluster.topics.away = False
        await asyncio.sleep(3)
        assert heard(fleet) == 2
        await fleet.end()

    in_fleet(test)


def test_worker_whose_broker_refuses_to_be_read_from_says_why_until_it_may() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        fleet.cluster.topics.forbidden.add(TOPICS.contexts)
        fleet.send(A, 2)
        await asyncio.sleep(3)
        for _ in range(30):
            (why,) = process.worker.unready()
            assert "the broker refuses this worker" in why
            assert "TopicAuthorizationFailedError" in why
            await asyncio.sleep(0.1)
        assert len(process.broker.members) < 10  # and does not join again and again
        fleet.cluster.topics.forbidden.clear()
        await asyncio.sleep(3)
        assert troubled(process) == []
        assert heard(fleet) == 2
        await fleet.end()

    in_fleet(test)


@pytest.mark.parametrize("topic", [TOPICS.decisions, TOPICS.commands])
def test_partition_of_which_a_topic_is_refused_is_not_decided_and_says_why(topic: str) -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        fleet.cluster.topics.forbidden.add(topic)
        fleet.send(A, 2)
        await asyncio.sleep(3)
        assert "carrying.broker-refused" in troubles(process)
        assert any("TopicAuthorizationFailedError" in one for one in troubled(process))
        fleet.cluster.topics.forbidden.clear()
        await asyncio.sleep(3)
        assert troubled(process) == []
        assert heard(fleet) == 2
        await fleet.end()

    in_fleet(test)


def test_what_the_broker_refuses_to_take_is_offered_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(fleet: Fleet) -> None:
        process, number = fleet.start(), fleet.partition_of(A)
        await asyncio.sleep(1)
        monkeypatch.setattr("tests.fakes.topics.RECORD_MAX", 10)
        fleet.send(A, 2)
        await asyncio.sleep(10)
        assert "carrying.broker-refused" in troubles(process)
        assert 5 < fleet.cluster.topics.voices[TOPICS.decisions, number] < 15
        monkeypatch.undo()
        await asyncio.sleep(3)
        assert troubled(process) == []
        assert heard(fleet) == 2
        await fleet.end()

    in_fleet(test)


def test_partition_whose_heartbeats_are_refused_is_decided_and_says_so() -> None:
    async def test(fleet: Fleet) -> None:
        fleet.cluster.topics.forbidden.add(TOPICS.heartbeats)
        process = fleet.start()
        fleet.send(A, 2)
        await asyncio.sleep(3)
        assert heard(fleet) == 2
        assert troubles(process) == []
        assert all("does not hear it" in one for one in troubled(process))
        assert len(troubled(process)) == 2
        await fleet.end()

    in_fleet(test)


def test_decisions_go_on_while_the_broker_takes_none_and_all_are_published_after() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        fleet.send(A, 4)
        fleet.cluster.topics.lost += [False] * 8
        await asyncio.sleep(0.5)
        owned = process.worker.owned[fleet.partition_of(A)]
        assert owned.worker is not None
        assert owned.worker.cursor.record == 4
        assert heard(fleet) == 0
        assert any("broker" in one for one in troubled(process))
        await asyncio.sleep(5)
        assert heard(fleet) == 4
        assert troubled(process) == []
        await fleet.end()

    in_fleet(test)


def test_partition_decides_no_further_than_a_little_ahead_of_what_is_heard() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        owned = process.worker.owned[fleet.partition_of(A)]
        assert owned.worker is not None
        fleet.cluster.topics.saying_s = 0.3
        fleet.send(A, 60)
        ahead = []
        while said(process) < 60:
            await asyncio.sleep(0.02)
            ahead.append(owned.worker.cursor.record - said(process))
        batch = POLICY.loop.batch_records
        assert batch <= max(ahead) <= BUDGETS.unheard_max + batch
        await fleet.end()
        assert heard(fleet) == 60

    in_fleet(test)


def test_stop_is_recorded_in_time_though_the_broker_answers_nothing() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        fleet.cluster.topics.saying_s = 60.0
        fleet.send(A, 30)
        await asyncio.sleep(1)
        number = fleet.partition_of(A)
        before = (await fleet.log.head(number)).number
        stop = carried_control(stop_record("now", "stopped"))
        fleet.cluster.topics.keep(TOPICS.commands, [stop])
        await asyncio.sleep(2 * BUDGETS.keep_up_ms / 1000)
        blocks = [block async for block in fleet.log.blocks(number, after=before)]
        received = [read_block(block).received for block in blocks]
        assert "now" in {arrival.record.control_id for found in received for arrival in found}
        assert said(process) == 0
        fleet.cluster.topics.saying_s = 0.0
        await process.kill()
        fleet.start()
        await asyncio.sleep(10)
        assert heard(fleet) == 30
        await fleet.end()

    in_fleet(test)


def test_full_line_holds_the_partition_back_and_nothing_is_left_out() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        process.illness.become(Ill.HANGING)
        fleet.send(A, 200)
        await asyncio.sleep(1)
        line = line_of(process, fleet.partition_of(A))
        assert len(line) < line.limit + BUDGETS.take_records
        process.illness.become(Ill.WELL)
        await asyncio.sleep(10)
        assert heard(fleet) == 200
        await fleet.end()

    in_fleet(test)


def test_snapshots_alone_hold_the_partition_back_once_as_many_wait_as_may() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        fleet.send(A, 1)
        await asyncio.sleep(1)
        process.illness.become(Ill.HANGING)
        for number in range(200):
            book = DepthSnapshot(
                control_id=f"book-{number}",
                symbol=A,
                update_id=number,
                bids=1,
                asks=1,
                body_digest="cd" * 32,
            )
            fleet.cluster.topics.keep(TOPICS.contexts, [carried_control(book)])
        await asyncio.sleep(2)
        line = line_of(process, fleet.partition_of(A))
        assert line.limit <= line.controls < line.limit + BUDGETS.take_records
        process.illness.become(Ill.WELL)
        await asyncio.sleep(10)
        blocks = [block async for block in fleet.log.blocks(fleet.partition_of(A))]
        assert sum(len(read_block(block).received) for block in blocks) == 200
        await fleet.end()

    in_fleet(test)


def test_stop_finds_its_way_past_contexts_that_hold_the_partition_back() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        process.illness.become(Ill.HANGING)
        fleet.send(A, 200)
        await asyncio.sleep(1)
        stop = carried_control(stop_record("now", "stopped"))
        fleet.cluster.topics.keep(TOPICS.commands, [stop])
        await asyncio.sleep(1)
        assert line_of(process, fleet.partition_of(A)).urgent
        process.illness.become(Ill.WELL)
        await asyncio.sleep(10)
        assert heard(fleet) == 200
        await fleet.end()

    in_fleet(test)


def test_partition_that_failed_while_it_was_held_back_is_read_again() -> None:
    async def test(fleet: Fleet) -> None:
        first = fleet.start()
        await asyncio.sleep(1)
        first.illness.become(Ill.HANGING)
        fleet.send(A, 50)
        await asyncio.sleep(1)
        second = fleet.log
        await second.claim(fleet.partition_of(A), "somebody else")
        first.illness.become(Ill.WELL)
        await asyncio.sleep(10)
        assert heard(fleet) == 50
        assert troubled(first) == []
        await fleet.end()

    in_fleet(test)


def test_partition_is_taken_up_again_while_its_clients_still_let_go(tmp_path: Path) -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        hold_pages(process, tmp_path)
        await asyncio.sleep(1)
        before, fleet.cluster.topics.ending_s = list(process.broker.clients), 10.0

        await fleet.cluster.group(TOPICS.contexts, GROUP).stir()
        fleet.send(A, 3)
        await asyncio.sleep(1)

        assert troubles(process) == []
        assert heard(fleet) == 3
        await asyncio.sleep(10)
        assert [one for one in before if not one.closed] == []
        fleet.cluster.topics.ending_s = 0.0
        await fleet.end()

    in_fleet(test)


def test_partition_is_lost_within_its_bound_however_long_clients_take() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        fleet.cluster.topics.ending_s = 60.0

        async with asyncio.timeout((BUDGETS.release_ms + BUDGETS.let_go_ms) / 1000 + 0.1):
            await process.worker.lost([0, 1])

        assert not process.worker.owned
        await process.kill()

    in_fleet(test)


def test_client_that_does_not_let_go_keeps_no_other_from_it(tmp_path: Path) -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        hold_pages(process, tmp_path)
        await asyncio.sleep(1)
        voices = [one for one in process.broker.clients if isinstance(one, InMemoryVoice)]
        others = [one for one in process.broker.clients if one not in voices]

        for one in voices:
            one.fault = ZeroDivisionError("a voice")
        with pytest.raises(ZeroDivisionError):
            await fleet.end()

        assert ("partition 0", "ZeroDivisionError") in defects(process)
        assert others
        assert all(one.closed for one in others)
        assert not [one for one in read_pages(tmp_path) if one.alive]

    in_fleet(test)


def test_only_what_is_durable_is_hinted_to_the_broker() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        fleet.send(A, 5)
        await asyncio.sleep(3)
        process.illness.become(Ill.HANGING)
        fleet.send(A, 2)
        await asyncio.sleep(3)
        assert process.broker.members[0].hinted[fleet.partition_of(A)] == 5
        process.illness.become(Ill.WELL)
        await asyncio.sleep(3)
        assert process.broker.members[0].hinted[fleet.partition_of(A)] == 7
        await fleet.end()

    in_fleet(test)


def test_each_partition_says_every_second_that_it_is_there() -> None:
    async def test(fleet: Fleet) -> None:
        fleet.start()
        await asyncio.sleep(10)
        keys = [one.key for one in fleet.cluster.topics.part((TOPICS.heartbeats, 0)).records]
        for name in (b"w-0.p0", b"w-0.p1"):
            assert 8 <= keys.count(name) <= 14
        await fleet.end()

    in_fleet(test)


def test_worker_that_was_halted_lets_go_of_what_others_have_and_joins_anew() -> None:
    async def test(fleet: Fleet) -> None:
        first, second = fleet.start(), fleet.start()
        await asyncio.sleep(2)
        assert sorted([*first.worker.owned, *second.worker.owned]) == [0, 1]
        await first.halt()
        for symbol in SYMBOLS:
            fleet.send(symbol, 5)
        await asyncio.sleep(5)
        assert sorted(second.worker.owned) == [0, 1]
        assert heard(fleet) == 15
        await first.wake()
        await asyncio.sleep(5)
        assert sorted([*first.worker.owned, *second.worker.owned]) == [0, 1]
        assert len(first.worker.owned) == 1
        for symbol in SYMBOLS:
            fleet.send(symbol, 5)
        await asyncio.sleep(3)
        assert heard(fleet) == 30
        await fleet.end()

    in_fleet(test)


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.002, 0.004, 0.006, 0.01, 0.02])
def test_what_a_halted_worker_had_under_way_is_written_and_published_by_nobody_twice(
    after_s: float,
) -> None:
    async def test(fleet: Fleet) -> None:
        first = fleet.start()
        await asyncio.sleep(1)
        fleet.send(A, 20)
        await asyncio.sleep(after_s)
        await first.halt()
        fleet.start()
        await asyncio.sleep(5)
        assert heard(fleet) == 20
        await first.wake()
        await asyncio.sleep(5)
        assert heard(fleet) == 20
        blocks = [block async for block in fleet.log.blocks(fleet.partition_of(A))]
        assert sum(len(read_block(block).contexts) for block in blocks) == 20
        await fleet.end()

    in_fleet(test)
