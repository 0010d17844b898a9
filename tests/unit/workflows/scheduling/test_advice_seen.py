"""What a look at a log shows of advice is what its control records and its decisions say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import pytest

from tests.fakes.eventlog import run
from tests.support.decisions.asking import asking, mode_record
from tests.support.live.advising import APPROVED, Course, lived, lived_through
from torghut.decisions.recording import read_block
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Path, Reason
from torghut.schemas.control import (
    AdviceShadowed,
    ControlRecord,
    ReasoningModeChanged,
    SwitchThrown,
)
from torghut.schemas.reasoning.standing import ReasoningChange
from torghut.schemas.types import message_digest
from torghut.workflows.live.advice.awaiting import Answer
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.scheduling.ports import AdviceSeen, Since
from torghut.workflows.scheduling.seen.viewing import LogView

LATER_NS: Final = 2**62
SHADOW_AT, ACTIVE_AT, THROWN_AT, RELEASED_AT = 1, 30, 55, 75
FAILED: Final = Answer(resolution="failed", code="reasoning.endpoint-unreachable")
Told = tuple[str, str, str, str]


def switch(state: str, name: str = "deterministic-only", symbol: str = "*") -> SwitchThrown:
    """Return what throws or releases a switch."""
    return SwitchThrown.model_validate(
        {
            "control_id": f"switch:{name}:{state}",
            "symbol": symbol,
            "name": name,
            "state": state,
            "reason": "it contradicts itself",
        }
    )


def course_of(records: Mapping[int, ControlRecord]) -> Mapping[int, Sequence[ControlRecord]]:
    """Return records, each by itself before the context of a number."""
    return {number: [record] for number, record in records.items()}


@cache
def rolled_back(*, released: bool) -> InMemoryLog:
    """Return the log of a service that went from shadow to active and was thrown back."""
    records: dict[int, Sequence[ControlRecord]] = {
        SHADOW_AT: [mode_record("shadow", "to-shadow")],
        ACTIVE_AT: [mode_record("active", "to-active")],
        THROWN_AT: [switch("thrown")],
    }
    if released:
        records[RELEASED_AT] = [switch("released")]
    return lived_through(Course(records=records))


def view(log: InMemoryLog, *, live: bool = True) -> LogView:
    """Return a view of a log, of a loop or of recorded data."""
    return LogView(
        opening=lambda: log,
        pages=tuple if live else None,
        declared=asking(),
        budget_ms=5000,
    )


def seen(
    log: InMemoryLog, since: Since | None = None, *, live: bool = True, now_ns: int = LATER_NS
) -> AdviceSeen:
    """Return what one look at a log shows of advice."""
    found = run(view(log, live=live).look(since or Since(), now_ns=now_ns)).advice
    assert found is not None
    return found


def received(log: InMemoryLog) -> list[int]:
    """Return when each context was received, in the order of the log."""

    async def times() -> list[int]:
        blocks = [read_block(one) async for one in log.blocks(0)]
        return [int(time) for one in blocks for time in one.contexts["receive_ns"]]

    return run(times())


def told(changes: Sequence[ReasoningChange]) -> list[Told]:
    """Return what each change says."""
    return [(one.what, one.from_, one.to, one.control_id) for one in changes]


SHADOWED: Final[Told] = ("mode", "off", "shadow", "to-shadow")
ACTIVATED: Final[Told] = ("mode", "shadow", "active", "to-active")
THROWN: Final[Told] = (
    "deterministic-only",
    "released",
    "thrown",
    "switch:deterministic-only:thrown",
)
RELEASED: Final[Told] = (
    "deterministic-only",
    "thrown",
    "released",
    "switch:deterministic-only:released",
)


def test_advice_that_nobody_put_in_force_is_off_by_its_declaration() -> None:
    found = seen(lived_through(Course()))

    assert (found.mode, found.deterministic_only, found.changed) == ("off", False, ())
    assert found.counts.slow == found.counts.unasked["reasoning-off"] > 0
    assert found.counts.asked == 0
    assert found.counts.unanswered_ratio.declaration == message_digest(asking().reasoning)
    assert found.rollback is None


def test_shadow_goes_over_to_active_and_the_switch_takes_it_back() -> None:
    found = seen(rolled_back(released=False))

    assert (found.mode, found.deterministic_only) == ("active", True)
    assert told(found.changed) == [SHADOWED, ACTIVATED, THROWN]
    assert [one.reason for one in found.changed] == ["a test", "a test", "it contradicts itself"]
    times = received(rolled_back(released=False))
    assert [one.at_ns for one in found.changed] == [
        0,
        times[ACTIVE_AT - 2],
        times[THROWN_AT - 2],
    ]
    assert [found.mode_at(one.at_ns) for one in found.changed] == ["shadow", "active", "active"]
    assert found.mode_at(times[ACTIVE_AT - 2] - 1) == "shadow"


@pytest.mark.parametrize("released", [False, True])
def test_rollback_by_the_switch_is_over_with_the_first_decision_that_falls_back(
    *, released: bool
) -> None:
    found, times = seen(rolled_back(released=released)), received(rolled_back(released=released))

    rollback = found.rollback
    assert rollback is not None
    assert rollback.control_id == "switch:deterministic-only:thrown"
    assert rollback.at_ns == times[THROWN_AT - 2]
    assert rollback.fell_back_ns is not None
    assert rollback.fell_back_ns in times
    assert rollback.recovery_ns == rollback.fell_back_ns - rollback.at_ns > 0
    assert rollback.advised_since == 0


def test_released_switch_lets_the_mode_hold_again() -> None:
    found = seen(rolled_back(released=True))

    assert (found.mode, found.deterministic_only) == ("active", False)
    assert told(found.changed)[-1] == RELEASED


def test_switch_that_is_thrown_while_advice_does_not_count_takes_nothing_back() -> None:
    records = course_of({1: mode_record("shadow"), 40: switch("thrown")})
    found = seen(lived_through(Course(records=records)))

    assert found.deterministic_only
    assert found.rollback is None


def test_other_switches_are_none_of_its_business() -> None:
    records = course_of({1: mode_record("active"), 40: switch("thrown", "defensive-weights")})
    found = seen(lived_through(Course(records=records)))

    assert (len(found.changed), found.deterministic_only) == (1, False)


def test_record_that_says_what_is_so_changes_nothing() -> None:
    records = {1: [mode_record("active", "one")], 40: [mode_record("active", "two")]}
    found = seen(lived_through(Course(records=records)))

    assert told(found.changed) == [("mode", "off", "active", "one")]


def test_mode_of_one_symbol_is_the_most_that_any_has() -> None:
    records = {1: [mode_record("active", "one", "fxcm:EURUSD"), mode_record("shadow", "two", "*")]}
    found = seen(
        lived_through(Course(records={**records, 40: [mode_record("active", "x", "fxcm:NZDUSD")]}))
    )

    assert (found.mode, found.least) == ("active", "shadow")
    assert told(found.changed)[1] == ("mode", "active", "shadow", "two")


def test_record_of_a_time_to_come_holds_from_then_on() -> None:
    first = received(lived_through(Course()))[0]
    due_ns = first + 40_500_000_000
    later = ReasoningModeChanged.model_validate(
        {**mode_record("active", "later").model_dump(), "effective_at_ns": due_ns}
    )
    log = lived_through(Course(records={5: [later]}))
    before = [one for one in received(log) if one < due_ns]

    found = seen(log)

    assert [(one.control_id, one.at_ns) for one in found.changed] == [("later", due_ns)]
    assert found.mode_at(due_ns - 1) == "off"
    early = seen(log, live=False, now_ns=before[-1])
    assert (early.mode, early.changed) == ("off", ())


@pytest.mark.parametrize("answer", [APPROVED, FAILED], ids=lambda one: one.resolution)
@pytest.mark.parametrize("mode", ["off", "shadow", "active"])
def test_counts_are_those_of_the_rows(mode: str, answer: Answer) -> None:
    log = lived(mode, answer)
    found = seen(log).counts

    async def blocks() -> tuple[list[int], list[str]]:
        reasons, beside = list[int](), list[str]()
        async for block in log.blocks(0):
            rows = rows_of(block, SERVING)
            reasons += [int(one["reasons"]) for one in rows if one["path"] == Path.SLOW]
            records = [one.record for one in read_block(block).received]
            beside += [one.resolution for one in records if isinstance(one, AdviceShadowed)]
        return reasons, beside

    reasons, beside = run(blocks())
    why = Counter(one.code for word in reasons for one in Reason if word >> one & 1)
    assert found.slow == len(reasons) > 0
    assert found.resolved == (
        {answer.resolution: found.asked} if mode == "active" and found.asked else {}
    )
    assert found.asked == why["advice-approved"] + why["advice-failed"]
    assert found.unasked == {
        name: why[name]
        for name in ("advice-moot", "reasoning-off", "reasoning-shadow")
        if why[name]
    }
    assert found.shadowed == dict(Counter(beside))
    assert (mode == "shadow") == bool(beside)


@pytest.mark.parametrize("mode", ["shadow", "active"])
@pytest.mark.parametrize(("answer", "value"), [(APPROVED, 0.0), (FAILED, 1.0)])
def test_share_without_an_answer_is_of_all_that_was_asked(
    mode: str, answer: Answer, value: float
) -> None:
    log = lived(mode, answer)
    found = seen(log).counts

    assert found.unanswered_ratio.value == value
    assert found.unanswered_ratio.samples == sum(
        [*found.resolved.values(), *found.shadowed.values()]
    )


def test_looks_one_after_the_other_tell_each_change_once_and_what_a_new_view_tells() -> None:
    log, times = rolled_back(released=True), received(rolled_back(released=True))
    one, since, changes, slow = view(log, live=False), Since(), list[ReasoningChange](), 0
    for now_ns in (*times[::7], times[-1] + 10**10):
        found = run(one.look(since, now_ns=now_ns))
        assert found.advice is not None
        changes += found.advice.changed
        slow += found.advice.counts.slow
        since = Since(block=found.last_block, at_ns=now_ns)
        again = run(view(log, live=False).look(Since(), now_ns=now_ns)).advice
        assert again is not None
        assert (again.mode, again.rollback) == (found.advice.mode, found.advice.rollback)
    whole = seen(log)

    assert told(changes) == told(whole.changed) == [SHADOWED, ACTIVATED, THROWN, RELEASED]
    assert whole.counts.slow == slow


def test_next_look_of_a_loop_tells_what_came_since() -> None:
    log = rolled_back(released=True)

    async def block_of(control_id: str) -> int:
        async for block in log.blocks(0):
            records = [one.record for one in read_block(block).received]
            if any(one.control_id == control_id for one in records):
                return block.number
        raise AssertionError(control_id)

    found = seen(log, Since(block=run(block_of("to-active")), at_ns=0))

    assert told(found.changed) == [THROWN, RELEASED]
    assert found.mode == "active"
