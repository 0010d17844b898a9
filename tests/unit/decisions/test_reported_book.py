"""What a venue reports, rule by rule: it counts once, where its time puts it, and undoes whole."""

from __future__ import annotations

import pytest

from tests.support.decisions.declared import redeclared
from tests.support.decisions.reporting import (
    SETTLE_S,
    TOLERANCE,
    A,
    Feed,
    fresh_fold,
    live_feed,
    report_fill,
    report_position,
)
from tests.support.decisions.rows import SECOND_NS
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.identities import REMEMBERED_FILLS
from torghut.decisions.recording import Taken, record_batch
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.eventlog.block import Head
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.block import read_block_records
from torghut.schemas.codes import Reason
from torghut.schemas.control import ControlRecord, DeclarationsChanged


def flat_feed() -> Feed:
    """Return a live feed whose position was reported as nothing."""
    feed = live_feed()
    feed.take(report_position("flat", 0.0, feed.now_ns))
    return feed


def book_of(feed: Feed) -> tuple[float, float]:
    """Return the reported position and the sum of fills."""
    return float(feed.state["reported_position"]), float(feed.state["reported_fills"])


def codes(feed: Feed, *records: ControlRecord) -> list[str]:
    """Return the codes with which some of ``records`` are refused."""
    feed.take(*records)
    return [str(one.code) for one in feed.decided[-1].refused]


def test_fill_without_a_time_counts_from_when_it_comes() -> None:
    feed = flat_feed()

    feed.take(report_fill("f", 5000.0))

    assert book_of(feed) == (5000.0, 5000.0)
    assert feed.state["reported_ns"] == feed.now_ns


def test_repeated_fill_counts_once_whatever_record_brings_it() -> None:
    feed = flat_feed()
    at_ns = feed.now_ns

    fill, again = (report_fill("f", 5000.0, at_ns=at_ns, control_id=name) for name in "ab")
    feed.take(fill, again, fill)

    assert len(feed.decided[-1].received) == 1
    assert len(feed.decided[-1].repeated) == 2


@pytest.mark.parametrize(
    "said", [{"fee": 0.5}, {"at_ns": 7}, {"quantity": 1.0}, {"replaces": "other"}]
)
def test_fill_id_with_another_content_is_refused(said: dict[str, object]) -> None:
    feed = flat_feed()
    feed.take(report_fill("other", 1.0), report_fill("f", 5000.0))

    again = report_fill("f", **{"quantity": 5000.0, "control_id": "again", **said})  # type: ignore[arg-type]

    assert codes(feed, again) == ["control.id-taken"]
    assert book_of(feed) == (5001.0, 5001.0)


def test_correction_counts_instead_of_the_fill_that_it_replaces() -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0), report_fill("g", 300.0))

    feed.take(report_fill("c", 4000.0, replaces="f"))

    assert book_of(feed) == (4300.0, 4300.0)


def test_correction_of_a_correction_leaves_only_the_last() -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0), report_fill("c", 4000.0, replaces="f"))

    feed.take(report_fill("d", 3000.0, replaces="c"))

    assert book_of(feed) == (3000.0, 3000.0)


def test_fill_can_be_corrected_once() -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0), report_fill("c", 4000.0, replaces="f"))

    assert codes(feed, report_fill("d", 3000.0, replaces="f")) == ["control.fill-replaced"]
    assert book_of(feed) == (4000.0, 4000.0)


@pytest.mark.parametrize(
    "said",
    [{"replaces": "g"}, {"replaces": "c"}, {"replaces": "f", "account": "other"}],
    ids=["no such fill", "itself", "another account's"],
)
def test_correction_of_what_was_never_filled_is_refused(said: dict[str, object]) -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0))

    assert codes(feed, report_fill("c", 4000.0, **said)) == ["control.fill-unknown"]
    assert book_of(feed) == (5000.0, 5000.0)


