"""What each path takes and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.desk import FakeDesk, policy_with, refused
from tests.support.live.asking import METRICS, TOKENS, Answer, Bench, ask, bench, request, served
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.live.position import Position
from torghut.workflows.live.errors import (
    AnswerLateError,
    ClosingError,
    FeedsExhaustedError,
    QueueFullError,
    SourceClosedError,
    SwitchReleaseRefusedError,
)

FIRST: Final = offered_context_id("desk-1", "fxcm:EURUSD", "quote", 1)
NDJSON: Final = {"Content-Type": "application/x-ndjson"}


def offered(sequence: object, **changed: object) -> bytes:
    """Return a context as its sender spells it."""
    fields = {"feed": "desk-1", "symbol": "fxcm:EURUSD", "sequence": sequence, "bid": 1.0}
    return json.dumps(fields | changed).encode()


def answered(
    made: Bench,
    folder: Path,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return the answer to one request of who may most that its method wants."""
    role = "read" if method == "GET" else "report"
    token = TOKENS["operate" if "switches" in target else role]

    async def work() -> Answer:
        async with served(made, folder) as path:
            return await ask(path, request(method, target, token=token, body=body, headers=headers))

    found = asyncio.run(work())
    assert made.failures == []
    return found


def test_one_context_is_answered_with_its_outcome(tmp_path: Path) -> None:
    found = answered(bench(), tmp_path, "POST", "/v1/contexts", offered(1))

    assert (found.status, found.headers["content-type"]) == (200, "application/x-ndjson")
    assert [line["type"] for line in found.lines] == ["live.refused.v1"]
    assert FIRST.encode() in found.body


def test_contexts_of_one_request_are_answered_in_order(tmp_path: Path) -> None:
    body = b"\r\n".join(offered(sequence) for sequence in (3, 1, 2)) + b"\n\n"
    found = answered(bench(), tmp_path, "POST", "/v1/contexts", body, NDJSON)

    assert [line["position"] for line in found.lines] == ["0:0:0", "0:1:0", "0:2:0"]
    assert [str(line["refusal"]).count(":3'") for line in found.lines] == [1, 0, 0]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (offered(1) + b"\n" + offered(2, feed="no feed!"), "line 2"),
        (offered(1) + b"\n[]", "line 2"),
        (b"{", "line 1"),
        (offered(1)[:-1] + b',"feed":"other"}', "line 1"),
        (offered("x"), "line 1: sequence"),
        (offered(1, venue="x"), "line 1"),
    ],
)
def test_one_bad_line_refuses_all_and_says_which(tmp_path: Path, body: bytes, place: str) -> None:
    made = bench()
    found = answered(made, tmp_path, "POST", "/v1/contexts", body, NDJSON)

    assert (found.status, found.code) == (422, "live.context-malformed")
    assert str(found.json["detail"]).startswith(place)
    assert made.desk.offers == []


@pytest.mark.parametrize("body", [b"", b"\n\r\n\n"])
def test_no_line_is_no_request(tmp_path: Path, body: bytes) -> None:
    found = answered(bench(), tmp_path, "POST", "/v1/contexts", body, NDJSON)

    assert (found.status, found.code) == (422, "api.request-unfit")


@pytest.mark.parametrize(
    "stated", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"]
)
@pytest.mark.parametrize("target", ["/v1/contexts", "/v1/controls", "/v1/switches/stop/release"])
def test_another_type_of_body_is_not_read(tmp_path: Path, target: str, stated: str) -> None:
    made = bench()
    headers = {"Content-Type": stated}
    found = answered(made, tmp_path, "POST", target, offered(1), headers)

    assert (found.status, found.code) == (415, "api.media-type")
    assert found.headers["connection"] == "close"


def test_a_type_may_name_its_encoding(tmp_path: Path) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}

    assert answered(bench(), tmp_path, "POST", "/v1/contexts", offered(1), headers).status == 200


def test_more_contexts_than_are_taken_at_once_are_refused(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(door={"records_max": 3})))
    body = b"\n".join(map(offered, range(4)))
    found = answered(made, tmp_path, "POST", "/v1/contexts", body, NDJSON)

    assert (found.status, found.code) == (413, "api.records-too-many")
    assert made.desk.offers == []


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (QueueFullError(waiting=9, limit=9, retry_after_ms=1200), 429, "2"),
        (ClosingError(), 503, "1"),
        (FeedsExhaustedError(feed="x", limit=1), 422, None),
        (SourceClosedError(source="unix:x"), 422, None),
    ],
)
@pytest.mark.parametrize("target", ["/v1/contexts", "/v1/controls"])
def test_what_the_desk_does_not_take_is_told_with_when_to_try_again(
    tmp_path: Path,
    target: str,
    error: QueueFullError,
    status: int,
    retry: str | None,
) -> None:
    made = bench(FakeDesk(refuse=error))
    body = offered(1) if target == "/v1/contexts" else json.dumps(POSITION).encode()
    found = answered(made, tmp_path, "POST", target, body)

    assert (found.status, found.code) == (status, error.code)
    assert found.headers.get("retry-after") == retry
    assert found.json["retry_after_ms"] == error.retry_after_ms


