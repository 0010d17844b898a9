"""What each request at the door, and each record let in, comes to in figures, lines and traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.kernel.clock import SteadyClock, SteadyNs, WallClock
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.control import ControlRecord
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.endpoints import endpoint_of, status_class
from torghut.schemas.observing.log_events import DoorRefused, OperationAccepted, ReportsAccepted
from torghut.workflows.live.access.reporting import role_for
from torghut.workflows.live.access.tokens import Role
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import Telemetry
from torghut.workflows.live.observing.tracing import RequestTrace, Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as it is observed; nothing in it is as the sender wrote it.

    Attributes:
        template: Of the route that took it; None if none did.
        method: As sent.
        begun_ns: When its head was there, on the steady clock.
        caller: Name of the token; empty where there is none.
        traceparent: Its W3C trace context as sent; empty where there is none.
    """

    template: str | None
    method: str
    begun_ns: SteadyNs
    caller: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestObserver:
    """Observes every request once it is answered.

    Attributes:
        telemetry: Takes the figures.
        journal: Takes the log lines.
        tracer: Takes the traces.
        wall: Places a trace in time.
        steady: What requests are measured by.
    """

    telemetry: Telemetry
    journal: Journal
    tracer: Tracer
    wall: WallClock
    steady: SteadyClock

    def answered(self, asked: Asked, status: int) -> None:
        """Take in that a request was answered; of a stream, that its first bytes were sent."""
        route, method = endpoint_of(asked.template, asked.method)
        took_ns = self.steady.now_ns() - asked.begun_ns
        self.telemetry.count(metrics.HTTP_REQUESTS, 1, route, method, status_class(status))
        self.telemetry.observe(metrics.HTTP_DURATION, (took_ns / NS_PER_S,), route, method)
        self.tracer.request(
            RequestTrace(
                route=route,
                method=method,
                status=status,
                begun_wall_ns=self.wall.now_ns() - took_ns,
                took_ns=took_ns,
                traceparent=asked.traceparent,
            )
        )

    def accepted(self, caller: str, records: Sequence[ControlRecord]) -> None:
        """Take in that control records are let in together, whatever becomes of them.

        Args:
            caller: Name of the token that they came under.
            records: In order.
        """
        reports = [one for one in records if role_for(one) is Role.REPORT]
        for one in records:
            if role_for(one) is Role.OPERATE:
                self.operated(caller, one.control_id, kind=one.kind, symbol=one.symbol)
        if reports:
            event = ReportsAccepted(
                caller=caller,
                records=len(reports),
                first_control_id=reports[0].control_id,
                last_control_id=reports[-1].control_id,
            )
            self.journal.say(event)

    def operated(self, caller: str, control_id: str, *, kind: str, symbol: str) -> None:
        """Take in that something was let in that changes what may be done."""
        event = OperationAccepted(caller=caller, control_id=control_id, kind=kind, symbol=symbol)
        self.journal.say(event, correlation_id=control_id)

    def refused(self, asked: Asked, error: TorghutError, *, correlation_id: str = "") -> None:
        """Take in that a request, or a message of a stream, was not taken."""
        route, method = endpoint_of(asked.template, asked.method)
        self.telemetry.count(metrics.NOT_TAKEN, 1, metrics.not_taken(error.code))
        self.journal.say(
            DoorRefused(code=error.code, route=route, method=method, caller=asked.caller),
            correlation_id=correlation_id,
        )