def test_fill_of_another_symbol_cannot_be_corrected() -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0, symbol="fxcm:NZDUSD"))

    assert codes(feed, report_fill("c", 4000.0, replaces="f")) == ["control.fill-unknown"]


def test_refused_correction_may_come_again_once_its_fill_is_there() -> None:
    feed = flat_feed()
    correction = report_fill("c", 4000.0, replaces="f")
    feed.take(correction)

    feed.take(report_fill("f", 5000.0), correction)

    assert book_of(feed) == (4000.0, 4000.0)


def test_corrections_leave_no_trace_in_the_sums() -> None:
    # 0.1 + 0.2 - 0.2 is not 0.1 in float64.
    feed = flat_feed()
    feed.take(report_fill("f", 0.1), report_fill("g", 0.2), report_fill("h", 0.7))

    feed.take(report_fill("c", 0.0, replaces="g"), report_fill("d", 0.0, replaces="h"))
    feed.take(report_position("p", 0.1, feed.now_ns))

    assert book_of(feed) == (0.1, 0.1)


def test_late_fill_is_in_the_snapshot_already() -> None:
    feed = flat_feed()
    executed_ns = feed.now_ns + SECOND_NS // 2
    feed.take()
    feed.take(report_position("p", 5000.0, feed.now_ns))
    assert book_of(feed) == (5000.0, 0.0)

    feed.take(report_fill("f", 5000.0, at_ns=executed_ns))

    assert book_of(feed) == (5000.0, 5000.0)
    assert feed.state["mismatch_ns"] == 0


def test_snapshot_of_an_earlier_time_keeps_the_fills_since() -> None:
    feed = flat_feed()
    asked_ns = feed.now_ns
    feed.take()
    feed.take(report_fill("f", 5000.0, at_ns=feed.now_ns))

    feed.take(report_position("p", -700.0, asked_ns))

    assert book_of(feed) == (4300.0, 5000.0)


def test_snapshot_older_than_the_last_says_nothing() -> None:
    feed = flat_feed()
    feed.take(report_position("new", 900.0, feed.now_ns))

    feed.take(report_position("old", 5.0, feed.now_ns - 3 * SECOND_NS))

    assert book_of(feed)[0] == 900.0


def test_snapshot_older_than_a_fill_without_a_time_says_nothing() -> None:
    feed = flat_feed()
    asked_ns = feed.now_ns
    feed.take(report_fill("f", 5000.0))

    feed.take(report_position("p", 0.0, asked_ns))

    assert book_of(feed) == (5000.0, 5000.0)


def test_correction_of_a_fill_that_a_snapshot_holds_changes_the_sum_only() -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0, at_ns=feed.now_ns + 1))
    feed.take(report_fill("g", 2000.0))
    feed.take(report_position("p", 6400.0, feed.now_ns))

    feed.take(
        report_fill("c", 4500.0, replaces="f"),  # where and when f was executed, unless it says
        report_fill("d", 1900.0, replaces="g"),
    )

    assert book_of(feed) == (6400.0, 6400.0)


def test_correction_may_say_another_time() -> None:
    feed = flat_feed()
    feed.take(report_fill("f", 5000.0, at_ns=feed.now_ns + 1))
    feed.take(report_position("p", 0.0, feed.now_ns))

    feed.take(report_fill("c", 5000.0, replaces="f", at_ns=feed.now_ns))

    assert book_of(feed) == (5000.0, 5000.0)


def test_correction_that_applies_before_its_fill_holds_all_the_same() -> None:
    feed = flat_feed()
    later_ns = feed.now_ns + 5 * SECOND_NS
    feed.take(
        report_fill("f", 5000.0, effective_at_ns=later_ns), report_fill("c", 4000.0, replaces="f")
    )
    assert book_of(feed) == (4000.0, 4000.0)

    for _ in range(6):
        feed.take()

    assert book_of(feed) == (4000.0, 4000.0)