POSITION: Final = {
    "kind": "position",
    "control_id": "p-1",
    "symbol": "fxcm:EURUSD",
    "quantity": 1.0,
    "as_of_ns": "1",
}


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v1/contexts", offered(1)),
        ("POST", "/v1/controls", json.dumps(POSITION).encode()),
        ("GET", f"/v1/outcomes?context_id={FIRST}", None),
    ],
)
def test_an_answer_that_does_not_come_in_time_is_late(
    tmp_path: Path, method: str, target: str, body: bytes | None
) -> None:
    made = bench(FakeDesk(bound=policy_with(door={"answer_ms": 20}), slow_s=5.0))
    found = answered(made, tmp_path, method, target, body)

    assert (found.status, found.code) == (504, AnswerLateError.code)


def test_control_records_are_answered_in_order(tmp_path: Path) -> None:
    made = bench()
    body = b"\n".join(
        json.dumps(POSITION | {"control_id": f"p-{number}"}).encode() for number in (2, 1)
    )
    found = answered(made, tmp_path, "POST", "/v1/controls", body, NDJSON)

    assert [line["control_id"] for line in found.lines] == ["p-2", "p-1"]
    assert {line["type"] for line in found.lines} == {"live.answered.v1"}


def test_a_bad_control_record_refuses_all(tmp_path: Path) -> None:
    made = bench()
    body = json.dumps(POSITION).encode() + b'\n{"kind": "position"}'
    found = answered(made, tmp_path, "POST", "/v1/controls", body, NDJSON)

    assert (found.status, found.code) == (422, "run.control-malformed")
    assert made.desk.taken == []


def test_an_outcome_is_found_by_its_context(tmp_path: Path) -> None:
    made = bench()
    made.desk.publish(refused(FIRST, Position(0, 0, 0)))
    found = answered(made, tmp_path, "GET", f"/v1/outcomes?context_id={FIRST}")

    assert found.status == 200
    assert found.json["position"] == "0:0:0"


@pytest.mark.parametrize(
    "target",
    [
        "/v1/outcomes",
        "/v1/outcomes?context_id=",
        "/v1/outcomes?context_id=%0d%0a",
        f"/v1/outcomes?context_id={'x' * 301}",
        "/v1/outcomes?context_id=x&more=1",
        "/v1/status?verbose=1",
        "/v1/decisions?after=yesterday",
        "/v1/decisions?after=0:1",
        "/v1/decisions?after=0:01:0",
        "/v1/decisions?follow=yes",
        "/v1/controls?after=0:1:2%0a",
    ],
)
def test_a_query_that_is_not_as_documented_is_unfit(tmp_path: Path, target: str) -> None:
    found = answered(bench(), tmp_path, "GET", target)

    assert (found.status, found.code) == (422, "api.request-unfit")


def test_status_and_switches_are_what_the_desk_says(tmp_path: Path) -> None:
    made = bench()
    status = answered(made, tmp_path, "GET", "/v1/status")
    switches = answered(made, tmp_path, "GET", "/v1/switches")

    assert status.json["type"] == "live.worker-status.v1"
    assert switches.lines == status.json["switches"]


def test_metrics_are_given_as_they_are(tmp_path: Path) -> None:
    found = answered(bench(), tmp_path, "GET", "/metrics")

    assert found.body == METRICS
    assert found.headers["content-type"].startswith("text/plain")


def test_a_release_names_who_and_why(tmp_path: Path) -> None:
    made = bench()
    body = b'{"reason": "prices are right again"}'
    found = answered(made, tmp_path, "POST", "/v1/switches/stop/release", body)

    assert found.json["type"] == "live.answered.v1"
    assert made.desk.released == [("stop", "prices are right again", "operate-1 over the API")]


def test_a_release_that_somebody_asks_for_names_them_beside_the_token(tmp_path: Path) -> None:
    made = bench()
    body = json.dumps({"reason": "r" * 500, "who": "w" * 200}).encode()
    answered(made, tmp_path, "POST", "/v1/switches/stop/release", body)

    ((_, reason, who),) = made.desk.released
    assert who == f"{'w' * 200}, operate-1 over the API"
    assert reason == "r" * 500


