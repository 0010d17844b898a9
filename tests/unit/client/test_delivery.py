"""The verdict: one reason for each way in which a decision must not be acted on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.live_service import decided, decision, refused
from torghut.client import Limits, State
from torghut.client.delivery import Delivery, Judge
from torghut.client.machine import Machine
from torghut.client.wire.messages import Decided, Refused, read_line
from torghut.schemas.live.position import Position, parse_position

LIVE = State("live", "")
STALE = State("stale", "silence")
STOPPED = State("stopped", "asked for")
NOW_NS = 1_800_000_000_000_000_000


def judge() -> Judge:
    return Judge(
        limits=Limits(remembered=10),
        machine=Machine(wall_ns=lambda: NOW_NS, steady_ns=lambda: 0, chance=lambda: 0),
    )


def given(
    by: Judge,
    at: str = "0:0:0",
    *,
    state: State = LIVE,
    sequence: int = 1,
    came_ns: int | None = NOW_NS,
    speed: float | None = 1.0,
    **fields: Any,  # noqa: ANN401 - as JSON
) -> Delivery:
    """Return a decision as it is handed over."""
    line = decided(at, decision(7, sequence=sequence, **fields), speed=speed)
    read = read_line(line)
    assert isinstance(read, Decided)
    outcome = Decided(at, came_ns, speed, read.decision)
    return by.judge(outcome, line, parse_position(at), state)


def test_fresh_decision_is_to_be_acted_on() -> None:
    delivery = given(judge())

    assert (delivery.verdict, delivery.detail, delivery.actionable) == ("act", "", True)
    assert delivery.decision is not None
    assert delivery.decision.target_position == 1000.0
    assert delivery.position == Position(0, 0, 0)


@pytest.mark.parametrize(
    ("age_s", "speed", "verdict"),
    [
        (10, 1.0, "act"),
        (10.001, 1.0, "expired"),
        (1, 10.0, "act"),
        (1.001, 10.0, "expired"),
        (1e6, None, "act"),
        (-0.9, 1.0, "act"),
        (-1.1, 1.0, "expired"),
    ],
)
def test_decision_expires_by_the_time_since_its_ingress_times_the_speed(
    age_s: float, speed: float | None, verdict: str
) -> None:
    came_ns = NOW_NS - int(age_s * 1_000_000_000)

    assert given(judge(), came_ns=came_ns, speed=speed).verdict == verdict


def test_decision_read_back_from_the_log_is_history() -> None:
    assert given(judge(), came_ns=None).verdict == "history"


def test_decision_after_a_later_one_of_its_symbol_is_overtaken() -> None:
    by = judge()
    given(by, "0:2:0", sequence=2)

    assert given(by, "0:1:0", sequence=1).verdict == "overtaken"
    assert given(by, "0:3:0", sequence=2).verdict == "overtaken"
    assert given(by, "0:4:0", sequence=3).verdict == "act"


def test_decision_handed_over_before_is_a_duplicate_even_if_it_was_discarded() -> None:
    by = judge()
    given(by, state=STALE)

    assert given(by).verdict == "duplicate"


@pytest.mark.parametrize("state", [STALE, STOPPED])
@pytest.mark.parametrize(
    ("held", "target", "acts"),
    [
        (0.0, 1.0, False),
        (5.0, 6.0, False),
        (5.0, -1.0, False),
        (5.0, 5.0, True),
        (5.0, 1.0, True),
        (-5.0, 0.0, True),
        (5.0, None, True),
    ],
)
def test_nothing_opens_while_not_live_and_everything_may_be_reduced(
    state: State, held: float, target: float | None, *, acts: bool
) -> None:
    delivery = given(judge(), state=state, position=held, target_position=target)

    assert delivery.verdict == ("act" if acts else state.name)
    assert delivery.detail == ("" if acts else state.reason)


def test_shadow_never_trades() -> None:
    assert given(judge(), mode="shadow").verdict == "shadow"


def test_refusal_is_told_and_never_acted_on() -> None:
    line = refused("0:1:0", 7)
    read = read_line(line)
    assert isinstance(read, Refused)
    by = judge()
    delivery = by.judge(read, line, Position(0, 1, 0), LIVE)

    assert (delivery.verdict, delivery.detail) == ("refused", "market.crossed-book")
    assert delivery.refusal is not None
    assert by.judge(read, line, Position(0, 1, 0), LIVE).verdict == "duplicate"


def test_memory_of_what_was_handed_over_is_bounded() -> None:
    by = judge()
    for number in range(50):
        given(by, f"0:{number}:0", sequence=number + 1)

    assert len(by._given) == 10  # noqa: SLF001 - memory is what is tested
    assert given(by, "0:0:0", sequence=1).verdict == "overtaken"