def test_missing_fill_allows_reducing_only_from_the_declared_time_until_it_comes() -> None:
    feed = flat_feed()
    executed_ns = feed.now_ns + SECOND_NS // 2
    feed.take(report_fill("f", 3000.0, at_ns=feed.now_ns + 1))
    feed.take(report_position("p", 5000.0, feed.now_ns))

    early = feed.decision(step_s=SETTLE_S - 1)
    waited = feed.decision(step_s=70)  # past dwell too
    healed = feed.decision(report_fill("late", 2000.0, at_ns=executed_ns), step_s=70)

    unreconciled = [
        bool(int(row["reasons"]) >> Reason.POSITION_UNRECONCILED & 1)
        for row in (early, waited, healed)
    ]
    assert unreconciled == [False, True, False]
    assert waited["target"] <= 5000.0 < healed["target"]


def test_missing_fill_can_be_written_off_and_does_not_count_when_it_comes_after_all() -> None:
    feed = flat_feed()
    executed_ns = feed.now_ns + SECOND_NS // 2
    feed.take()
    feed.take(report_position("p", 5000.0, feed.now_ns))
    assert feed.state["mismatch_ns"] > 0

    feed.take(report_position("q", 5000.0, feed.now_ns, why="the venue lost f"))
    assert (book_of(feed), int(feed.state["mismatch_ns"])) == ((5000.0, 5000.0), 0)
    feed.take(report_fill("f", 5000.0, at_ns=executed_ns))

    assert book_of(feed) == (5000.0, 5000.0)


def test_difference_within_the_tolerance_is_not_timed() -> None:
    # Or the next difference, however fresh, would have lasted long at once.
    feed = flat_feed()
    feed.take(report_position("p", TOLERANCE, feed.now_ns))
    feed.take(step_s=10 * SETTLE_S)
    assert feed.state["mismatch_ns"] == 0

    row = feed.decision(report_position("q", TOLERANCE + 1.0, feed.now_ns))

    assert feed.state["mismatch_ns"] == feed.now_ns
    assert not int(row["reasons"]) >> Reason.POSITION_UNRECONCILED & 1


def test_other_tolerance_judges_the_difference_anew() -> None:
    feed = flat_feed()
    feed.take(report_position("p", 50.0, feed.now_ns))
    strict = _tolerating("10")
    feed.fold.register(strict)

    feed.take(DeclarationsChanged(control_id="d", declarations=strict.digest))

    assert feed.state["mismatch_ns"] == feed.now_ns


def test_fill_before_the_first_snapshot_is_part_of_it() -> None:
    feed = live_feed()
    executed_ns = feed.now_ns
    feed.take(report_position("p", 5000.0, executed_ns + SECOND_NS))

    feed.take(report_fill("f", 2000.0, at_ns=executed_ns))

    assert book_of(feed) == (5000.0, 5000.0)


def test_first_snapshot_keeps_the_fills_since_where_their_time_is_known() -> None:
    feed = live_feed()
    asked_ns = feed.now_ns
    feed.take(step_s=2)
    feed.take(report_fill("f", 2000.0, at_ns=asked_ns), report_fill("g", 300.0, at_ns=asked_ns + 1))

    feed.take(report_position("p", 5000.0, asked_ns))

    assert book_of(feed) == (5300.0, 5300.0)


def test_first_snapshot_disagrees_with_later_fills_whose_time_is_not_known() -> None:
    feed = live_feed()
    asked_ns = feed.now_ns
    feed.take(report_fill("f", 2000.0))

    feed.take(report_position("p", 5000.0, asked_ns))

    assert book_of(feed) == (5000.0, 7000.0)
    assert feed.state["mismatch_ns"] == feed.now_ns


