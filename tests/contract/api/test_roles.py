"""Every path asks for its role, and nothing is told to who has no token."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

import pytest

from tests.support.live.asking import TOKENS, Answer, Bench, ask, bench, request, served
from torghut.adapters.filesystem.tokens import TokenFileUnsafeError
from torghut.entrypoints.api.rest.routes import ROUTES
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import CONTROL_RECORD
from torghut.schemas.observing.log_events import OperationAccepted, ReportsAccepted
from torghut.workflows.live.access.errors import TokensMalformedError
from torghut.workflows.live.access.reporting import REPORTED

CONTEXT: Final = {"feed": "desk-1", "symbol": "fxcm:EURUSD", "sequence": 1, "bid": 1.0, "ask": 1.1}
POSITION: Final = {
    "kind": "position",
    "control_id": "p-1",
    "symbol": "fxcm:EURUSD",
    "quantity": 1.0,
    "as_of_ns": "1",
}
STOP: Final = {
    "kind": "switch",
    "control_id": "s-1",
    "name": "stop",
    "state": "thrown",
    "reason": "prices",
}

ASKED: Final = {
    ("GET", "/metrics"): (None, {"read", "report", "operate"}),
    ("GET", "/openapi.json"): (None, {"read", "report", "operate"}),
    ("GET", "/v1/status"): (None, {"read", "report", "operate"}),
    ("POST", "/v1/contexts"): (CONTEXT, {"report"}),
    ("GET", "/v1/decisions"): (None, {"read", "report", "operate"}),
    ("GET", "/v1/outcomes?context_id=x"): (None, {"read", "report", "operate"}),
    ("GET", "/v1/controls"): (None, {"read", "report", "operate"}),
    ("POST", "/v1/controls"): (POSITION, {"report"}),
    ("GET", "/v1/switches"): (None, {"read", "report", "operate"}),
    ("POST", "/v1/switches/stop/release"): ({"reason": "over"}, {"operate"}),
}
"""What is asked, and with which roles it is answered."""

CASES: Final = [(*asked, role) for asked in ASKED for role in (*TOKENS, None)]


def answered(made: Bench, folder: Path, sent: bytes) -> Answer:
    """Return the answer to one request."""

    async def work() -> Answer:
        async with served(made, folder) as path:
            return await ask(path, sent)

    return asyncio.run(work())


def asked_as(method: str, target: str, body: object, role: str | None) -> bytes:
    """Return a request by who has a role."""
    return request(
        method,
        target,
        token=None if role is None else TOKENS[role],
        body=None if body is None else json.dumps(body).encode(),
    )


def test_every_path_that_needs_a_role_is_tried() -> None:
    tried = {(method, target.partition("?")[0]) for method, target in ASKED}
    needing = {
        (route.method, route.path.replace("{name}", "stop"))
        for route in ROUTES
        if route.role is not None
    }

    assert tried == needing


@pytest.mark.parametrize(("method", "target", "role"), CASES)
def test_who_may_is_answered_and_who_may_not_is_told(
    tmp_path: Path, method: str, target: str, role: str | None
) -> None:
    made = bench()
    body, roles = ASKED[method, target]
    found = answered(made, tmp_path, asked_as(method, target, body, role))

    if role is None:
        assert (found.status, found.code) == (401, "live.token-missing")
        assert found.headers["www-authenticate"] == "Bearer"
    elif role not in roles:
        assert (found.status, found.code) == (403, "live.role-missing")
    elif "outcomes" in target:
        assert (found.status, found.code) == (404, "api.outcome-unknown")
    else:
        assert found.status == 200, found
    taken = made.desk.offers or made.desk.taken or made.desk.released
    assert bool(taken) == (method == "POST" and role in roles)
    assert made.failures == []


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_only_health_needs_no_token(tmp_path: Path, target: str) -> None:
    assert answered(bench(), tmp_path, request("GET", target)).status == 200


@pytest.mark.parametrize("target", ["/", "/v1", "/nothing", "/v1/stream", "/docs", "/redoc"])
def test_without_a_token_nobody_learns_which_paths_there_are(tmp_path: Path, target: str) -> None:
    found = answered(bench(), tmp_path, request("GET", target))

    assert (found.status, found.code) == (401, "live.token-missing")


@pytest.mark.parametrize("wrong", ["x" * 43, TOKENS["operate"][:-1], "", "\xff" * 40])
def test_a_wrong_token_is_unknown(tmp_path: Path, wrong: str) -> None:
    found = answered(bench(), tmp_path, request("GET", "/v1/status", token=wrong))

    assert (found.status, found.code) == (401, "live.token-unknown")


@pytest.mark.parametrize(
    "trouble",
    [
        TokensMalformedError(place="/srv/api-tokens, line 2", expected="one", found="desk again"),
        TokenFileUnsafeError(path=Path("/srv/api-tokens"), found="mode 644, open to others"),
    ],
)
def test_what_is_wrong_with_the_tokens_is_told_to_nobody_who_asks(
    tmp_path: Path, trouble: TorghutError
) -> None:
    made = bench()
    made.tokens.trouble = trouble
    found = answered(made, tmp_path, request("GET", "/v1/status", token="x" * 43))

    assert (found.status, found.code) == (503, "live.tokens-away")
    assert b"srv" not in found.body
    assert b"desk" not in found.body


def test_a_token_in_the_query_is_none(tmp_path: Path) -> None:
    for key in ("token", "access_token", "authorization"):
        target = f"/v1/status?{key}={TOKENS['operate']}"
        found = answered(bench(), tmp_path, request("GET", target))

        assert (found.status, found.code) == (401, "live.token-missing")


KINDS: Final = {
    one["const"]: name
    for name, schema in CONTROL_RECORD.json_schema()["$defs"].items()
    if (one := schema.get("properties", {}).get("kind")) is not None
}


def test_every_kind_of_control_record_has_its_role() -> None:
    assert KINDS.keys() > REPORTED
    assert {"switch", "stop", "mode", "package-changed", "declarations-changed"}.isdisjoint(
        REPORTED
    )


@pytest.mark.parametrize(
    ("records", "role", "status"),
    [
        ((POSITION,), "report", 200),
        ((STOP,), "report", 403),
        ((POSITION, STOP), "report", 403),
        ((STOP,), "operate", 200),
        ((POSITION,), "operate", 403),
        ((STOP, POSITION), "operate", 403),
        ((STOP,), "read", 403),
    ],
)
def test_each_record_needs_the_role_of_its_kind(
    tmp_path: Path, records: tuple[object, ...], role: str, status: int
) -> None:
    made = bench()
    body = b"".join(json.dumps(one).encode() + b"\n" for one in records)
    kind = {"Content-Type": "application/x-ndjson"}
    sent = request("POST", "/v1/controls", token=TOKENS[role], body=body, headers=kind)

    assert answered(made, tmp_path, sent).status == status
    assert len(made.desk.taken) == (len(records) if status == 200 else 0)


def test_what_is_let_in_is_logged_with_who_brought_it(tmp_path: Path) -> None:
    made = bench()
    stop = request("POST", "/v1/controls", token=TOKENS["operate"], body=json.dumps(STOP).encode())
    released = request(
        "POST", "/v1/switches/stop/release", token=TOKENS["operate"], body=b'{"reason": "over"}'
    )
    position = request(
        "POST", "/v1/controls", token=TOKENS["report"], body=json.dumps(POSITION).encode()
    )
    for sent in (stop, position, released):
        assert answered(made, tmp_path, sent).status == 200

    assert [event for event, _ in made.journal.said] == [
        OperationAccepted(caller="operate-1", control_id="s-1", kind="switch", symbol="*"),
        ReportsAccepted(
            caller="report-1", records=1, first_control_id="p-1", last_control_id="p-1"
        ),
        OperationAccepted(caller="operate-1", control_id="switch:stop", kind="switch", symbol="*"),
    ]


def test_a_token_is_nowhere_in_what_is_told(tmp_path: Path) -> None:
    made = bench()
    for target in ("/v1/status", "/openapi.json", "/metrics", "/nothing", "/v1/decisions?x=1"):
        found = answered(made, tmp_path, request("GET", target, token=TOKENS["read"]))

        assert TOKENS["read"].encode() not in found.body + repr(found.headers).encode()
