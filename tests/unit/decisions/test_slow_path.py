"""A context that asks for advice waits, is decided once, on the state of then, within bounds."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from tests.support.decisions.asking import (
    NAMES,
    asking,
    asking_fold,
    course,
    mode_record,
    resolution,
    resolving,
)
from tests.support.decisions.kernels import reference
from tests.support.decisions.rows import SECOND_NS
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import Taken, read_block, record_batch, symbols_of
from torghut.eventlog.block import Head
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.codes import PENDING, Intent, Path, Reason, Resolution
from torghut.schemas.control import ControlRecord, StopChanged, SwitchThrown
from torghut.schemas.rows import DECISION, RowArray

A, B, _ = NAMES
LONG: Final = 80  # contexts of one symbol until it wishes for a position


def rows_of(decided: Decided, arm: str = SERVING) -> RowArray:
    """Return the decisions of a batch."""
    return np.frombuffer(decided.arms[arm].rows, DECISION)


def says(row: np.void, reason: Reason) -> bool:
    """Say whether a decision carries a reason."""
    return bool(int(row["reasons"]) >> reason & 1)


def waiting_fold(
    mode: str = "active", **bounds: float
) -> tuple[DecisionFold, RowArray, int, Decided]:
    """Return a fold whose first symbol waits, all contexts, how many it took, and the last batch.

    It is given one context at a time until one waits.
    """
    fold = asking_fold(asking(**bounds))
    rows = course([0] * (2 * LONG))
    records: list[Arrival] = [Arrival(row=0, record=mode_record(mode))]
    for place in range(len(rows)):
        decided = fold.decide(rows[place : place + 1], records)
        records = []
        if decided.asked:
            return fold, rows, place + 1, decided
    pytest.fail("nothing ever asked for advice")


def resolve(fold: DecisionFold, *records: ControlRecord) -> Decided:
    """Let records come between contexts."""
    none = course([])
    return fold.decide(none, [Arrival(row=0, record=one) for one in records])


def test_context_that_asks_waits_and_has_no_decision() -> None:
    fold, rows, taken, decided = waiting_fold()

    assert decided.outcomes.tolist() == [PENDING]
    assert len(rows_of(decided)) == 0
    asked = np.frombuffer(decided.asked[0].row, DECISION)[0]
    assert asked["path"] == Path.SLOW
    assert asked["target"] != 0.0
    assert asked["receive_ns"] == rows["receive_ns"][taken - 1]
    assert fold.awaiting(0) is not None


def test_what_is_asked_about_is_told_with_what_the_gates_leave() -> None:
    _, _, _, decided = waiting_fold()

    asked = np.frombuffer(decided.asked[0].row, DECISION)[0]
    assert asked["sequence"] == 0
    assert (asked["gate_status"] > 0).sum() > 5
    assert abs(asked["target"]) * asked["reference_price"] <= asked["allotment"]


def test_approval_decides_the_gated_target_on_the_state_of_now() -> None:
    fold, rows, taken, _ = waiting_fold()
    before = int(fold.arms[SERVING]["sequence"][0])
    now_ns = int(rows["receive_ns"][taken - 1]) + SECOND_NS // 2

    decided = resolve(fold, resolution(fold, A, at_ns=now_ns))

    (row,) = rows_of(decided)
    assert says(row, Reason.ADVICE_APPROVED)
    assert row["intent"] in {Intent.BUY, Intent.SELL}
    assert row["decided_ns"] == now_ns
    assert row["receive_ns"] == rows["receive_ns"][taken - 1]
    assert row["sequence"] == before + 1
    assert decided.resolved == [0]
    assert fold.awaiting(0) is None


def test_adjustment_takes_a_share_of_what_an_approval_takes() -> None:
    whole, _, _, _ = waiting_fold()
    half, _, _, _ = waiting_fold()

    (approved,) = rows_of(resolve(whole, resolution(whole, A)))
    (adjusted,) = rows_of(resolve(half, resolution(half, A, "adjust", factor=0.5)))

    assert says(adjusted, Reason.ADVICE_ADJUSTED)
    assert 0.0 < abs(adjusted["target"]) <= abs(approved["target"]) / 2


@pytest.mark.parametrize("bound", ["raise", "cap"])
def test_adjustment_takes_a_share_where_a_limit_binds_too(bound: str) -> None:
    folds = [waiting_fold(raise_ratio=0.4 if bound == "raise" else 1.0)[0] for _ in range(2)]
    if bound == "cap":
        for fold in folds:
            allotment = float(fold.arms[SERVING]["allotment"][0])
            fold.arms[SERVING]["notional_cap"][0] = 0.4 * allotment

    (approved,) = rows_of(resolve(folds[0], resolution(folds[0], A)))
    (adjusted,) = rows_of(resolve(folds[1], resolution(folds[1], A, "adjust", factor=0.5)))

    assert abs(approved["target"]) > 0.0
    assert 0.4 < adjusted["target"] / approved["target"] <= 0.5


def test_adjustment_to_nothing_leaves_nothing() -> None:
    fold, _, _, _ = waiting_fold()

    (row,) = rows_of(resolve(fold, resolution(fold, A, "adjust", factor=0.0)))

    assert row["target"] == 0.0


@pytest.mark.parametrize("how", [r for r in Resolution if r > Resolution.ADJUST])
def test_whatever_is_no_approval_raises_no_exposure(how: Resolution) -> None:
    fold, _, _, _ = waiting_fold()

    (row,) = rows_of(resolve(fold, resolution(fold, A, how.name.lower().replace("_", "-"))))

    assert says(row, how.reason)
    assert row["path"] == Path.SLOW
    assert abs(row["target"]) <= abs(row["position"])


def test_fallback_may_add_what_is_declared_for_it_and_a_veto_may_not() -> None:
    late, _, _, _ = waiting_fold(fallback=0.05)
    veto, _, _, _ = waiting_fold(fallback=0.05)

    (fallen,) = rows_of(resolve(late, resolution(late, A, "timed-out")))
    (vetoed,) = rows_of(resolve(veto, resolution(veto, A, "veto")))

    assert 0.0 < abs(fallen["target"]) * fallen["reference_price"] <= 0.05 * fallen["allotment"]
    assert vetoed["target"] == 0.0


def test_approval_adds_no_more_than_is_declared_for_it() -> None:
    fold, _, _, _ = waiting_fold(raise_ratio=0.1)

    (row,) = rows_of(resolve(fold, resolution(fold, A)))

    assert 0.0 < abs(row["target"]) * row["reference_price"] <= 0.1 * row["allotment"]


def test_meanwhile_the_symbol_is_decided_fast_and_opens_nothing() -> None:
    fold, rows, taken, _ = waiting_fold()

    decided = fold.decide(rows[taken : taken + 3])

    assert not decided.asked
    for row in rows_of(decided):
        assert row["path"] == Path.FAST
        assert says(row, Reason.ADVICE_IN_FLIGHT)
        assert abs(row["target"]) <= abs(row["position"])


def test_another_symbol_does_not_notice() -> None:
    fold, _, _, _ = waiting_fold()

    decided = fold.decide(course([1, 1]))

    assert not any(says(row, Reason.ADVICE_IN_FLIGHT) for row in rows_of(decided))


def test_stop_that_came_while_it_waited_holds_when_it_is_resolved() -> None:
    fold, _, _, _ = waiting_fold()
    stop = StopChanged(control_id="stop", state="stopped", reason="r")

    decided = resolve(fold, stop, resolution(fold, A))

    (row,) = rows_of(decided)
    assert says(row, Reason.STOPPED)
    assert says(row, Reason.ADVICE_APPROVED)
    assert row["target"] == 0.0
    applied = [(one.control_id, one.resolution != "") for one in decided.applied]
    assert applied[0] == ("stop", True)


def test_switch_to_deterministic_only_makes_advice_count_no_more() -> None:
    fold, _, _, _ = waiting_fold()
    thrown = SwitchThrown(control_id="s", name="deterministic-only", state="thrown", reason="r")

    (row,) = rows_of(resolve(fold, thrown, resolution(fold, A)))

    assert says(row, Reason.DETERMINISTIC_ONLY)
    assert row["target"] == 0.0


def test_reasoning_switched_off_meanwhile_makes_advice_count_no_more() -> None:
    fold, _, _, _ = waiting_fold()

    (row,) = rows_of(resolve(fold, mode_record("off", "off"), resolution(fold, A)))

    assert says(row, Reason.REASONING_OFF)
    assert row["target"] == 0.0


def test_advice_on_another_price_is_superseded_and_holds() -> None:
    fold, rows, taken, _ = waiting_fold(move_ratio=1e-4)
    later = rows[taken : taken + 1].copy()
    later["bid"] *= 1.001
    later["ask"] *= 1.001
    fold.decide(later)
    target = float(fold.arms[SERVING]["target"][0])

    (row,) = rows_of(resolve(fold, resolution(fold, A)))

    assert says(row, Reason.ADVICE_SUPERSEDED)
    assert (row["intent"], row["target"]) == (Intent.HOLD, target)


def test_advice_on_another_regime_is_superseded_and_holds() -> None:
    fold, _, _, _ = waiting_fold()
    same, _, _, _ = waiting_fold()
    state = fold.arms[SERVING][0]
    before = int(state["pending_regime"])
    other = 1 - before
    state["posterior"][[before, other]] = state["posterior"][[other, before]]

    (row,) = rows_of(resolve(fold, resolution(fold, A)))
    (unmoved,) = rows_of(resolve(same, resolution(same, A)))

    assert says(row, Reason.ADVICE_SUPERSEDED)
    assert (row["intent"], row["target"]) == (Intent.HOLD, 0.0)
    assert not says(unmoved, Reason.ADVICE_SUPERSEDED)
    assert unmoved["target"] != 0.0


def test_advice_before_a_newer_target_is_superseded_and_holds() -> None:
    fold, _, _, _ = waiting_fold()
    same, _, _, _ = waiting_fold()
    newer = 0.25 * float(rows_of(resolve(same, resolution(same, A)))["target"][0])
    fold.arms[SERVING]["target"][0] = newer

    (row,) = rows_of(resolve(fold, resolution(fold, A)))

    assert newer != 0.0
    assert says(row, Reason.ADVICE_SUPERSEDED)
    assert (row["intent"], row["target"]) == (Intent.HOLD, newer)


def test_decision_after_its_own_lifetime_holds() -> None:
    fold, rows, taken, _ = waiting_fold()
    fold.decide(rows[taken : taken + 1])  # 20 s later, when nobody acts on the other any more

    (row,) = rows_of(resolve(fold, resolution(fold, A)))

    assert row["decided_ns"] > row["valid_until_ns"]
    assert says(row, Reason.ADVICE_SUPERSEDED)
    assert says(row, Reason.BUDGET_MISSED)
    assert (row["intent"], row["target"]) == (Intent.HOLD, 0.0)


def test_resolution_within_the_budget_misses_nothing() -> None:
    fold, rows, taken, _ = waiting_fold()

    at_ns = int(rows["receive_ns"][taken - 1]) + SECOND_NS
    (row,) = rows_of(resolve(fold, resolution(fold, A, at_ns=at_ns)))

    assert not says(row, Reason.BUDGET_MISSED)


@pytest.mark.parametrize("again", ["same record", "another answer"])
def test_second_resolution_is_refused_and_changes_nothing(again: str) -> None:
    fold, _, _, _ = waiting_fold()
    first = resolution(fold, A)
    second = first if again == "same record" else resolving(first.context_id, "veto")

    decided = resolve(fold, first, second)

    assert [str(one.code) for one in decided.refused] == ["control.advice-unawaited"]
    assert len(rows_of(decided)) == 1
    assert says(rows_of(decided)[0], Reason.ADVICE_APPROVED)


def test_resolution_of_what_never_waited_is_refused() -> None:
    fold = asking_fold()

    decided = resolve(fold, resolving(f"{'cd' * 16}:{A}:quote:7"))

    assert [str(one.code) for one in decided.refused] == ["control.advice-unawaited"]


def test_shadow_decides_as_off_does_but_for_the_reason() -> None:
    off, shadow = asking_fold(), asking_fold()
    rows = course([0] * LONG * 2)

    plain = rows_of(off.decide(rows))
    beside = rows_of(shadow.decide(rows, [Arrival(row=0, record=mode_record("shadow"))]))

    differs = [
        name for name in DECISION.names or () if plain[name].tobytes() != beside[name].tobytes()
    ]
    assert differs == ["reasons", "lineage"]
    assert any(says(row, Reason.REASONING_SHADOW) for row in beside)


def test_shadow_asks_in_the_words_of_an_active_path() -> None:
    _, rows, taken, active = waiting_fold()
    fold = asking_fold(asking())

    shadow = fold.decide(rows[:taken], [Arrival(row=0, record=mode_record("shadow"))])

    assert not shadow.asked
    assert [one.context for one in shadow.shadowed] == [taken - 1]
    now, then = (np.frombuffer(one.row, DECISION) for one in (shadow.shadowed[0], active.asked[0]))
    differs = [n for n in DECISION.names or () if now[n].tobytes() != then[n].tobytes()]
    assert differs == ["lineage"]  # of the record that set the mode
    assert shadow.outcomes.tolist() == [0] * taken


@pytest.mark.parametrize("shadow_router", [False, True])
def test_shadow_asks_beside_each_decision_in_every_batching_and_kernel(
    *, shadow_router: bool
) -> None:
    rows = course([0, 1, 1, 0] * LONG)
    records = [Arrival(row=0, record=mode_record("shadow"))]
    whole = asking_fold(shadow_router=shadow_router)
    parts = asking_fold(shadow_router=shadow_router)
    plain = asking_fold(shadow_router=shadow_router)
    plain.kernel = reference()

    one = whole.decide(rows, records)
    slow = plain.decide(rows, records)
    split = [
        parts.decide(rows[n : n + 7], records if n == 0 else ()) for n in range(0, len(rows), 7)
    ]

    questions = [asked.row for asked in one.shadowed]
    assert len(questions) > 20
    assert [asked.row for part in split for asked in part.shadowed] == questions
    assert [asked.row for asked in slow.shadowed] == questions
    for arm in one.arms:
        assert b"".join(part.arms[arm].rows for part in split) == one.arms[arm].rows
        assert slow.arms[arm].rows == one.arms[arm].rows
        assert len(rows_of(one, arm)) == len(rows)


def test_reasoning_mode_of_one_symbol_leaves_the_others_alone() -> None:
    fold = asking_fold()
    rows = course([0, 1] * LONG * 2, step_s=10)

    decided = fold.decide(rows, [Arrival(row=0, record=mode_record("active", symbol=B))])

    assert {int(rows["symbol"][one.context]) for one in decided.asked} == {1}


def test_block_says_what_waits_and_what_was_resolved_and_can_be_read_back() -> None:
    fold, rows, taken, decided = waiting_fold()
    head = Head(partition=0, number=4, digest="ef" * 32)
    first = record_batch(fold, _taken(rows[taken - 1 : taken]), decided, head)
    after = fold.decide(rows[taken : taken + 2], [Arrival(row=1, record=resolution(fold, A))])
    second = record_batch(fold, _taken(rows[taken : taken + 2]), after, head)

    said = read_block(first).header.counts
    assert (said.contexts, said.decisions, said.pending, said.resolved) == (1, 0, 1, 0)
    then = read_block(second)
    assert (then.header.counts.pending, then.header.counts.resolved) == (1, 1)
    assert then.header.counts.decisions == 2
    assert [place for place, _ in then.resolutions] == after.resolved == [1]
    assert symbols_of(rows_of(after), then.header).tolist() == [0, 0]


def test_block_names_symbol_and_source_of_what_it_resolves_without_their_contexts() -> None:
    fold, _, _, _ = waiting_fold()
    decided = resolve(fold, resolution(fold, A))

    block = record_batch(
        fold, _taken(course([])), decided, Head(partition=0, number=4, digest="ef" * 32)
    )

    header = read_block(block).header
    assert header.symbols == {0: A}
    assert header.sources == {0: "cd" * 32}


def _taken(contexts: RowArray) -> Taken:
    """Return contexts as they were taken."""
    return Taken(contexts=contexts, quarantined=(), cursor=Cursor(), first_symbol=3)
