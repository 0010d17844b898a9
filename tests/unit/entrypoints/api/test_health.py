"""A worker says whether it is there and ready, and shows its figures to those who may read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from tests.fakes.clock import Stopwatch
from tests.support.live.asking import TOKENS, HandKeyring
from torghut.entrypoints.api.asgi import Event, Scope
from torghut.entrypoints.api.health import health
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.rates import Rates

METRICS = b"torghut_carried_partitions 3\n"


def asked(
    path: str,
    *,
    method: str = "GET",
    missing: Sequence[str] = (),
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> tuple[int, bytes]:
    """Return status and body of an answer."""
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    async def receive() -> Event:
        return {"type": "http.disconnect"}

    gate = Gatekeeper(tokens=HandKeyring(), rates=Rates(per_s=100, steady=Stopwatch()))
    app = health(lambda: missing, metrics=lambda: METRICS, gate=gate)
    scope: Scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    start, body = sent
    status, content = start["status"], body["body"]
    assert isinstance(status, int)
    assert isinstance(content, bytes)
    return status, content


def test_process_that_is_there_says_so_to_everybody() -> None:
    assert asked("/healthz", missing=["everything"]) == (200, b'{"alive":true}')


def test_worker_that_lacks_something_is_not_ready_and_says_what() -> None:
    status, body = asked("/readyz", missing=["partition 3: it is being taken up"])

    assert status == 503
    assert "partition 3: it is being taken up" in json.loads(body)["detail"]
    assert asked("/readyz") == (200, b'{"ready":true}')


def test_figures_are_shown_to_those_with_a_token_alone() -> None:
    assert asked("/metrics")[0] == 401
    token = (b"authorization", f"Bearer {TOKENS['read']}".encode())
    assert asked("/metrics", headers=[token]) == (200, METRICS)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "GET", 404), ("/v1/decide", "GET", 404), ("/healthz", "POST", 405)],
)
def test_nothing_else_is_answered(path: str, method: str, status: int) -> None:
    assert asked(path, method=method)[0] == status
