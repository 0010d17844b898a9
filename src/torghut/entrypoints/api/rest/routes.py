"""Every path of the API: its method, who may use it, and what its document says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Response

from torghut.entrypoints.api.faults import JSON
from torghut.entrypoints.api.rest import endpoints
from torghut.entrypoints.api.rest.bodies import NDJSON
from torghut.workflows.live.access.tokens import Role

TEXT: Final = "text/plain"

Endpoint = Callable[..., Awaitable[Response]]  # type: ignore[explicit-any]
"""Answers a request; FastAPI gives each what it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path and method.

    Attributes:
        method: Of HTTP.
        path: With names in braces.
        endpoint: What answers.
        role: That who asks needs; None for a path that is open to all.
        answer: Media type of a good answer, and the models of it, or of each of its lines.
        body: The same of the body that it reads; None where it reads none.
    """

    method: str
    path: str
    endpoint: Endpoint
    role: Role | None
    answer: tuple[str, Sequence[str]]
    body: tuple[str, str] | None = None

    @property
    def about(self) -> str:
        """What it does, in one sentence."""
        return " ".join((self.endpoint.__doc__ or "").partition("\n\n")[0].split())


_OUTCOMES: Final = ("Decided", "Refused")
_CONTROLS: Final = ("ControlRecorded", "ControlApplied", "Heartbeat", "Fault")

ROUTES: Final[Sequence[Route]] = (
    Route(method="GET", path="/healthz", endpoint=endpoints.alive, role=None, answer=(JSON, ())),
    Route(method="GET", path="/readyz", endpoint=endpoints.ready, role=None, answer=(JSON, ())),
    Route(
        method="GET", path="/metrics", endpoint=endpoints.metrics, role=Role.READ, answer=(TEXT, ())
    ),
    Route(
        method="GET",
        path="/openapi.json",
        endpoint=endpoints.document,
        role=Role.READ,
        answer=(JSON, ()),
    ),
    Route(
        method="GET",
        path="/v1/status",
        endpoint=endpoints.status,
        role=Role.READ,
        answer=(JSON, ("WorkerStatus",)),
    ),
    Route(
        method="POST",
        path="/v1/contexts",
        endpoint=endpoints.decide,
        role=Role.REPORT,
        answer=(NDJSON, _OUTCOMES),
        body=(NDJSON, "ContextOffered"),
    ),
    Route(
        method="GET",
        path="/v1/decisions",
        endpoint=endpoints.decisions,
        role=Role.READ,
        answer=(NDJSON, (*_OUTCOMES, "Heartbeat", "Fault")),
    ),
    Route(
        method="GET",
        path="/v1/outcomes",
        endpoint=endpoints.outcome,
        role=Role.READ,
        answer=(JSON, _OUTCOMES),
    ),
    Route(
        method="GET",
        path="/v1/controls",
        endpoint=endpoints.controls,
        role=Role.READ,
        answer=(NDJSON, _CONTROLS),
    ),
    Route(
        method="POST",
        path="/v1/controls",
        endpoint=endpoints.submit,
        role=Role.READ,  # and by the kind of each record report or operate
        answer=(NDJSON, ("Answered",)),
        body=(NDJSON, "ControlRecord"),
    ),
    Route(
        method="GET",
        path="/v1/switches",
        endpoint=endpoints.switches,
        role=Role.READ,
        answer=(NDJSON, ("SwitchStanding",)),
    ),
    Route(
        method="POST",
        path="/v1/switches/{name}/release",
        endpoint=endpoints.release,
        role=Role.OPERATE,
        answer=(JSON, ("Answered",)),
        body=(JSON, "ReleaseAsked"),
    ),
)
"""Everything that is answered over HTTP."""
