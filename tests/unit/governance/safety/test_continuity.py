"""The continuity alert comes when signals are missing too often, and goes when they are back."""

from __future__ import annotations

from typing import Final, Literal

import pytest

from tests.support.governance.governing import SECOND_NS, START_NS, Memory, safety_policy
from torghut.governance.safety.continuity import CONTINUITY, ContinuityState, ObserveCycle
from torghut.governance.safety.errors import OutOfOrderError, ReasonMissingError
from torghut.schemas.governing.continuity import (
    CONTINUITY_EVENT,
    AlertCleared,
    AlertRaised,
    ContinuityEvent,
    NoSignalReason,
)

Continuity = Memory[ObserveCycle, ContinuityEvent, ContinuityState]
Session = Literal["open", "closed", "unknown"]
SILENT: Final[NoSignalReason] = "source-silent"
BACK: Final = None


def memory() -> Continuity:
    """Return an alert of which nothing is known yet."""
    return Memory(CONTINUITY, CONTINUITY_EVENT)


def observe(
    stream: Continuity, *reasons: NoSignalReason | None, session: Session = "open"
) -> list[str]:
    """Observe a cycle for each reason, a minute apart; return what the alert did."""
    told: list[str] = []
    for reason in reasons:
        last = stream.state.last
        cycle = 1 if last is None else last.cycle + 1
        command = ObserveCycle(
            cycle=cycle,
            at_ns=START_NS + 60 * SECOND_NS * cycle,
            session=session,
            signals=0 if reason is not None else 7,
            reason=reason,
            policy=safety_policy().continuity,
        )
        told += [event.type.split("-")[1] for event in stream.send(command)[1:]]
    return told


def test_third_cycle_without_signals_raises_the_alert() -> None:
    assert observe(memory(), SILENT, SILENT) == []
    assert observe(memory(), SILENT, SILENT, SILENT) == ["raised.v1"]


def test_alert_is_raised_once() -> None:
    assert observe(memory(), *[SILENT] * 9) == ["raised.v1"]


def test_alert_clears_after_two_healthy_cycles_in_a_row() -> None:
    stream = memory()
    observe(stream, SILENT, SILENT, SILENT)

    assert observe(stream, BACK, SILENT, BACK) == []
    assert stream.state.alert_id is not None
    assert observe(stream, BACK) == ["cleared.v1"]
    assert stream.state.alert_id is None


def test_cycle_with_signals_ends_every_streak() -> None:
    assert observe(memory(), SILENT, SILENT, BACK, SILENT, SILENT) == []


def test_reasons_that_take_turns_do_not_hide_each_other() -> None:
    reasons: list[NoSignalReason] = ["source-silent", "records-refused"] * 3

    assert observe(memory(), *reasons) == ["raised.v1"]


def test_closed_market_is_expected_only_while_it_is_closed() -> None:
    reasons: list[NoSignalReason] = ["market-closed"] * 5

    assert observe(memory(), *reasons, session="closed") == []
    assert observe(memory(), *reasons, session="open") == ["raised.v1"]
    assert observe(memory(), *reasons, session="unknown") == ["raised.v1"]


def test_closed_market_ends_no_streak() -> None:
    stream = memory()
    observe(stream, SILENT, SILENT)
    observe(stream, "market-closed", "market-closed", session="closed")

    assert observe(stream, SILENT) == ["raised.v1"]


def test_closed_market_is_no_healthy_cycle() -> None:
    stream = memory()
    observe(stream, SILENT, SILENT, SILENT, BACK)
    observe(stream, "market-closed", session="closed")

    assert observe(stream, BACK) == []


def test_starting_up_is_expected_for_as_long_as_declared() -> None:
    reasons: list[NoSignalReason] = ["bootstrap"] * 15

    assert observe(memory(), *reasons) == []
    assert observe(memory(), *reasons, "bootstrap", "bootstrap", "bootstrap") == ["raised.v1"]


def test_alerts_are_told_apart() -> None:
    stream = memory()
    observe(stream, *[SILENT] * 3, BACK, BACK, *[SILENT] * 3, BACK, BACK)
    raised = [event.alert_id for event in stream.events() if isinstance(event, AlertRaised)]
    cleared = [event.alert_id for event in stream.events() if isinstance(event, AlertCleared)]

    assert len(set(raised)) == 2
    assert raised == cleared


def test_cycle_that_is_delivered_twice_counts_once() -> None:
    stream = memory()
    command = ObserveCycle(
        cycle=1,
        at_ns=START_NS,
        session="open",
        signals=0,
        reason="source-silent",
        policy=safety_policy().continuity,
    )

    assert len(stream.send(command)) == 1
    assert stream.send(command) == []
    with pytest.raises(OutOfOrderError):
        observe_out_of_order(stream)


def observe_out_of_order(stream: Continuity) -> None:
    """Observe a cycle after one that was never told."""
    stream.send(
        ObserveCycle(
            cycle=3,
            at_ns=START_NS,
            session="open",
            signals=1,
            reason=None,
            policy=safety_policy().continuity,
        )
    )


@pytest.mark.parametrize(("signals", "reason"), [(0, None), (1, "source-silent")])
def test_having_none_has_a_reason_and_nothing_else_has(
    signals: int, reason: NoSignalReason | None
) -> None:
    command = ObserveCycle(
        cycle=1,
        at_ns=START_NS,
        session="open",
        signals=signals,
        reason=reason,
        policy=safety_policy().continuity,
    )

    with pytest.raises(ReasonMissingError):
        memory().send(command)