@pytest.mark.parametrize(
    ("ends", "status"),
    [(None, 200), (["throw-1"], 200), (["throw-1", "older"], 200), (["older"], 409), ([], 409)],
)
def test_a_release_ends_the_throws_that_it_names_and_no_newer_one(
    tmp_path: Path, ends: list[str] | None, status: int
) -> None:
    made = bench()
    body = json.dumps({"reason": "over", "ends": ends}).encode()
    found = answered(made, tmp_path, "POST", "/v1/switches/stop/release", body)

    assert found.status == status, found
    assert len(made.desk.released) == (status == 200)
    if status == 409:
        assert found.code == "live.release-refused"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"reason": ""}', b'{"reason": 1}', b"[", b'"x"'])
def test_a_release_without_a_reason_is_none(tmp_path: Path, body: bytes) -> None:
    made = bench()
    found = answered(made, tmp_path, "POST", "/v1/switches/stop/release", body)

    assert (found.status, found.code) == (422, "api.request-unfit")
    assert made.desk.released == []


def test_a_switch_that_is_not_thrown_is_not_released(tmp_path: Path) -> None:
    made = bench(FakeDesk(refuse=SwitchReleaseRefusedError(name="stop", found="one that is not")))
    found = answered(made, tmp_path, "POST", "/v1/switches/stop/release", b'{"reason": "x"}')

    assert (found.status, found.code) == (409, "live.release-refused")


@pytest.mark.parametrize("name", ["start", "STOP", "%2e%2e", "stop%00"])
def test_another_switch_than_there_is_is_unfit(tmp_path: Path, name: str) -> None:
    made = bench()
    target = f"/v1/switches/{name}/release"

    assert answered(made, tmp_path, "POST", target, b'{"reason": "x"}').status == 422
    assert made.desk.released == []


def test_a_service_that_is_not_ready_says_what_is_missing(tmp_path: Path) -> None:
    made = bench(FakeDesk(missing=("the log cannot be written", "no kernel")))
    found = answered(made, tmp_path, "GET", "/readyz")

    assert (found.status, found.code) == (503, "api.unready")
    assert "the log cannot be written; no kernel" in str(found.json["detail"])
    assert answered(made, tmp_path, "GET", "/healthz").status == 200


def test_what_nobody_foresaw_is_reported_and_told_without_a_word_of_it(tmp_path: Path) -> None:
    made = bench(FakeDesk(fail=KeyError("secret")))

    async def work() -> Answer:
        async with served(made, tmp_path) as path:
            return await ask(path, request("GET", "/v1/status", token=TOKENS["read"]))

    found = asyncio.run(work())

    assert (found.status, found.code) == (500, "api.failed")
    assert b"secret" not in found.body
    assert [repr(error) for error in made.failures] == ["KeyError('secret')"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_another_method_is_refused_with_the_one_there_is(tmp_path: Path, method: str) -> None:
    found = answered(bench(), tmp_path, method, "/v1/contexts")

    assert (found.status, found.code) == (405, "api.method-unknown")
    assert found.headers["allow"] == "POST"
    assert "access-control-allow-origin" not in found.headers


@pytest.mark.parametrize("target", ["/docs", "/redoc", "/v1/status/", "//v1/status", "/static/x"])
def test_another_path_is_not_there(tmp_path: Path, target: str) -> None:
    found = answered(bench(), tmp_path, "GET", target)

    assert (found.status, found.code) == (404, "api.path-unknown")


def test_every_answer_is_for_who_asked_alone(tmp_path: Path) -> None:
    for target in ("/healthz", "/v1/status", "/v1/decisions", "/nothing"):
        found = answered(bench(), tmp_path, "GET", target)

        assert found.headers["cache-control"] == "no-store"
        assert {"server", "date", "set-cookie"}.isdisjoint(found.headers)


def test_a_browser_is_not_served(tmp_path: Path) -> None:
    headers = {"Origin": "http://localhost"}
    found = answered(bench(), tmp_path, "GET", "/v1/status", headers=headers)

    assert (found.status, found.code) == (403, "api.origin-refused")


def test_too_many_requests_are_held_back(tmp_path: Path) -> None:
    made = bench(FakeDesk(bound=policy_with(door={"requests_per_s": 1})))
    found = [answered(made, tmp_path, "GET", "/v1/status") for _ in range(3)]

    assert [one.status for one in found] == [200, 200, 429]
    assert found[-1].code == "live.rate-exceeded"
    assert found[-1].headers["retry-after"] == "1"
