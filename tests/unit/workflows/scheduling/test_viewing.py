"""What a look at a log shows is what is in it, up to now, whatever state log and workers are in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.fakes.workers import status_of
from tests.support.decisions.declared import shipped
from tests.support.decisions.loops import A, B, drifting, empty_log, run_on, source_of, stop_record
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS
from torghut.adapters.filesystem.writing import FileReadError
from torghut.decisions.declarations import Declarations
from torghut.eventlog.block import Block
from torghut.eventlog.errors import (
    LogIntegrityError,
    LogReadError,
    Obstacle,
    TruncatedLogError,
)
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Reason
from torghut.schemas.control import (
    ControlRecord,
    LimitsAllotted,
    ModeChanged,
    PackageChanged,
    RouterModeChanged,
    SwitchThrown,
)
from torghut.schemas.governing.fields import Reading
from torghut.schemas.rows import RowArray
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.scheduling.ports import Observed, Since
from torghut.workflows.scheduling.seen.viewing import LogView

AWAY: Final = LogReadError(obstacle=next(iter(Obstacle)), detail="away")
COUNT: Final = 60
STEP_NS: Final = 20 * SECOND_NS
SIZE: Final = 10
"""Contexts a block."""

BACK: Final = PackageChanged(control_id="rollback:run-1:1:1", router="fx-intraday", package=None)
STOPPED: Final = stop_record("latch:incident-1:stopped", "stopped")
ALLOTTED: Final = LimitsAllotted(control_id="allotment-1", symbol=A, allotment=40_000.0)
PAPER: Final = ModeChanged(control_id="m", mode="paper", notional_cap=250_000.0)
RECORDS: Final[tuple[tuple[int, ControlRecord], ...]] = (
    (0, PAPER),
    (0, ALLOTTED),
    (25, STOPPED),
    (35, BACK),
)
LAST_NS: Final = START_NS + STEP_NS * COUNT
LATER_NS: Final = LAST_NS + SECOND_NS


def at(context: int) -> int:
    """Return when the context at a place was received, the first one at place 0."""
    return START_NS + STEP_NS * (context + 1)


@cache
def rows() -> RowArray:
    """Return quotes of two symbols in turn, 20 s apart."""
    return drifting([n % 2 for n in range(COUNT)])


async def _decided(
    contexts: RowArray, records: Sequence[tuple[int, ControlRecord]], *, size: int = SIZE
) -> InMemoryLog:
    log = empty_log()
    await run_on(source_of(contexts, records), log, size=size)
    return log


@cache
def whole() -> InMemoryLog:
    """Return the log that most tests look at; nobody writes it."""
    return run(_decided(rows(), RECORDS))


def worker(*, alive: bool = True, lag_ms: float | None = 12.0) -> WorkerSeen:
    """Return a worker that serves, or is gone."""
    return WorkerSeen(
        worker="worker-0",
        alive=alive,
        pid=7,
        status=status_of(lag_ms=lag_ms),
        fault="",
        rewritten=1,
    )


class Failing(InMemoryLog):
    """Another log, whose reading breaks off before a block.

    Args:
        other: Whose blocks it has.
        at: Number of the block; -1 for none.
        error: That is raised there; None: it takes for ever.
    """

    def __init__(self, other: InMemoryLog, at: int, error: TorghutError | None) -> None:
        super().__init__(clock=HandClock())
        self.__dict__.update(other.__dict__)
        self.at, self.error = at, error
        self.closed = 0

    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        """Yield blocks as far as the one before which it breaks off."""
        async for block in super().blocks(partition, after=after):
            if block.number == self.at:
                if self.error is not None:
                    raise self.error
                await asyncio.sleep(3600)
            yield block

    async def close(self) -> None:
        """Count that it was closed."""
        self.closed += 1


def view(
    log: DecisionLog | Callable[[], DecisionLog] | None = None,
    *,
    pages: Sequence[WorkerSeen] | None = (worker(),),
    declared: Declarations | None = None,
    budget_ms: int = 5000,
) -> LogView:
    """Return a view of a log; ``pages`` None: of recorded data."""
    found = whole() if log is None else log
    return LogView(
        opening=found if callable(found) else lambda: found,
        pages=None if pages is None else lambda: pages,
        declared=declared or shipped(),
        budget_ms=budget_ms,
    )


def look(seen: LogView, since: Since | None = None, *, now_ns: int = LATER_NS) -> Observed:
    """Return what a look shows."""
    return run(seen.look(since or Since(), now_ns=now_ns))


def test_log_is_named_by_its_first_block_once_it_has_one() -> None:
    async def blocks() -> Sequence[str]:
        return [one.digest async for one in whole().blocks(0)]

    assert run(view(whole()).identity()) == run(blocks())[0]
    assert run(view(empty_log()).identity()) is None


def test_first_look_counts_everything() -> None:
    found = look(view())

    assert (found.last_block, found.signals, found.decisions) == (COUNT // SIZE - 1, COUNT, COUNT)
    assert found.window_ns == STEP_NS * (COUNT - 1)
    assert (found.no_signal, found.intact, found.universe) == (None, True, "available")


def test_next_look_counts_what_came_since() -> None:
    log = empty_log()
    run(run_on(source_of(rows()[:30], RECORDS[:2]), log, size=SIZE))
    seen = view(log)
    first = look(seen)
    run(run_on(source_of(rows(), RECORDS[:2]), log, size=SIZE))
    second = look(seen, Since(block=first.last_block, at_ns=LATER_NS))
    third = look(seen, Since(block=second.last_block, at_ns=LATER_NS))

    assert (first.signals, second.signals, third.signals) == (30, 30, 0)
    assert third.no_signal == "source-silent"
    assert third.symbols == second.symbols
    assert third.fallback_ratio.status == "missing"


def test_new_view_counts_only_what_came_since_but_knows_all_symbols() -> None:
    found = look(view(), Since(block=3, at_ns=0))

    assert found.signals == 20
    assert set(found.symbols) == {A, B}


def test_each_symbol_is_as_its_last_decision_left_it() -> None:
    found = look(view())
    last: dict[str, np.void] = {}

    async def find() -> None:
        async for block in whole().blocks(0):
            decided = rows_of(block, SERVING)
            for row in decided:
                last[A if row["symbol_key"] == decided[0]["symbol_key"] else B] = row

    run(find())
    for name, row in last.items():
        seen = found.symbols[name]
        notional = max(abs(float(row["position"])), abs(float(row["target"])))
        assert seen.mode == "paper"
        assert seen.allotment == Decimal(repr(float(row["allotment"])))
        assert float(seen.exposure) == notional * float(row["reference_price"])
        assert seen.equity == float(row["equity"])
        assert seen.package == "", "the last record took the package away"
        assert seen.lifetime_ns > 0
        assert seen.routed == (not int(row["reasons"]) >> Reason.STATIC_WEIGHTS & 1)
    assert found.mode == "paper"


def test_package_of_a_symbol_is_the_one_that_decided_last() -> None:
    seen = look(view(pages=None), now_ns=at(30))

    assert {one.package for one in seen.symbols.values()} == {eager_package().digest}


def test_static_and_warming_decisions_fall_back_on_nothing() -> None:
    ratio = look(view()).fallback_ratio

    assert (ratio.value, ratio.samples) == (0.0, COUNT)


def ratios(record: ControlRecord) -> tuple[Reading, Reading]:
    """Return the fallback ratios before and after a record of a loop whose router is live."""
    contexts = drifting([n % 2 for n in range(800)])
    live = RouterModeChanged(control_id="live", mode="live")
    log = run(_decided(contexts, [(0, PAPER), (0, live), (600, record)], size=200))
    before, after = (
        look(view(log, pages=None), Since(at_ns=at(first)), now_ns=at(last)).fallback_ratio
        for first, last in ((399, 599), (599, 799))
    )
    return before, after


def test_decisions_without_the_package_that_they_should_have_fell_back() -> None:
    before, after = ratios(BACK)

    assert (after.value, after.samples) == (1.0, 200)
    assert (before.value, before.samples) == (0.0, 122), "78 of them were warming up"


def test_decisions_by_weights_that_people_threw_a_switch_for_did_not_fall_back() -> None:
    thrown = SwitchThrown(control_id="w", name="defensive-weights", state="thrown", reason="r")
    _, after = ratios(thrown)

    assert (after.value, after.samples) == (0.0, 200)


# --- recorded data: nothing later than now -----------------------------------------------------


@pytest.mark.parametrize("context", [0, 4, 9, 10, 29, 59])
def test_look_at_recorded_data_sees_nothing_later_than_now(context: int) -> None:
    found = look(view(pages=None), now_ns=at(context))

    assert (found.signals, found.decisions) == (context + 1, context + 1)
    assert found.last_block == (context + 1) // SIZE - 1
    assert found.signal_age_ms.value == 0.0
    assert set(found.symbols) == ({A, B} if context else {A})


def test_looks_at_recorded_data_count_each_context_once() -> None:
    seen, since, counted = view(pages=None), Since(), []
    for context in (3, 4, 14, 15, 40, 59):
        found = look(seen, since, now_ns=at(context))
        counted.append(found.signals)
        since = Since(block=found.last_block, at_ns=at(context))

    assert counted == [4, 1, 10, 1, 25, 19]


def test_before_the_first_context_there_is_nothing() -> None:
    found = look(view(pages=None), now_ns=at(0) - 1)

    assert (found.signals, found.last_block, found.symbols) == (0, -1, {})
    assert found.no_signal == "bootstrap"
    assert found.signal_age_ms.status == "missing"
    assert found.mode == "shadow"


def test_control_record_that_applies_later_in_a_block_is_not_seen_yet() -> None:
    seen = view(pages=None)
    look(seen, now_ns=at(24))
    asked = frozenset({STOPPED.control_id})
    before = run(seen.applied(asked, after_block=-1))
    look(seen, now_ns=at(25))
    after = run(seen.applied(asked, after_block=-1))

    assert (before, after) == (frozenset(), asked)


def test_lag_of_recorded_data_is_none() -> None:
    assert look(view(pages=None)).lag_ms.value == 0.0


# --- governance's own control records ---------------------------------------------------------


def test_control_records_of_governance_are_known_by_where_they_applied() -> None:
    seen = view()
    look(seen)
    ids = frozenset({ALLOTTED.control_id, STOPPED.control_id, BACK.control_id, "m", "never"})

    def applied(after: int) -> set[str]:
        return set(run(seen.applied(ids, after_block=after)))

    assert applied(-1) == {ALLOTTED.control_id, STOPPED.control_id, BACK.control_id}
    assert applied(0) == {STOPPED.control_id, BACK.control_id}
    assert applied(2) == {BACK.control_id}
    assert applied(3) == set()


def test_nothing_applied_before_anybody_looked() -> None:
    assert run(view().applied(frozenset({STOPPED.control_id}), after_block=-1)) == frozenset()


def deciders(seen: LogView, control_id: str, count: int = 5, router: str = "") -> list[str | None]:
    """Return by what the first decisions after a record were made."""
    return list(run(seen.first_deciders(control_id, router=router, count=count)))


def test_first_deciders_come_after_the_record_and_no_other() -> None:
    seen = view()
    look(seen)

    assert deciders(seen, BACK.control_id) == [None] * 5
    assert deciders(seen, STOPPED.control_id, 12) == [eager_package().digest] * 10 + [None] * 2
    assert deciders(seen, BACK.control_id, 99, router="fx-intraday") == [None] * 25
    assert deciders(seen, BACK.control_id, router="another") == []
    assert deciders(seen, "never") == []


def test_record_has_no_deciders_before_it_was_seen_to_apply() -> None:
    seen = view(pages=None)
    look(seen, now_ns=at(34))
    assert deciders(seen, BACK.control_id) == []
    look(seen, now_ns=at(39))
    assert deciders(seen, BACK.control_id) == [None] * 5


@pytest.mark.parametrize("error", [AWAY, None])
def test_log_that_cannot_be_read_names_no_deciders(error: TorghutError | None) -> None:
    log = Failing(whole(), -1, error)
    seen = view(log, budget_ms=100)
    look(seen)
    log.at = 3

    assert deciders(seen, BACK.control_id) == []
    assert log.closed == 2


# --- a log that is out of reach, corrupt, or another one --------------------------------------


def raising(error: TorghutError) -> Callable[[], DecisionLog]:
    """Return what cannot open a log."""

    def open_() -> DecisionLog:
        raise error

    return open_


CUT: Final = TruncatedLogError(place="live.log", expected="block 9", found="block 3")
BROKEN: Final = LogIntegrityError(place="block 3", expected="a", found="b")


def test_log_that_cannot_be_opened_is_an_answer() -> None:
    found = look(view(raising(AWAY)))

    assert (found.last_block, found.signals, found.decisions) == (-1, 0, 0)
    assert (found.no_signal, found.intact) == ("source-unreachable", None)
    assert found.lag_ms.status == found.signal_age_ms.status == "missing"


@pytest.mark.parametrize("error", [BROKEN, CUT], ids=["bytes", "tail"])
def test_log_that_is_not_as_it_was_written_is_no_evidence(error: TorghutError) -> None:
    assert look(view(raising(error))).intact is False
    assert look(view(Failing(whole(), 3, error))).intact is False


def test_what_was_seen_before_a_log_went_away_is_known_still() -> None:
    log = Failing(whole(), -1, AWAY)
    seen = view(log)
    before = look(seen)
    seen.opening = raising(AWAY)
    found = look(seen, Since(block=before.last_block), now_ns=LAST_NS + 7200 * SECOND_NS)

    assert found.symbols == before.symbols
    assert found.mode == "paper"
    assert found.signal_age_ms.value is not None
    assert found.signal_age_ms.value > 7000 * 1000
    assert log.closed == 1


@pytest.mark.parametrize("error", [None, AWAY], ids=["slow", "away"])
@pytest.mark.parametrize("recorded", [True, False])
def test_look_that_broke_off_loses_no_count(error: TorghutError | None, *, recorded: bool) -> None:
    log = Failing(whole(), 4, error)
    seen = view(log, pages=None if recorded else (worker(),), budget_ms=100)
    broken = look(seen)
    log.at = -1
    found = look(seen)

    assert (broken.intact, broken.signals, broken.last_block) == (None, 0, -1)
    assert (found.signals, found.decisions, found.last_block) == (COUNT, COUNT, 5)
    assert found.window_ns == STEP_NS * (COUNT - 1)
    assert log.closed == (3 if error is None else 2), "what got further is tried once more"


class Slow(Failing):
    """A log whose blocks take long, and then are read at once by whoever comes again."""

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        async for block in InMemoryLog.blocks(self, partition, after=after):
            if block.number > after + 1:
                await asyncio.sleep(3600)
            yield block


@pytest.mark.parametrize("recorded", [True, False])
def test_first_look_at_a_long_log_takes_as_many_budgets_as_it_takes(*, recorded: bool) -> None:
    log = Slow(whole(), -1, None)

    found = look(view(log, pages=None if recorded else (worker(),), budget_ms=100))

    assert (found.intact, found.signals, found.last_block) == (True, COUNT, 5)
    assert found.lag_ms.status != "missing"
    assert log.closed == 6, "one block a budget"


def test_log_that_takes_too_long_to_open_is_out_of_reach() -> None:
    log = Failing(whole(), -1, None)

    def slowly() -> DecisionLog:
        time.sleep(0.3)
        return log

    found = look(view(slowly, budget_ms=50))

    assert found.intact is None
    assert log.closed == 1, "what came too late is closed"


def test_log_that_lost_its_tail_since_the_last_look_is_no_evidence() -> None:
    logs = [whole(), run(_decided(rows()[:20], RECORDS[:2]))]
    seen = view(lambda: logs[0])
    look(seen)
    logs.pop(0)

    assert look(seen).intact is False


def test_another_log_in_the_place_of_the_one_before_is_no_evidence() -> None:
    logs = [run(_decided(rows()[:20], RECORDS[:2])), run(_decided(rows(), RECORDS[1:]))]
    seen = view(lambda: logs[0])
    look(seen)
    logs.pop(0)

    assert look(seen).intact is False


def test_log_without_blocks_is_a_beginning() -> None:
    found = look(view(empty_log()))

    assert (found.last_block, found.no_signal, found.intact) == (-1, "bootstrap", True)


# --- sessions, sources and workers --------------------------------------------------------------


SATURDAY_NS: Final = 1_400_328_000 * SECOND_NS
"""2014-05-17, 12:00 UTC: no market of the shipped FX calendar is open."""
WEDNESDAY_NS: Final = 1_400_068_800 * SECOND_NS
"""2014-05-14, 12:00 UTC."""


def test_session_is_that_of_the_symbols_that_are_known() -> None:
    seen = view()
    look(seen)

    assert look(seen, now_ns=WEDNESDAY_NS).session == "open"
    assert look(seen, now_ns=SATURDAY_NS).session == "closed"


def test_market_that_is_closed_is_why_nothing_came() -> None:
    seen = view()
    first = look(seen)
    since = Since(block=first.last_block)

    assert look(seen, since, now_ns=SATURDAY_NS).no_signal == "market-closed"
    assert look(seen, since, now_ns=WEDNESDAY_NS).no_signal == "source-silent"


def test_symbol_that_is_declared_no_more_has_no_known_session() -> None:
    declared = shipped()
    others = tuple(one for one in declared.instruments if one.symbol != A)
    found = look(view(declared=replace(declared, instruments=others)), now_ns=SATURDAY_NS)

    assert found.session == "unknown"


def test_without_instruments_there_is_no_universe() -> None:
    nothing = replace(shipped(), instruments=())
    found = look(view(empty_log(), declared=nothing))

    assert (found.universe, found.no_signal, found.session) == (
        "unavailable",
        "universe-empty",
        "unknown",
    )


def test_records_that_were_all_refused_are_why_nothing_came() -> None:
    bad = rows()[:20].copy()
    bad["bid"] = -1.0
    found = look(view(run(_decided(bad, RECORDS[:1]))))

    assert (found.signals, found.decisions) == (0, 0)
    assert found.no_signal == "records-refused"


@pytest.mark.parametrize(
    ("pages", "lag_ms", "why"),
    [
        ([worker()], 12.0, "source-silent"),
        ([worker(lag_ms=5.0), worker(lag_ms=70_000.0)], 70_000.0, "source-silent"),
        ([worker(lag_ms=None)], None, "source-silent"),
        ([worker(alive=False)], None, "source-unreachable"),
        ([], None, "source-unreachable"),
    ],
    ids=["alive", "the slowest counts", "not measured", "dead", "nobody"],
)
def test_workers_say_how_far_behind_they_are(
    pages: Sequence[WorkerSeen], lag_ms: float | None, why: str
) -> None:
    seen = view(pages=pages)
    first = look(seen)
    found = look(seen, Since(block=first.last_block), now_ns=WEDNESDAY_NS)

    assert found.lag_ms.value == lag_ms
    assert found.no_signal == why


def test_pages_that_cannot_be_read_are_an_answer() -> None:
    def unreadable() -> Sequence[WorkerSeen]:
        raise FileReadError(path=Path("workers"), reason="denied")

    seen = view()
    first = look(seen)
    seen.pages = unreadable
    found = look(seen, Since(block=first.last_block), now_ns=WEDNESDAY_NS)

    assert (found.no_signal, found.lag_ms.status) == ("source-unreachable", "missing")


def test_age_counts_from_when_the_last_decision_stands_no_more() -> None:
    seen = view()
    lives_ns = max(one.lifetime_ns for one in look(seen).symbols.values())

    assert look(seen, now_ns=LAST_NS + lives_ns).signal_age_ms.value == 0.0
    assert look(seen, now_ns=LAST_NS + lives_ns + 1_500_000).signal_age_ms.value == 1.5
