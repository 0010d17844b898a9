"""The simulated venue: each order once, the same fate from the same seed, and nothing forgotten."""

from __future__ import annotations

import contextlib
import math
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from torghut.client.errors import JournalError, OrderMalformedError
from torghut.client.venue import Habits, SimulatedVenue
from torghut.client.wire.offers import Fill, Order, PositionHeld

EUR = "fxcm:EURUSD"
NZD = "fxcm:NZDUSD"


def venue_in(folder: Path, habits: Habits | None = None, *, seed: int = 0) -> SimulatedVenue:
    return SimulatedVenue(journal=folder / "venue.jsonl", seed=seed, habits=habits)


def test_order_is_filled_whole_at_the_far_side_and_reported(tmp_path: Path) -> None:
    with venue_in(tmp_path) as venue:
        assert venue.send("d1", EUR, 1000, 5)
        assert venue.working(EUR) == 1000
        reports = [due.record for due in venue.advance(6, EUR, 1.0, 1.5)]

        assert (venue.position(EUR), venue.working(EUR)) == (1000, 0)
        accepted, filled, held = reports
        assert isinstance(accepted, Order)
        assert (accepted.decision_id, accepted.status) == ("d1", "accepted")
        assert isinstance(filled, Fill)
        assert (filled.quantity, filled.price, filled.decision_id, filled.at_ns) == (
            1000,
            1.5,
            "d1",
            6,
        )
        assert isinstance(held, PositionHeld)
        assert (held.quantity, held.as_of_ns) == (1000, 6)
        venue.send("d2", EUR, -1500, 7)
        sold = venue.advance(8, EUR, 1.0, 1.5)
        assert [one.record.price for one in sold if isinstance(one.record, Fill)] == [1.5, 1.0]
        assert venue.position(EUR) == -500


def test_order_of_an_id_is_taken_once_whatever_its_fate(tmp_path: Path) -> None:
    with venue_in(tmp_path, Habits(reject_ratio=1)) as venue:
        assert venue.send("d1", EUR, 1000, 5)
        assert not venue.send("d1", EUR, 1000, 5)
        venue.advance(6, EUR, 1.0, 1.5)

        assert not venue.send("d1", EUR, 1000, 7)
        assert (venue.position(EUR), venue.working(EUR)) == (0, 0)
        assert [r.record.status for r in venue.unreported if isinstance(r.record, Order)] == [
            "rejected"
        ]


def test_nothing_is_filled_before_the_latency_has_passed_or_by_an_older_quote(
    tmp_path: Path,
) -> None:
    with venue_in(tmp_path, Habits(latency_ns=10)) as venue:
        venue.send("d1", EUR, 1000, 5)
        for symbol, time_ns in ((EUR, 14), (EUR, 13), (NZD, 100)):
            venue.advance(time_ns, symbol, 1.0, 1.5)
            assert (venue.position(EUR), venue.working(EUR)) == (0, 1000)

        venue.advance(15, EUR, 1.0, 1.5)
        assert venue.position(EUR) == 1000


def test_position_is_stated_at_first_when_it_changes_and_now_and_then(tmp_path: Path) -> None:
    with venue_in(tmp_path, Habits(state_every_ns=10)) as venue:
        for time_ns in range(1, 25):
            venue.advance(time_ns, EUR, 1.0, 1.5)
            if time_ns == 4:
                venue.send("d1", EUR, 1000, time_ns)
        stated = [one.record for one in venue.unreported if isinstance(one.record, PositionHeld)]

    assert [(one.as_of_ns, one.quantity) for one in stated] == [(1, 0), (5, 1000), (15, 1000)]


def test_partial_fills_add_up_and_rest_in_between(tmp_path: Path) -> None:
    with venue_in(tmp_path, Habits(partial_ratio=1, latency_ns=10)) as venue:
        venue.send("d1", EUR, 1000, 0)
        held = []
        for time_ns in range(10, 100, 10):
            venue.advance(time_ns, EUR, 1.0, 1.5)
            assert venue.position(EUR) + venue.working(EUR) == 1000
            held.append(venue.position(EUR))

        assert held == [500, 750, 875, 937.5, 1000, 1000, 1000, 1000, 1000]


def test_entries_are_cancelled_and_exits_rest(tmp_path: Path) -> None:
    with venue_in(tmp_path) as venue:
        venue.send("d1", EUR, 1000, 0)
        venue.advance(1, EUR, 1.0, 1.5)
        venue.send("exit", EUR, -400, 2)
        venue.send("more", EUR, 1, 2)
        venue.send("turn", EUR, -1001, 2)
        venue.send("other", NZD, 5, 2)

        assert venue.cancel_entries(EUR) == 2
        assert [one.order_id for one in venue.orders_working] == ["exit", "other"]
        assert venue.cancel_entries() == 1
        assert venue.cancel("exit", "exit", "unknown") == 1
        statuses = [r.record.status for r in venue.unreported if isinstance(r.record, Order)]
        assert statuses.count("cancelled") == 4


