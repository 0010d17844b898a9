"""The endpoints of the HTTP API by which its requests are counted: closed, whatever is asked for.

A path that somebody made up is ``unmatched``, so that nobody can make series.
"""

from __future__ import annotations

from typing import Final, Literal

HttpMethod = Literal["GET", "POST", "other"]
StatusClass = Literal["1xx", "2xx", "3xx", "4xx", "5xx"]

Route = Literal[
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/v1/status",
    "/v1/contexts",
    "/v1/decisions",
    "/v1/outcomes",
    "/v1/controls",
    "/v1/switches",
    "/v1/switches/{name}/release",
    "/v1/stream",
    "unmatched",
]

ENDPOINTS: Final[tuple[tuple[Route, HttpMethod], ...]] = (
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
    ("/openapi.json", "GET"),
    ("/v1/status", "GET"),
    ("/v1/contexts", "POST"),
    ("/v1/decisions", "GET"),
    ("/v1/outcomes", "GET"),
    ("/v1/controls", "GET"),
    ("/v1/controls", "POST"),
    ("/v1/switches", "GET"),
    ("/v1/switches/{name}/release", "POST"),
    ("/v1/stream", "GET"),
    ("unmatched", "GET"),
    ("unmatched", "POST"),
    ("unmatched", "other"),
)
"""What can be counted; a method that a route does not take counts as unmatched."""


def endpoint_of(template: str | None, method: str) -> tuple[Route, HttpMethod]:
    """Return how a request is counted.

    Args:
        template: Of the route that took it; None if none did.
        method: As sent, whatever it is.

    Example:
        >>> endpoint_of("/readyz", "GET"), endpoint_of(None, "BREW")
        (('/readyz', 'GET'), ('unmatched', 'other'))
    """
    for route, known in ENDPOINTS:
        if (route, known) == (template, method):
            return route, known
    return "unmatched", "GET" if method == "GET" else "POST" if method == "POST" else "other"


def status_class(status: int) -> StatusClass:
    """Return the class of an HTTP status; one that is none counts as a failure of ours.

    Example:
        >>> status_class(204), status_class(0)
        ('2xx', '5xx')
    """
    classes: dict[int, StatusClass] = {1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx"}
    return classes.get(status // 100, "5xx")
