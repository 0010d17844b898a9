"""The desk: what it takes, what it refuses at the door, and what it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

import pytest
from pydantic import TypeAdapter

from tests.fakes.live import A, B, Ill, Listener, World, live_policy, offered
from tests.fakes.virtual_time import run_virtually, virtual_loop
from torghut.kernel.digests import sha256_hex
from torghut.market.ports import Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import CONTROL_RECORD, ControlRecord
from torghut.schemas.live.delivery import ControlApplied, ControlRecorded, Decided, Refused
from torghut.schemas.live.naming import feed_digest
from torghut.schemas.live.position import START
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.errors import (
    AnswerLateError,
    ClosingError,
    ContextMalformedError,
    FeedsExhaustedError,
    QueueFullError,
    SwitchReleaseRefusedError,
    TooManyAtOnceError,
)

LINE: TypeAdapter[Decided | Refused] = TypeAdapter(Decided | Refused)


def control(**fields: object) -> ControlRecord:
    return CONTROL_RECORD.validate_python(fields)


def stop(control_id: str, state: str = "stopped") -> ControlRecord:
    return control(kind="stop", control_id=control_id, state=state, reason="r")


def fill(control_id: str, decision_id: str | None, *, symbol: str = A) -> ControlRecord:
    return control(
        kind="fill",
        control_id=control_id,
        symbol=symbol,
        fill_id=control_id,
        quantity=1000.0,
        price=1.3,
        decision_id=decision_id,
    )


def order(control_id: str, decision_id: str) -> ControlRecord:
    return control(
        kind="order", control_id=control_id, symbol=A, decision_id=decision_id, status="accepted"
    )


async def decided(worker: LiveWorker, sequence: int, **fields: object) -> dict[str, object]:
    (line,) = await worker.desk.decide([offered(sequence, **fields)])
    found: dict[str, object] = json.loads(line)
    return found


def test_an_outcome_fits_its_schema_and_says_when_its_context_came_in() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            now_ns = world.wall.now_ns()
            one, two = await worker.desk.decide([offered(1), offered(2, bid=-1.0)])
            first, second = LINE.validate_json(one), LINE.validate_json(two)
            assert isinstance(first, Decided)
            assert isinstance(second, Refused)
            assert (first.position, second.position) == ("0:0:0", "0:0:1")
            assert first.ingress_wall_ns == now_ns
            assert first.speed == second.speed == 1.0
            assert second.refusal.code == "market.non-positive-price"

    run_virtually(main())


def test_a_context_offered_again_is_answered_with_its_first_outcome() -> None:
    async def main() -> None:
        async with World().living() as worker:
            first = await worker.desk.decide([offered(1)])
            assert await worker.desk.decide([offered(1)]) == first
            assert worker.desk.offer([offered(1), offered(2)]) == first
            assert worker.loop.tally.contexts == 1

    run_virtually(main())


def test_contexts_that_wait_are_known_and_decided_once() -> None:
    async def main() -> None:
        async with World().living() as worker:
            one, two = await asyncio.gather(
                worker.desk.decide([offered(1), offered(1)]), worker.desk.decide([offered(1)])
            )
            assert one[0] == one[1] == two[0]
            assert worker.loop.tally.contexts == 1

    run_virtually(main())


def test_after_a_restart_what_is_offered_again_is_answered_with_its_first_outcome() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            before = await decided(worker, 1)
        async with world.living() as worker:
            after = await decided(worker, 1)
            assert after["ingress_wall_ns"] is None
            assert after["position"] == before["position"]
            assert after["decision"] == before["decision"]
            assert worker.loop.tally.contexts == 1

    run_virtually(main())


def test_a_search_goes_on_when_those_who_asked_gave_up_and_takes_all_that_is_asked() -> None:
    async def main() -> None:
        world = World(policy=live_policy(telling=(("kept_outcomes", 3),)))
        async with world.living() as worker:
            for sequence in range(1, 60):
                await decided(worker, sequence)
            world.illness.read_s = 0.1
            names = [offered(sequence).context_id for sequence in (2, 3, 4)]
            for name in names:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1):
                        await worker.desk.outcome(name)
            found = await asyncio.gather(*map(worker.desk.outcome, names))
            assert [json.loads(line or b"{}")["position"] for line in found] == [
                "0:1:0",
                "0:2:0",
                "0:3:0",
            ]
            assert await worker.desk.outcome(offered(99).context_id) is None
            assert world.illness.reads < 4 * 60  # not once through the log for each question

    run_virtually(main())


def test_what_is_no_longer_in_memory_is_looked_for_in_the_log() -> None:
    async def main() -> None:
        world = World(policy=live_policy(telling=(("kept_outcomes", 3),)))
        async with world.living() as worker:
            first = await decided(worker, 1)
            for sequence in range(2, 12):
                await decided(worker, sequence)
            again = await decided(worker, 1)
            assert again["decision"] == first["decision"]
            assert again["position"] == "0:0:0"
            assert worker.loop.tally.refused == 1  # the log says that it came again
            found = await worker.desk.outcome(offered(2).context_id)
            assert found is not None
            assert json.loads(found)["position"] == "0:1:0"

    run_virtually(main())


def test_an_outcome_is_found_by_context_or_decision_and_nothing_where_there_is_none() -> None:
    async def main() -> None:
        async with World().living() as worker:
            line = json.dumps(await decided(worker, 1), separators=(",", ":")).encode()
            name = offered(1).context_id
            for known in (name, f"{name}/serving"):
                found = await worker.desk.outcome(known)
                assert found is not None
                assert json.loads(found) == json.loads(line)
            assert await worker.desk.outcome(offered(99).context_id) is None
            assert await worker.desk.outcome(f"{name}/shadow/none/run-1") is None

    run_virtually(main())


def test_none_of_several_is_taken_where_one_is_refused_at_the_door() -> None:
    async def main() -> None:
        async with World().living() as worker:
            with pytest.raises(ContextMalformedError) as caught:
                worker.desk.offer([offered(1), offered(2, symbol="fxcm:XXXYYY")])
            assert caught.value.found == "fxcm:XXXYYY"
            await asyncio.sleep(1)
            assert worker.loop.tally.contexts == 0

    run_virtually(main())


def test_a_receive_time_that_has_not_come_is_refused_and_moves_no_clock() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            now_ns = worker.clock.receive_ns()
            await decided(worker, 1, receive_ns=str(now_ns + 999_000_000))
            with pytest.raises(ContextMalformedError) as caught:
                await decided(worker, 2, receive_ns=str(now_ns + 86_400_000_000_000))
            assert caught.value.place.endswith("receive_ns")
            await asyncio.sleep(2)
            assert "decision" in await decided(worker, 3)  # stamped here, and not behind
        async with world.living() as worker:
            assert worker.clock.receive_ns() < now_ns + 5_000_000_000

    run_virtually(main())


def test_a_receive_time_of_the_sender_that_goes_back_is_refused_with_its_code() -> None:
    async def main() -> None:
        async with World().living() as worker:
            await decided(worker, 1, receive_ns="1600000000000000000")
            assert "decision" in await decided(worker, 2, receive_ns="1600000001000000000")
            refused = await decided(worker, 3, receive_ns="1600000000500000000")
            assert refused["refusal"]["code"] == "market.out-of-order"  # type: ignore[index]

    run_virtually(main())


def test_more_feeds_than_may_be_are_refused_also_after_a_restart() -> None:
    async def main() -> None:
        world = World(policy=live_policy(door=(("feeds_max", 2),)))
        async with world.living() as worker:
            for feed in ("a", "b"):
                await decided(worker, 1, feed=feed)
            with pytest.raises(FeedsExhaustedError):
                worker.desk.offer([offered(1, feed="c")])
        async with world.living() as worker:
            assert "decision" in await decided(worker, 2, feed="a")
            with pytest.raises(FeedsExhaustedError):
                worker.desk.offer([offered(1, feed="c")])

    run_virtually(main())


def test_the_declaration_of_a_feed_is_in_the_log() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await decided(worker, 1, feed="desk-9")
            body = await world.inner.get_object(feed_digest("desk-9"))
            assert json.loads(body) == {"feed": "desk-9", "kind": "live-feed.v1"}
            await worker.check_feeds()

    run_virtually(main())


def test_more_at_once_than_may_be_is_refused() -> None:
    async def main() -> None:
        async with World(policy=live_policy(door=(("records_max", 2),))).living() as worker:
            with pytest.raises(TooManyAtOnceError):
                worker.desk.offer([offered(n) for n in range(3)])
            with pytest.raises(TooManyAtOnceError):
                await worker.desk.submit([stop(f"s{n}") for n in range(3)])
            assert await worker.desk.decide([]) == []
            assert await worker.desk.submit([]) == []

    run_virtually(main())


def test_with_the_log_away_as_many_wait_as_may_and_all_are_decided_once_it_is_back() -> None:
    async def main() -> None:
        policy = live_policy(loop=(("pending_max", 10), ("batch_records", 4)))
        world = World(policy=policy)
        async with world.living() as worker:
            await decided(worker, 0)
            world.illness.become(Ill.BUSY)
            taken = []
            for sequence in range(1, 40):
                with suppress(QueueFullError):
                    worker.desk.offer([offered(sequence)])
                    taken.append(sequence)
                await asyncio.sleep(0.01)
            assert len(taken) == 10 + 1  # those that wait, and the one under way
            assert worker.standing.status().pending == 10
            await asyncio.sleep(30)
            world.illness.become(Ill.WELL)
            await asyncio.sleep(1)
            assert worker.loop.tally.contexts == 1 + len(taken)
            records = [one["record"] for one in await control_tail(worker) if one.get("record")]
            assert [one["kind"] for one in records] == ["lag-begin"]  # type: ignore[index]
            await decided(worker, 50)
            records = [one["record"] for one in await control_tail(worker) if one.get("record")]
            assert [one["kind"] for one in records] == ["lag-begin", "lag-end"]  # type: ignore[index]

    run_virtually(main())


async def control_tail(worker: LiveWorker) -> list[dict[str, object]]:
    """Return everything that was told of control records."""
    listener = Listener()
    task = asyncio.ensure_future(listener.listen(worker.desk.follow_controls(START)))
    await asyncio.sleep(0.1)
    task.cancel()
    return listener.lines


def test_an_answer_that_is_late_comes_on_the_stream() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            listener = Listener()
            task = asyncio.ensure_future(listener.listen(worker.desk.follow(None)))
            world.illness.become(Ill.HANGING)
            with pytest.raises(AnswerLateError):
                await worker.desk.decide([offered(1)])
            assert virtual_loop().now_ns >= 5_000_000_000
            world.illness.become(Ill.WELL)
            await asyncio.sleep(1)
            assert [one["position"] for one in listener.lines] == ["0:0:0"]
            assert (await decided(worker, 1))["position"] == "0:0:0"
            task.cancel()

    run_virtually(main())


def test_who_gives_up_waiting_takes_nobodys_outcome_away() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.illness.become(Ill.HANGING)
            impatient = asyncio.ensure_future(worker.desk.decide([offered(1)]))
            patient = asyncio.ensure_future(worker.desk.decide([offered(1)]))
            await asyncio.sleep(0.1)
            impatient.cancel()
            world.illness.become(Ill.WELL)
            assert "decision" in json.loads((await patient)[0])

    run_virtually(main())


def test_once_it_is_closed_nothing_is_taken() -> None:
    async def main() -> None:
        async with World().living() as worker:
            bad = Quarantined(
                part=0, record=0, refusal=RefusalCode.UNDECODABLE, digest="ab" * 32, excerpt=""
            )
            waiting = asyncio.ensure_future(worker.desk.decide([offered(1)]))
            await asyncio.sleep(0)
            worker.desk.close()
            assert "decision" in json.loads((await waiting)[0])
            with pytest.raises(ClosingError):
                worker.desk.offer([offered(2)])
            with pytest.raises(ClosingError):
                worker.desk.quarantine("stdin", bad)
            with pytest.raises(ClosingError):
                await worker.desk.submit([stop("s1")])
            with pytest.raises(ClosingError):
                await worker.desk.release("stop", reason="r", who="w")

    run_virtually(main())


def test_a_record_that_is_no_context_is_kept_in_the_log() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            record = Quarantined(
                part=0,
                record=7,
                refusal=RefusalCode.UNDECODABLE,
                digest=sha256_hex(b"{"),
                excerpt="{",
            )
            worker.desk.quarantine("stdin", record)
            await asyncio.sleep(0.1)
            (block,) = await world.blocks()
            (kept,) = json.loads(block.records)["quarantined"]
            assert kept["source"] == feed_digest("stdin")
            assert (kept["record"], kept["code"]) == (7, "market.undecodable")
            assert await world.inner.get_object(feed_digest("stdin"))
            assert worker.loop.tally.refused == 1

    run_virtually(main())


def test_bad_records_are_bounded_like_contexts() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("pending_max", 2),)))
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            worker.desk.offer([offered(0)])
            await asyncio.sleep(0.1)
            worker.desk.offer([offered(1), offered(2)])
            bad = Quarantined(
                part=0, record=0, refusal=RefusalCode.UNDECODABLE, digest="ab" * 32, excerpt=""
            )
            with pytest.raises(QueueFullError):
                worker.desk.quarantine("stdin", bad)

    run_virtually(main())


def test_control_records_are_answered_once_durable_each_by_what_became_of_it() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            other = control(kind="stop", control_id="s1", state="stopped", reason="another")
            answers = await worker.desk.submit([stop("s1"), stop("s1"), other])
            assert [(one.status, one.code) for one in answers] == [
                ("taken", ""),
                ("repeated", ""),
                ("refused", "control.id-taken"),
            ]
            assert {one.position for one in answers} == {"0:0:0"}
            assert (await world.inner.head(0)).number == 0
            (again,) = await worker.desk.submit([stop("s1")])
            assert again.status == "repeated"

    run_virtually(main())


def test_reports_that_name_no_decision_of_their_symbol_are_kept_and_refused() -> None:
    async def main() -> None:
        async with World().living() as worker:
            known = (await decided(worker, 1))["decision"]["decision_id"]  # type: ignore[index]
            assert isinstance(known, str)
            refused = f"{offered(2).context_id}/serving"
            await decided(worker, 2, bid=-1.0)
            answers = await worker.desk.submit(
                [
                    fill("f1", known),
                    fill("f2", None),
                    fill("f3", f"{offered(99).context_id}/serving"),
                    fill("f4", refused),
                    order("o5", "no-id-at-all"),
                    fill("f6", known, symbol=B),
                ]
            )
            codes = [(one.status, one.code) for one in answers]
            unknown = ("refused", "control.decision-unknown")
            assert codes == [("taken", ""), ("taken", ""), *[unknown] * 4]

    run_virtually(main())


def test_control_records_are_bounded_but_for_those_that_make_things_safer() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("pending_max", 3),)))
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            worker.desk.offer([offered(0)])
            await asyncio.sleep(0.1)
            submit = worker.desk.submit
            tasks = [asyncio.ensure_future(submit([fill(f"f{n}", None)])) for n in "abc"]
            await asyncio.sleep(0)
            with pytest.raises(QueueFullError):
                await submit([fill("f4", None)])
            tasks.append(asyncio.ensure_future(submit([stop("s1")])))
            await asyncio.sleep(0.1)
            world.illness.become(Ill.WELL)
            answers = await asyncio.gather(*tasks)
            assert [one.status for (one,) in answers] == ["taken"] * 4

    run_virtually(main())


def test_a_stop_goes_before_everything_that_waits() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("batch_records", 2),)))
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            worker.desk.offer([offered(n) for n in range(9)])
            await asyncio.sleep(0.1)
            task = asyncio.ensure_future(worker.desk.submit([stop("s1")]))
            await asyncio.sleep(0.1)
            world.illness.become(Ill.WELL)
            (answer,) = await task
            assert answer.position == "0:0:0"

    run_virtually(main())


def test_a_switch_is_released_on_the_record_and_its_file_taken_away() -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("stop", "t1")
        async with world.living() as worker:
            await asyncio.sleep(1)
            assert worker.standing.judge()[0] == "stopped"
            answer = await worker.desk.release("stop", reason="all clear", who="desk@here")
            assert answer.status == "taken"
            await asyncio.sleep(1)
            assert world.folder.retired == ["t1"]
            assert worker.standing.judge() == ("live", "")
            with pytest.raises(SwitchReleaseRefusedError):
                await worker.desk.release("stop", reason="again", who="desk@here")

    run_virtually(main())


def test_a_release_ends_the_throws_that_it_names_and_cuts_its_reason_never_the_name() -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("stop", "t1")
        async with world.living() as worker:
            await asyncio.sleep(1)
            with pytest.raises(SwitchReleaseRefusedError, match="thrown anew"):
                await worker.desk.release("stop", reason="r", who="w", ends=["t0"])
            assert worker.standing.judge()[0] == "stopped"
            who = "w" * 200
            answer = await worker.desk.release("stop", reason="r" * 500, who=who, ends=["t1"])
            assert answer.status == "taken"
            (block,) = [one async for one in world.inner.blocks(0) if b"released" in one.records]
            assert f"r… (released by {who})".encode() in block.records

    run_virtually(main())


def test_a_switch_whose_throw_is_not_recorded_yet_cannot_be_released() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            world.folder.throw("stop", "t1")
            await asyncio.sleep(1)
            worker.loop.fold = type(worker.loop.fold)(
                kernel=world.setup.kernel, genesis=worker.loop.fold.genesis
            )  # as it is where the block was taken back
            with pytest.raises(SwitchReleaseRefusedError, match="not recorded yet"):
                await worker.desk.release("stop", reason="r", who="w")

    run_virtually(main())


@pytest.mark.parametrize("ill", [Ill.WELL, Ill.BUSY, Ill.HANGING])
def test_a_release_does_not_end_what_was_thrown_after_it_was_asked_for(ill: Ill) -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("stop", "t1")
        async with world.living() as worker:
            await asyncio.sleep(1)
            world.illness.become(ill)
            worker.desk.offer([offered(1)])
            await asyncio.sleep(0)
            asking = asyncio.ensure_future(worker.desk.release("stop", reason="r", who="w"))
            await asyncio.sleep(0)
            world.folder.throw("stop", "t2")
            await worker.watch.look_at_switches()
            await asyncio.sleep(0.3)
            world.illness.become(Ill.WELL)
            with pytest.raises(SwitchReleaseRefusedError, match="thrown anew"):
                await asking
            await asyncio.sleep(1)
            assert worker.standing.judge()[0] == "stopped"
            standing = worker.desk.switches.standing(worker.loop.fold)
            assert {one.throw_id: one.recorded for one in standing} == {"t1": True, "t2": True}

    run_virtually(main())


def test_a_late_answer_to_a_release_still_takes_its_file_away() -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("stop", "t1")
        async with world.living() as worker:
            await asyncio.sleep(1)
            world.illness.become(Ill.HANGING)
            with pytest.raises(AnswerLateError):
                await worker.desk.release("stop", reason="r", who="w")
            world.illness.become(Ill.WELL)
            await asyncio.sleep(1)
            assert world.folder.retired == ["t1"]
            assert worker.standing.judge()[0] == "live"

    run_virtually(main())


def test_control_records_are_told_where_they_were_recorded_and_where_they_applied() -> None:
    async def main() -> None:
        async with World().living() as worker:
            await worker.desk.submit([stop("s1"), stop("s1")])
            await decided(worker, 1)
            told = await control_tail(worker)
            recorded = [ControlRecorded.model_validate(one) for one in told[:2]]
            assert [(one.control_id, one.status) for one in recorded] == [
                ("s1", "taken"),
                ("s1", "repeated"),
            ]
            applied = ControlApplied.model_validate(told[2])
            assert (applied.symbol, applied.contexts_before) == (A, 0)

    run_virtually(main())


def test_whoever_goes_on_after_a_control_record_misses_none_at_its_place() -> None:
    async def main() -> None:
        async with World().living() as worker:
            answers: Sequence[object] = await worker.desk.submit([stop("s1"), stop("s2")])
            assert len(answers) == 2
            first = Listener()
            task = asyncio.ensure_future(first.listen(worker.desk.follow_controls(START)))
            await asyncio.sleep(0.1)
            task.cancel()
            again = Listener()
            task = asyncio.ensure_future(again.listen(worker.desk.follow_controls(first.last)))
            await asyncio.sleep(0.1)
            task.cancel()
            assert [one["control_id"] for one in again.lines] == ["s1", "s2"]

    run_virtually(main())
