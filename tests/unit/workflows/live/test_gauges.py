"""Gauges say what the status of a worker says, and 0 for everything that it does not name."""

from __future__ import annotations

import math

from tests.fakes.observing import RecordedTelemetry
from torghut.schemas.live.worker import DegradedSince, SwitchStanding, WorkerStatus
from torghut.workflows.live.observing.gauges import show_status

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def status(**given: object) -> WorkerStatus:
    """Return the status of a worker that has just begun, but for what is given."""
    return WorkerStatus.model_validate(
        {
            "worker": "w",
            "pid": 1,
            "phase": "serving",
            "started_wall_ns": NOW,
            "written_wall_ns": NOW,
            "log": "/l",
            "api": "",
            "source": "api:",
            "speed": 1.0,
            "state": "live",
            "reason": "",
            "position": None,
            "contexts": 0,
            "decisions": 0,
            "refused": 0,
            "control_records": 0,
            "last_decision_wall_ns": None,
            "lag_ms": None,
            "pending": 0,
            "subscribers": 0,
            "symbols": (),
            "packages": {},
            "declarations": "0" * 64,
            "kernel_version": 2,
            "switches": (),
            "latch": False,
            "degraded": (),
            "acknowledged": (),
            **given,
        }
    )


def shown(found: WorkerStatus, *, clock_apart_ns: int = 0) -> dict[str, float]:
    """Return what the gauges say of a status."""
    telemetry = RecordedTelemetry()
    show_status(telemetry, found, clock_apart_ns=clock_apart_ns)
    return telemetry.shown


def on(gauges: dict[str, float], name: str) -> set[str]:
    """Return the labels for which a gauge says 1; all others must say 0."""
    ours = {key.partition(",")[2]: value for key, value in gauges.items() if key.startswith(name)}
    assert set(ours.values()) <= {0, 1}
    return {label for label, value in ours.items() if value}


def test_what_is_not_known_is_not_a_number() -> None:
    gauges = shown(status())

    assert math.isnan(gauges["torghut_live_lag_seconds"])
    assert math.isnan(gauges["torghut_live_last_decision_age_seconds"])


def test_figures_are_in_seconds_and_as_of_the_status() -> None:
    gauges = shown(
        status(
            lag_ms=250.0,
            last_decision_wall_ns=NOW - 3 * SECOND,
            pending=5,
            subscribers=2,
            latch=True,
        ),
        clock_apart_ns=-SECOND,
    )

    assert gauges["torghut_live_lag_seconds"] == 0.25
    assert gauges["torghut_live_last_decision_age_seconds"] == 3
    assert gauges["torghut_live_pending_contexts"] == 5
    assert gauges["torghut_stream_subscribers"] == 2
    assert gauges["torghut_switch_latch_closed"] == 1
    assert gauges["torghut_live_clock_apart_seconds"] == -1


def test_a_clock_that_was_set_back_makes_no_decision_younger_than_now() -> None:
    gauges = shown(status(last_decision_wall_ns=NOW + SECOND))

    assert gauges["torghut_live_last_decision_age_seconds"] == 0


def test_a_thrown_switch_a_degraded_mode_and_the_state_say_one() -> None:
    thrown = SwitchStanding(
        name="stop", throw_id="", who="", reason="r", thrown_wall_ns=None, recorded=True
    )
    mode = DegradedSince(code="lag", since_wall_ns=NOW, detail="")

    gauges = shown(status(state="stopped", switches=(thrown, thrown), degraded=(mode,)))

    assert on(gauges, "torghut_live_state,") == {"stopped"}
    assert on(gauges, "torghut_switch_thrown,") == {"stop"}
    assert on(gauges, "torghut_live_degraded,") == {"lag"}