def test_only_the_last_fills_of_a_symbol_are_remembered() -> None:
    feed = flat_feed()
    fills = [
        report_fill(f"f{n}", 1.0, at_ns=feed.now_ns + n + 1) for n in range(REMEMBERED_FILLS + 2)
    ]
    asked_ns = feed.now_ns
    feed.take(*fills)

    refused = codes(
        feed,
        report_fill("c0", 0.0, replaces="f1"),
        report_fill("c1", 0.0, replaces="f2"),
        report_position("p", 0.0, asked_ns + 1),  # f1 cannot be told from it any more
    )

    assert refused == ["control.fill-unknown"]
    assert book_of(feed) == (REMEMBERED_FILLS + 1.0, REMEMBERED_FILLS + 1.0)
    assert len(feed.fold.identities.fills[A]) <= REMEMBERED_FILLS


def test_restart_takes_the_book_up_where_it_was() -> None:
    feed = flat_feed()
    later_ns = feed.now_ns + 5 * SECOND_NS
    feed.take(
        report_fill("f", 0.1, at_ns=feed.now_ns),
        report_fill("g", 0.2, effective_at_ns=later_ns),
        report_fill("c", 0.3, replaces="g"),
        report_position("p", 7.0, feed.now_ns),
    )
    body = take_snapshot(feed.fold)
    again = fresh_fold()
    restore_snapshot(again, body)
    assert take_snapshot(again) == body

    steps = [
        Arrival(row=0, record=report_fill("d", 0.7, replaces="f")),
        Arrival(row=6, record=report_fill("c", 0.3, replaces="g")),
    ]
    rows = feed.batch([1.0] * 8)
    whole, taken_up = (fold.decide(rows.copy(), steps) for fold in (feed.fold, again))

    assert taken_up.arms == whole.arms
    assert taken_up.repeated == whole.repeated == [steps[1]]
    assert take_snapshot(again) == take_snapshot(feed.fold)


def test_report_on_a_decision_that_is_not_in_the_log_is_kept_with_its_code_and_moves_nothing() -> (
    None
):
    feed = flat_feed()
    fill = report_fill("f", 5000.0, decision_id=f"{'00' * 16}:{A}:quote:1/serving")
    before = book_of(feed)

    decided = _take(feed, Arrival(row=0, record=fill, refusal="control.decision-unknown"))
    again = _take(feed, Arrival(row=0, record=fill))

    assert [(one.code, one.arrival.record) for one in decided.refused] == [
        ("control.decision-unknown", fill)
    ]
    assert (before, decided.received) == ((0.0, 0.0), [])
    assert [one.record for one in again.received] == [fill]


def test_block_keeps_why_a_report_was_refused_from_outside() -> None:
    feed = flat_feed()
    fill = report_fill("f", 5000.0, fee=-0.25)
    rows = feed.batch([1.0])
    arrival = Arrival(row=0, record=fill, refusal="control.decision-unknown")

    decided = feed.fold.decide(rows, [arrival])
    taken = Taken(contexts=rows, quarantined=(), cursor=Cursor(record=1), first_symbol=1)
    block = record_batch(feed.fold, taken, decided, Head(partition=0, number=0, digest="ef" * 32))

    (refused,) = read_block_records(block.records).refused
    assert (refused.code, refused.record) == ("control.decision-unknown", fill)


def test_record_taken_before_is_repeated_whatever_is_said_of_it_now() -> None:
    feed = flat_feed()
    fill = report_fill("f", 5000.0)
    feed.take(fill)

    decided = _take(feed, Arrival(row=0, record=fill, refusal="control.decision-unknown"))

    assert (len(decided.repeated), decided.refused) == (1, [])


def _tolerating(tolerance: str) -> Declarations:
    """Return the shipped declarations with another tolerance for A."""

    def change(body: dict[str, object]) -> None:
        risk = body["risk"]
        assert isinstance(risk, dict)
        risk["reconcile_tolerance"] = tolerance

    return redeclared(change, A)


def _take(feed: Feed, arrival: Arrival) -> Decided:
    """Let one record come before the next context."""
    return feed.fold.decide(feed.batch([1.0]), [arrival])
