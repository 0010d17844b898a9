"""A request is counted by its route and never by what was typed, and a refusal is said."""

from __future__ import annotations

from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.observing import KeptJournal, KeptTracer, RecordedTelemetry
from torghut.kernel.clock import SteadyNs
from torghut.schemas.control import FillReported, SwitchThrown
from torghut.schemas.observing.log_events import DoorRefused, OperationAccepted, ReportsAccepted
from torghut.workflows.live.errors import ClosingError
from torghut.workflows.live.observing.requests import Asked, RequestObserver
from torghut.workflows.live.observing.tracing import RequestTrace

MS = 1_000_000


def observer() -> tuple[RequestObserver, RecordedTelemetry, KeptJournal, KeptTracer]:
    """Return an observer and everything that it tells."""
    telemetry, journal, tracer = RecordedTelemetry(), KeptJournal(), KeptTracer()
    made = RequestObserver(
        telemetry=telemetry,
        journal=journal,
        tracer=tracer,
        wall=HandClock(),
        steady=Stopwatch(time_ns=9 * MS),
    )
    return made, telemetry, journal, tracer


def test_an_answer_is_counted_measured_and_traced() -> None:
    made, telemetry, _, tracer = observer()
    asked = Asked(
        template="/v1/contexts", method="POST", begun_ns=SteadyNs(5 * MS), traceparent="00-x"
    )

    made.answered(asked, 503)

    assert telemetry.counted == {"torghut_http_requests_total,/v1/contexts,POST,5xx": 1}
    assert telemetry.observed == {
        "torghut_http_request_duration_seconds,/v1/contexts,POST": [0.004]
    }
    assert tracer.requests == [
        RequestTrace(
            route="/v1/contexts",
            method="POST",
            status=503,
            begun_wall_ns=HandClock().time_ns - 4 * MS,
            took_ns=4 * MS,
            traceparent="00-x",
        )
    ]


def test_what_nobody_takes_is_counted_as_that_whatever_it_says() -> None:
    made, telemetry, journal, tracer = observer()
    asked = Asked(template="/../secret", method="BREW", begun_ns=SteadyNs(0))

    made.answered(asked, 404)
    made.refused(asked, ClosingError())

    assert telemetry.counted["torghut_http_requests_total,unmatched,other,4xx"] == 1
    assert tracer.requests[0].route == "unmatched"
    assert "secret" not in repr(journal.said)


def test_a_refusal_is_counted_by_its_code_and_said() -> None:
    made, telemetry, journal, _ = observer()
    asked = Asked(template="/v1/controls", method="POST", begun_ns=SteadyNs(0), caller="desk")

    made.refused(asked, ClosingError(), correlation_id="r-1")

    assert telemetry.counted == {"torghut_door_not_taken_total,live.closing": 1}
    assert journal.said == [
        (
            DoorRefused(code="live.closing", route="/v1/controls", method="POST", caller="desk"),
            "r-1",
        )
    ]


def test_who_brings_control_records_is_said_each_operation_and_reports_together() -> None:
    made, _, journal, _ = observer()
    stop = SwitchThrown(control_id="s-1", name="stop", state="thrown", reason="r")
    fills = [
        FillReported(control_id=f"f-{n}", symbol="fxcm:EURUSD", fill_id=str(n), quantity=1, price=1)
        for n in range(3)
    ]

    made.accepted("desk", [stop])
    made.accepted("loop", fills)

    operation = OperationAccepted(caller="desk", control_id="s-1", kind="switch", symbol="*")
    reports = ReportsAccepted(
        caller="loop", records=3, first_control_id="f-0", last_control_id="f-2"
    )
    assert journal.said == [(operation, "s-1"), (reports, "")]