def test_reports_come_until_they_are_marked_also_after_a_restart(tmp_path: Path) -> None:
    with venue_in(tmp_path) as venue:
        venue.send("d1", EUR, 1000, 0)
        first, *_ = venue.advance(1, EUR, 1.0, 1.5)
        venue.mark_reported(first)
        venue.mark_reported(first)
        left = venue.unreported

    with venue_in(tmp_path) as venue:
        assert list(venue.unreported) == list(left)
        venue.mark_reported(*left)
    with venue_in(tmp_path) as venue:
        assert list(venue.unreported) == []
        assert venue.position(EUR) == 1000


def test_duplicate_late_missing_and_corrected_reports_come_when_asked_for(tmp_path: Path) -> None:
    with venue_in(tmp_path, Habits(duplicate_ratio=1, late_ratio=1, late_ns=10)) as venue:
        venue.send("d1", EUR, 1000, 0)
        assert venue.advance(1, EUR, 1.0, 1.5) == []
        late = venue.advance(11, EUR, 1.0, 1.5)
        assert [due.record for due in late[::2]] == [due.record for due in late[1::2]]
        assert len(late) == 6
    (tmp_path / "venue.jsonl").unlink()
    with venue_in(tmp_path, Habits(missing_ratio=1)) as venue:
        venue.send("d1", EUR, 1000, 0)
        told = [type(due.record) for due in venue.advance(1, EUR, 1.0, 1.5)]
        assert told == [Order, PositionHeld]
    (tmp_path / "venue.jsonl").unlink()
    with venue_in(tmp_path, Habits(correct_ratio=1)) as venue:
        venue.send("d1", EUR, 1000, 0)
        venue.advance(1, EUR, 1.0, 1.5)
        assert venue.position(EUR) == 1000
        venue.advance(2, EUR, 1.0, 1.5)
        fills = [due.record for due in venue.unreported if isinstance(due.record, Fill)]
        assert [(one.quantity, one.replaces) for one in fills] == [
            (1000, None),
            (500, fills[0].fill_id),
        ]
        assert venue.position(EUR) == 500
        venue.advance(3, EUR, 1.0, 1.5)
        assert venue.position(EUR) == 500


def test_line_that_was_not_written_whole_never_held(tmp_path: Path) -> None:
    with venue_in(tmp_path) as venue:
        venue.send("d1", EUR, 1000, 0)
    path = tmp_path / "venue.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"placed","rec')

    with venue_in(tmp_path) as venue:
        assert path.read_bytes() == whole
        assert venue.working(EUR) == 1000


@contextlib.contextmanager
def room_for(path: Path, more: int) -> Iterator[None]:
    """Let the file grow by so many bytes and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("more", [0, 10])
def test_order_for_which_the_disk_has_no_room_never_held_and_the_next_one_does(
    tmp_path: Path, more: int
) -> None:
    with venue_in(tmp_path) as venue:
        with room_for(tmp_path / "venue.jsonl", more), pytest.raises(JournalError):
            venue.send("d1", EUR, 1000, 0)
        assert venue.working(EUR) == 0
        venue.send("d2", EUR, 500, 0)

    with venue_in(tmp_path) as venue:
        assert [one.order_id for one in venue.orders_working] == ["d2"]


def test_journal_of_another_venue_damaged_or_in_use_is_refused(tmp_path: Path) -> None:
    with (
        venue_in(tmp_path),
        pytest.raises(JournalError, match="another process writes"),
    ):
        venue_in(tmp_path)
    with pytest.raises(JournalError, match="another seed"):
        venue_in(tmp_path, seed=1)
    (tmp_path / "venue.jsonl").write_bytes(b"{}\n")
    with pytest.raises(JournalError, match="a line that is none"):
        venue_in(tmp_path)
    with pytest.raises(JournalError):
        venue_in(tmp_path / "venue.jsonl")


@pytest.mark.parametrize("quantity", [0.0, math.nan, math.inf])
def test_order_without_a_quantity_is_refused(tmp_path: Path, quantity: float) -> None:
    with venue_in(tmp_path) as venue, pytest.raises(OrderMalformedError):
        venue.send("d1", EUR, quantity, 0)


@pytest.mark.parametrize(("bid", "ask"), [(0, 1), (2, 1), (1, math.inf), (math.nan, 1)])
def test_quote_that_is_none_is_refused(tmp_path: Path, bid: float, ask: float) -> None:
    with venue_in(tmp_path) as venue, pytest.raises(OrderMalformedError):
        venue.advance(1, EUR, bid, ask)


@pytest.mark.parametrize("wrong", [{"reject_ratio": 1.1}, {"latency_ns": -1}])
def test_habits_that_nobody_can_have_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Habits(**wrong)  # type: ignore[arg-type]
