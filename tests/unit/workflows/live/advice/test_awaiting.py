"""The live loop asks, waits no longer than it may, and decides what waits exactly once."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from typing_extensions import override

from tests.fakes.live import A, Ill, Listener, World, live_policy, offered
from tests.fakes.observing import KeptJournal, KeptTracer, RecordedTelemetry
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.asking import BUDGET_MS, asking_setup, mode_record, resolving
from tests.support.decisions.kernels import compiled
from torghut.decisions.recording import read_block
from torghut.schemas.control import AdviceResolved, AdviceShadowed
from torghut.schemas.live.position import START
from torghut.schemas.observing.log_events import AdvisedLate
from torghut.workflows.live.advice.awaiting import Advisor, Answer, Question
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.loop.counting import BlockCounting
from torghut.workflows.replay import replay_log

WARM: Final = 40
RESERVE_MS: Final = 200
APPROVED: Final = Answer(resolution="approve", confidence=0.8)


@dataclass(slots=True)
class Adviser(Advisor):
    """Answers after a while, or never.

    Attributes:
        after_s: None for never.
        answer: What it says.
        asked: Every question.
        times: When each came, on the loop's clock.
    """

    after_s: float | None = 0.3
    answer: Answer = APPROVED
    asked: list[Question] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def was_asked(self) -> bool:
        """Return whether anything was asked."""
        return bool(self.asked)

    @override
    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        loop = asyncio.get_running_loop()
        self.asked.append(question)
        self.times.append(loop.time())
        if self.after_s is not None:
            loop.call_later(self.after_s, answered, self.answer)


def world(adviser: Adviser | None = None) -> World:
    """Return a world in which every wish for a position asks."""
    made = World(setup=asking_setup(), policy=live_policy(door=(("answer_ms", 20_000),)))
    if adviser is not None:
        made.advisor = adviser
    return made


Waiting = list["asyncio.Task[dict[str, object]]"]
"""Who waits for the outcomes of contexts, oldest first."""


async def warm(worker: LiveWorker, asked: Callable[[], bool], *, mode: str = "active") -> Waiting:
    """Let contexts come, one a second, until one has asked for advice."""
    await worker.desk.submit([mode_record(mode)])
    waiting: Waiting = []
    for sequence in range(1, WARM):
        waiting.append(asyncio.ensure_future(outcome(worker, sequence)))
        await asyncio.sleep(1)
        if asked():
            return waiting
    pytest.fail("nothing ever asked for advice")


async def outcome(worker: LiveWorker, sequence: int) -> dict[str, object]:
    """Return what becomes of a context."""
    (line,) = await worker.desk.decide([offered(sequence)])
    found: dict[str, object] = json.loads(line)
    return found


def reasons(told: dict[str, object]) -> Sequence[str]:
    """Return the reasons of a decision that was told."""
    decision = told["decision"]
    assert isinstance(decision, dict)
    found: Sequence[str] = decision["reasons"]
    return found


async def resolutions(made: World) -> list[AdviceResolved]:
    """Return every resolution that the log took."""
    return [record for block in await made.blocks() for _, record in read_block(block).resolutions]


async def last(waiting: Waiting) -> dict[str, object]:
    """Return what became of the context that waited."""
    return await waiting[-1]


def test_advice_decides_the_context_that_asked() -> None:
    async def main() -> None:
        adviser = Adviser()
        made = world(adviser)
        async with made.living() as worker:
            waiting = await warm(worker, adviser.was_asked)
            told = await last(waiting)
            assert "advice-approved" in reasons(told)
            assert told["ingress_wall_ns"] is not None
            assert [one.symbol for one in adviser.asked] == [A]
            (record,) = await resolutions(made)
            assert record.confidence == 0.8

    run_virtually(main())


def test_question_leaves_the_reserve_of_the_budget() -> None:
    async def main() -> None:
        adviser = Adviser()
        made = world(adviser)
        async with made.living() as worker:
            await last(await warm(worker, adviser.was_asked))
            left_s = adviser.asked[0].deadline_ns / 1e9 - adviser.times[0]
            assert 0.0 < (BUDGET_MS - RESERVE_MS) / 1000 - left_s < 0.05

    run_virtually(main())


def test_who_does_not_answer_is_not_waited_for() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=None)
        made = world(adviser)
        async with made.living() as worker:
            told = await last(await warm(worker, adviser.was_asked))
            assert "advice-timed-out" in reasons(told)
            assert "budget-missed" not in reasons(told)

    run_virtually(main())


def test_answer_that_comes_too_late_is_recorded_and_changes_nothing() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=BUDGET_MS / 1000)
        made = world(adviser)
        async with made.living() as worker:
            assert "advice-timed-out" in reasons(await last(await warm(worker, adviser.was_asked)))
            await asyncio.sleep(2)
            refused = [
                one["code"]
                for block in await made.blocks()
                for one in json.loads(block.records)["refused"]
            ]
            assert refused == ["control.advice-unawaited"]
            assert [one.resolution for one in await resolutions(made)] == ["timed-out"]

    run_virtually(main())


def test_without_an_advisor_the_fallback_answers_at_once() -> None:
    async def main() -> None:
        made = world()
        async with made.living() as worker:
            waiting = await warm(worker, lambda: worker.loop.awaiting.answers > 0)
            assert "advice-failed" in reasons(await last(waiting))
            (record,) = await resolutions(made)
            assert record.code == "reasoning.unadvised"

    run_virtually(main())


def test_what_waited_when_the_worker_died_is_resolved_once_as_lost() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=None)
        made = world(adviser)
        async with made.living() as worker:
            waiting = await warm(worker, adviser.was_asked)
            for one in waiting:
                one.cancel()
        for _ in range(2):
            async with made.living() as worker:
                await asyncio.sleep(1)
                assert worker.loop.fold.awaiting(0) is None
        assert [one.resolution for one in await resolutions(made)] == ["lost"]
        assert (await replay_log(made.inner, compiled())).identical

    run_virtually(main())


def test_what_waits_when_the_service_drains_is_decided_before_it_ends() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=None)
        made = world(adviser)
        worker = made.worker()
        await worker.begin()
        running = asyncio.ensure_future(worker.loop.run())
        waiting = await warm(worker, adviser.was_asked)
        worker.desk.close()
        await asyncio.wait_for(running, 5)
        assert "advice-lost" in reasons(await last(waiting))

    run_virtually(main())


def test_advice_from_outside_is_refused() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=1.5)
        made = world(adviser)
        async with made.living() as worker:
            waiting = await warm(worker, adviser.was_asked)
            name = worker.loop.fold.awaiting(0)
            assert name is not None
            (answer,) = await worker.desk.submit([resolving(name, "approve")])
            assert (answer.status, answer.code) == ("refused", "control.advice-foreign")
            assert "advice-approved" in reasons(await last(waiting))
            (record,) = await resolutions(made)
            assert record.confidence == 0.8

    run_virtually(main())


@pytest.mark.parametrize("ill", [Ill.BUSY, Ill.BROKEN, Ill.KEPT_THEN_BROKEN])
def test_log_that_is_away_while_advice_comes_loses_and_doubles_nothing(ill: Ill) -> None:
    async def main() -> None:
        adviser = Adviser(after_s=1.4)
        made = world(adviser)
        async with made.living() as worker:
            waiting = await warm(worker, adviser.was_asked)
            made.illness.become(ill)
            await asyncio.sleep(1)
            made.illness.become(Ill.WELL)
            assert "advice-approved" in reasons(await last(waiting))
            await asyncio.sleep(1)
            assert [one.resolution for one in await resolutions(made)] == ["approve"]
        assert (await replay_log(made.inner, compiled())).identical

    run_virtually(main())


def test_decision_that_becomes_durable_after_its_budget_is_named_where_it_cannot_say_so() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=1.4)
        made = world(adviser)
        journal = KeptJournal()
        async with made.living() as worker:
            worker.loop.done = BlockCounting(
                telemetry=RecordedTelemetry(),
                journal=journal,
                tracer=KeptTracer(),
                wall=made.wall,
                steady=worker.loop.steady,
            ).told
            waiting = await warm(worker, adviser.was_asked)
            made.illness.become(Ill.HANGING)
            await asyncio.sleep(BUDGET_MS / 1000)
            made.illness.become(Ill.WELL)
            told = await last(waiting)
            assert "advice-approved" in reasons(told)
            assert "budget-missed" not in reasons(told)
            await asyncio.sleep(1)
        (late,) = [one for one, _ in journal.said if isinstance(one, AdvisedLate)]
        assert [late.context_id] == [one.context_id for one in await resolutions(made)]
        assert 0 < late.late_seconds < 1.5

    run_virtually(main())


def test_listeners_get_each_outcome_once_and_in_order() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=1.4)
        made = world(adviser)
        async with made.living() as worker:
            listener = Listener()
            task = asyncio.ensure_future(listener.listen(worker.desk.follow(START)))
            waiting = await warm(worker, adviser.was_asked)
            for sequence in range(100, 110):
                waiting.append(asyncio.ensure_future(outcome(worker, sequence)))
                await asyncio.sleep(0.5)
            await asyncio.gather(*waiting)
            await asyncio.sleep(0.5)
            task.cancel()
        live = listener.lines
        again = Listener()
        async with made.living() as worker:
            task = asyncio.ensure_future(again.listen(worker.desk.follow(START)))
            await asyncio.sleep(1)
            task.cancel()
        names = [name_of(one) for one in live]
        assert len(set(names)) == len(names) == len(waiting)
        assert [name_of(one) for one in again.lines] == names
        assert [one["position"] for one in again.lines] == [one["position"] for one in live]
        sequences = [decision_of(one)["sequence"] for one in live]
        assert sequences == sorted(sequences)

    run_virtually(main())


async def shadows(made: World) -> list[AdviceShadowed]:
    """Return everything that the log took of advice beside decisions."""
    return [
        arrival.record
        for block in await made.blocks()
        for arrival in read_block(block).received
        if isinstance(arrival.record, AdviceShadowed)
    ]


def test_in_shadow_the_decision_comes_at_once_and_advice_is_recorded_beside_it() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=0.3)
        made = world(adviser)
        async with made.living() as worker:
            waiting = await warm(worker, adviser.was_asked, mode="shadow")
            told = await last(waiting)
            assert "reasoning-shadow" in reasons(told)
            (record,) = await shadows(made)
            asked = adviser.asked[0]
            assert (record.resolution, record.confidence) == ("approve", 0.8)
            assert (record.symbol, record.context_id) == (A, asked.context_id)
            assert decision_of(told)["decision_id"] == f"{asked.context_id}/serving"
            assert not await resolutions(made)
        assert (await replay_log(made.inner, compiled())).identical

    run_virtually(main())


def test_in_shadow_one_question_of_a_symbol_is_open_at_a_time() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=1.7)
        made = world(adviser)
        async with made.living() as worker:
            waiting = await warm(worker, adviser.was_asked, mode="shadow")
            for sequence in range(len(waiting) + 1, len(waiting) + 11):
                told = await outcome(worker, sequence)
                assert "reasoning-shadow" in reasons(told)
                await asyncio.sleep(1)
            gaps = [b - a for a, b in itertools.pairwise(adviser.times)]
            assert len(gaps) >= 4
            assert min(gaps) >= 1.7
            assert len({one.context_id for one in await shadows(made)}) >= 4

    run_virtually(main())


def test_in_shadow_what_is_not_answered_in_time_is_recorded_as_that_once() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=BUDGET_MS / 1000 + 5)
        made = world(adviser)
        async with made.living() as worker:
            await last(await warm(worker, adviser.was_asked, mode="shadow"))
            await asyncio.sleep(20)
            assert [one.resolution for one in await shadows(made)] == ["timed-out"]

    run_virtually(main())


def test_service_that_ends_waits_for_no_advice_beside_decisions() -> None:
    async def main() -> None:
        adviser = Adviser(after_s=None)
        made = world(adviser)
        worker = made.worker()
        await worker.begin()
        running = asyncio.ensure_future(worker.loop.run())
        await last(await warm(worker, adviser.was_asked, mode="shadow"))
        worker.desk.close()
        await asyncio.wait_for(running, 1)
        assert not await shadows(made)

    run_virtually(main())


def test_advice_beside_decisions_from_outside_is_refused() -> None:
    async def main() -> None:
        made = world(Adviser())
        async with made.living() as worker:
            fields = resolving(f"{'cd' * 16}:{A}:quote:7").model_dump(exclude={"kind"})
            forged = AdviceShadowed.model_validate(fields)
            (answer,) = await worker.desk.submit([forged])
            assert (answer.status, answer.code) == ("refused", "control.advice-foreign")
            assert not await shadows(made)

    run_virtually(main())


def decision_of(told: dict[str, object]) -> dict[str, Any]:
    """Return the decision of a line."""
    found = told["decision"]
    assert isinstance(found, dict)
    return found


def name_of(told: dict[str, object]) -> object:
    """Return which context a line is about."""
    return decision_of(told)["decision_id"]
