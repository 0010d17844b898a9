"""What advice would have been worth is what it is worth where it counts."""

from __future__ import annotations

import asyncio
from functools import cache

import numpy as np
import pytest

from tests.fakes.clock import HandClock
from tests.fakes.live import A
from tests.support.decisions.asking import (
    SOURCE,
    asking,
    asking_fold,
    asking_setup,
    course,
    resolving,
)
from tests.support.decisions.kernels import compiled
from tests.support.live.advising import APPROVED, CONTEXTS
from tests.support.live.advising import lived as live_log
from torghut.decisions.recording import Taken, record_batch
from torghut.eventlog.block import Head, head_of
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.control import AdviceShadowed
from torghut.schemas.rows import DECISION
from torghut.workflows.live.advice.awaiting import Answer
from torghut.workflows.reasoning.hindsight import SymbolHindsight, look_back

lived = cache(live_log)


def hindsight(log: InMemoryLog) -> SymbolHindsight:
    """Return what a log's advice would have been worth."""
    found = asyncio.run(look_back(log, compiled()))
    assert found.contexts == CONTEXTS - 1
    assert list(found.symbols) == [A]
    return found.symbols[A]


def equity(log: InMemoryLog) -> float:
    """Return the paper equity as of a log's last decision."""

    async def rows() -> bytes:
        return b"".join([block.arms[SERVING].rows async for block in log.blocks(0)])

    return float(np.frombuffer(asyncio.run(rows()), DECISION)["equity"][-1])


@pytest.mark.parametrize(
    "answer",
    [
        APPROVED,
        Answer(resolution="adjust", factor=0.5, confidence=0.8),
        Answer(resolution="veto", confidence=0.8),
        Answer(resolution="defer", confidence=0.8),
        Answer(resolution="failed", code="reasoning.endpoint-unreachable"),
    ],
    ids=lambda answer: answer.resolution,
)
def test_it_is_what_an_active_path_earned_with_the_same_answers(answer: Answer) -> None:
    shadow = lived("shadow", answer)

    found = hindsight(shadow)

    assert found.without == equity(shadow) == equity(lived("off", answer))
    assert found.under == equity(lived("active", answer))
    assert found.unrecorded == 0


def test_approvals_differ_from_a_fallback_that_raises_less() -> None:
    found = hindsight(lived("shadow", APPROVED))

    assert found.asked == found.answers["approve"] > 20
    assert found.heeded == found.agreed + found.smaller + found.larger > 0
    assert found.larger > 0  # it opens, and is content with that
    assert found.without == 0.0 < found.under


def test_deferring_is_the_fallback() -> None:
    found = hindsight(lived("shadow", Answer(resolution="defer", confidence=0.8)))

    assert found.heeded == found.agreed > 10
    assert found.without == found.under


def test_what_was_asked_and_counted_is_what_is_on_record() -> None:
    answers = lived("active", APPROVED)

    found = hindsight(answers)

    assert found.asked == found.heeded == found.answers["approve"]
    assert found.under == equity(answers)


def test_log_without_advice_says_nothing() -> None:
    found = asyncio.run(look_back(lived("off", APPROVED), compiled()))

    assert found.symbols == {}


def test_what_nobody_was_asked_about_is_decided_at_once_however_the_log_is_cut() -> None:
    worths = {size: cut(size) for size in (1, 7, 60, 200)}

    (same,) = {(one.unrecorded, one.without, one.under) for one in worths.values()}
    unrecorded, without, under = same
    assert unrecorded > 50
    assert without == under != 0.0


def cut(size: int) -> SymbolHindsight:
    """Return the hindsight of a log with one answer on record, in blocks of some size."""
    fold = asking_fold(asking(fallback=0.05))
    log = InMemoryLog(clock=HandClock())
    rows = course([0] * 400)
    head = Head(partition=0)

    async def main() -> SymbolHindsight:
        nonlocal head
        await log.put_object(fold.genesis.declarations.to_bytes())
        for package in asking_setup().packages.values():
            for body in package.objects():
                await log.put_object(body)
        records: list[Arrival] = []
        for start in range(0, len(rows), size):
            piece = rows[start : start + size]
            decided = fold.decide(piece, records)
            taken = Taken(contexts=piece, quarantined=(), cursor=Cursor(), first_symbol=0)
            block = record_batch(fold, taken, decided, head)
            await log.append(block)
            head, records = head_of(block), []
            if start == 0:
                answered = resolving(f"{SOURCE[:32]}:{A}:quote:1", "defer")
                fields = answered.model_dump(exclude={"kind"}, exclude_none=True)
                records = [Arrival(row=0, record=AdviceShadowed.model_validate(fields))]
        return (await look_back(log, compiled())).symbols[A]

    return asyncio.run(main())
