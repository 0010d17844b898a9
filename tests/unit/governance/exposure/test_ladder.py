"""Exposure rises step by step while windows pass, and falls at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from tests.support.decisions.declared import changed
from tests.support.governance.climbing import (
    Told,
    caps,
    climbed,
    exposure_policy,
    hours,
    ladder,
    look,
    window,
    windows,
)
from tests.support.governance.governing import SECOND_NS
from torghut.governance.declarations import parse_exposure_policy
from torghut.governance.exposure.ladder import exposure_cap
from torghut.governance.safety.errors import OutOfOrderError
from torghut.schemas.staging.exposure import ExposureReviewed, ExposureStepped

STEPS: Final = exposure_policy().steps
DAY_MS: Final = 86_400_000


def test_nothing_is_given_before_windows_passed() -> None:
    stream = ladder()
    stream.send(look(stream, hours(0)))

    assert exposure_cap(stream.state, caps()) == 0
    assert stream.state.fraction == 0


def test_climbing_takes_windows_dwell_and_a_drill() -> None:
    stream, hour = climbed(1)
    (event,) = [one for one in stream.events() if isinstance(one, ExposureStepped)]

    assert hour == 4
    assert event.reason == "windows-passed"
    assert (event.came_from, event.fraction) == (STEPS[0], STEPS[1])
    assert exposure_cap(stream.state, caps()) == Decimal(500)


def test_each_step_begins_a_new_streak_and_dwells_again() -> None:
    stream, first = climbed(1)
    _, second = climbed(2)

    assert stream.state.streak == 0
    assert second - first == 4


def test_top_is_the_whole_cap_of_the_stage() -> None:
    stream, hour = climbed(len(STEPS) - 1)
    stream.send(look(stream, hours(hour + 10)))
    last = stream.state.reviewed

    assert exposure_cap(stream.state, caps()) == caps().notional_cap
    assert last is not None
    assert last.holding == ("windows-few", "top")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"stopped": True}, "stopped"),
        ({"rollback": True}, "rollback"),
        ({"caps": caps(target="paper")}, "stage-on-paper"),
        ({"on_paper": True}, "stage-on-paper"),
    ],
)
def test_stop_leads_to_the_bottom_at_once(told: Told, reason: str) -> None:
    stream, hour = climbed(3)
    events = stream.send(look(stream, hours(hour) + SECOND_NS, **told))

    assert isinstance(events[-1], ExposureStepped)
    assert str(events[-1].reason) == reason
    assert events[-1].fraction == STEPS[0]
    assert exposure_cap(stream.state, told.get("caps", caps())) == 0


def test_failing_window_costs_one_step_at_once() -> None:
    stream, hour = climbed(3)
    at_ns = hours(hour) + SECOND_NS
    events = stream.send(look(stream, at_ns, windows=windows(at_ns, good=False)))

    assert isinstance(events[-1], ExposureStepped)
    assert (events[-1].reason, events[-1].fraction) == ("window-failed", STEPS[2])


def test_window_that_overlaps_the_one_that_cost_a_step_costs_no_other() -> None:
    stream, hour = climbed(3)
    for minute in range(60):
        at_ns = hours(hour) + (60 * minute + 1) * SECOND_NS
        stream.send(look(stream, at_ns, windows=windows(at_ns, good=minute % 2 == 1)))

    assert stream.state.fraction == STEPS[2]


def test_failing_on_for_an_hour_costs_the_next_step() -> None:
    stream, hour = climbed(3)
    for later in (0, 1):
        at_ns = hours(hour + later) + SECOND_NS
        stream.send(look(stream, at_ns, windows=windows(at_ns, good=False)))

    assert stream.state.fraction == STEPS[1]


@pytest.mark.parametrize("gone", ["1h", "24h"])
def test_missing_window_is_a_failing_one(gone: str) -> None:
    stream, hour = climbed(2)
    at_ns = hours(hour + 1)
    kept = {name: one for name, one in windows(at_ns).items() if name != gone}
    stream.send(look(stream, at_ns, windows=kept))

    assert stream.state.fraction == STEPS[1]


def test_passing_window_of_an_hour_ago_counts_as_none() -> None:
    stream, hour = climbed(2)
    stream.send(look(stream, hours(hour + 2), windows=windows(hours(hour + 1))))

    assert stream.state.fraction == STEPS[1]


def test_window_from_the_future_counts_as_none() -> None:
    stream, hour = climbed(2)
    stream.send(look(stream, hours(hour + 1), windows=windows(hours(hour + 2))))

    assert stream.state.fraction == STEPS[1]


def test_three_looks_a_minute_apart_are_not_three_windows() -> None:
    stream = ladder()
    for minute in range(200):
        stream.send(look(stream, hours(0) + 60 * minute * SECOND_NS))

    assert stream.state.streak == 4
    assert stream.state.steps == 0


def test_hours_that_nobody_looked_at_begin_a_new_streak() -> None:
    stream = ladder()
    for hour in (0, 1, 9):
        stream.send(look(stream, hours(hour)))

    assert stream.state.streak == 1


def test_closed_market_neither_passes_nor_fails() -> None:
    stream, hour = climbed(2)
    for later in range(1, 49):
        at_ns = hours(hour + later)
        stream.send(look(stream, at_ns, windows=windows(at_ns, closed=True)))

    assert stream.state.fraction == STEPS[2]
    assert stream.state.streak == 0


@pytest.mark.parametrize("age_ms", [None, DAY_MS + 1])
def test_no_step_up_without_a_drill_of_the_last_day(age_ms: int | None) -> None:
    stream = ladder()
    for hour in range(30):
        stream.send(look(stream, hours(hour), drill_age_ms=age_ms))
    last = stream.state.reviewed

    assert stream.state.steps == 0
    assert last is not None
    assert last.holding == ("drill-missing" if age_ms is None else "drill-old",)


def test_continuity_alert_holds_without_a_step_down() -> None:
    stream, hour = climbed(2)
    for later in range(1, 20):
        stream.send(look(stream, hours(hour + later), continuity_alert=True))

    assert stream.state.fraction == STEPS[2]


def test_hours_under_a_thrown_switch_lead_nowhere_and_count_for_nothing() -> None:
    stream, hour = climbed(2)
    for later in range(1, 20):
        stream.send(look(stream, hours(hour + later), switched=True))
    last = stream.state.reviewed

    assert stream.state.fraction == STEPS[2]
    assert stream.state.streak == 0
    assert last is not None
    assert "switch-thrown" in last.holding


def test_look_by_hand_never_leads_up_and_counts_no_window() -> None:
    stream = ladder()
    for hour in range(20):
        stream.send(look(stream, hours(hour), by_hand=True))
    last = stream.state.reviewed

    assert stream.state.fraction == STEPS[0]
    assert stream.state.streak == 0
    assert last is not None
    assert "by-hand" in last.holding


@pytest.mark.parametrize(
    ("told", "fraction"), [({"good": False}, STEPS[1]), ({"good": True}, STEPS[2])]
)
def test_look_by_hand_leads_down_as_any_other(told: dict[str, bool], fraction: Decimal) -> None:
    stream, hour = climbed(2)
    at_ns = hours(hour + 1)
    stream.send(look(stream, at_ns, windows=windows(at_ns, **told), by_hand=True))

    assert stream.state.fraction == fraction


def test_look_by_hand_keeps_the_streak_that_cycles_counted() -> None:
    stream = ladder()
    for hour in (0, 1):
        stream.send(look(stream, hours(hour)))
    stream.send(look(stream, hours(1.5), by_hand=True))
    stream.send(look(stream, hours(2)))

    assert stream.state.streak == 3


def test_windows_that_began_before_the_stage_was_entered_count_for_nothing() -> None:
    stream = ladder()
    streaks = []
    for hour in range(6):
        stream.send(look(stream, hours(hour), entered_ns=hours(2.5)))
        streaks.append(stream.state.streak)

    assert streaks == [0, 0, 0, 0, 1, 2]


def test_streak_of_another_stage_is_none_of_this_one() -> None:
    stream = ladder()
    for hour in (0, 1, 2):
        stream.send(look(stream, hours(hour)))
    assert stream.state.streak == 3
    stream.send(look(stream, hours(3), entered_ns=hours(2.5)))

    assert stream.state.streak == 0


def test_hours_on_paper_lead_nowhere_and_count_for_nothing() -> None:
    stream = ladder()
    for hour in range(1, 4):
        stream.send(look(stream, hours(hour)))
    stream.send(look(stream, hours(4), caps=caps(target="paper")))
    stream.send(look(stream, hours(5)))

    assert (stream.state.streak, stream.state.fraction) == (1, STEPS[0])


def test_failing_window_costs_a_step_whenever_it_began() -> None:
    stream, hour = climbed(2)
    at_ns = hours(hour + 1)
    stream.send(look(stream, at_ns, windows=windows(at_ns, good=False), entered_ns=at_ns))

    assert stream.state.fraction == STEPS[1]


def test_stage_with_a_larger_cap_gives_no_more_than_was_given() -> None:
    stream, hour = climbed(3)
    given = exposure_cap(stream.state, caps())
    larger = caps("100000")

    assert exposure_cap(stream.state, larger) == given
    events = stream.send(look(stream, hours(hour) + SECOND_NS, caps=larger))
    assert isinstance(events[-1], ExposureStepped)
    assert events[-1].reason == "stage-changed"
    assert exposure_cap(stream.state, larger) <= given


def test_stage_with_a_smaller_cap_gives_less_at_once_and_no_more_when_it_grows_again() -> None:
    stream, hour = climbed(3)
    smaller = caps("100")
    stream.send(look(stream, hours(hour) + SECOND_NS, caps=smaller))

    assert exposure_cap(stream.state, smaller) == 25
    stream.send(look(stream, hours(hour) + 2 * SECOND_NS))
    assert exposure_cap(stream.state, caps()) <= 25


def test_steps_declared_otherwise_lead_down_to_one_that_is_there() -> None:
    stream, hour = climbed(3)
    text = 'steps: ["0", "0.1", "0.2", "1"]'
    other = parse_exposure_policy(_policy_text(text), file="exposure.yaml")
    events = stream.send(look(stream, hours(hour) + SECOND_NS, policy=other))

    assert isinstance(events[-1], ExposureStepped)
    assert (events[-1].reason, events[-1].fraction) == ("steps-changed", Decimal("0.2"))


def test_last_look_again_changes_nothing_and_any_other_number_is_refused() -> None:
    stream = ladder()
    first = look(stream, hours(0))
    stream.send(first)

    assert stream.send(first) == []
    for number in (0, 3):
        with pytest.raises(OutOfOrderError):
            stream.send(replace(first, review=number))
    for other in (
        replace(first, stopped=True),
        replace(first, switched=True),
        replace(first, by_hand=True),
        replace(first, on_paper=True),
    ):
        with pytest.raises(OutOfOrderError):
            stream.send(other)


def test_clock_that_is_set_back_lets_nothing_come_earlier() -> None:
    stream = ladder()
    stream.send(look(stream, hours(0)))
    stream.send(look(stream, hours(-10), windows=windows(hours(-10))))
    last = stream.events()[-1]

    assert isinstance(last, ExposureReviewed)
    assert last.at_ns == hours(0)
    assert "window-missing" in last.holding


def test_one_failing_window_is_enough() -> None:
    stream, hour = climbed(2)
    at_ns = hours(hour + 1)
    seen = windows(at_ns) | {"24h": window("24h", at_ns, good=False)}
    stream.send(look(stream, at_ns, windows=seen))

    assert stream.state.fraction == STEPS[1]


def _policy_text(steps: str) -> str:
    """Return the shipped ladder with other steps."""
    return changed(
        "governance/policies/exposure.yaml",
        'steps: ["0", "0.05", "0.1", "0.25", "0.5", "1"]',
        steps,
    )
