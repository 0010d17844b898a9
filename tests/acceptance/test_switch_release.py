"""``torghut switch release``: on the record of a service that runs, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.fakes.workers import FakeWorker, living, status_of
from tests.support.live.live_services import LiveService, live_service
from tests.support.machine.commands import typed
from torghut.adapters.filesystem.tokens import operating_token
from torghut.adapters.filesystem.worker_pages import HeldPage
from torghut.adapters.http.errors import ServiceUnreachableError
from torghut.adapters.system.person import person
from torghut.composition import reaching
from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.schemas.live.delivery import Answered, Fault

pytestmark = pytest.mark.usefixtures("artifacts")

RELEASE = ("switch", "release", "stop", "--reason", "prices are back")


Sent = list[tuple[str, JsonObject]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Return what is sent to services: 8888 refuses it, 8899 is not there, all others take it."""
    requests: Sent = []

    def post(
        url: str, body: bytes, headers: Mapping[str, str], *, unix: str = "", budget_ms: int
    ) -> tuple[int, bytes]:
        assert budget_ms > 5000  # what a service itself takes at most
        assert headers.keys() <= {"Authorization", "Content-Type"}
        requests.append((unix or url, parse_json_object(body)))
        if ":8899" in url:
            raise ServiceUnreachableError(url=url, found="nobody")
        if ":8888" in url:
            fault = Fault(code="live.release-refused", detail="one that was thrown anew")
            return 409, fault.model_dump_json().encode()
        if ":9999" in url:
            return 404, b"<html>"
        answer = Answered(control_id="c", status="taken", code="", detail="", position="0:13:0")
        return 200, answer.model_dump_json().encode()

    monkeypatch.setattr(reaching, "post", post)
    return requests


@contextlib.contextmanager
def stopped(artifacts: Path, *apis: str, throws: Sequence[str] = ("throw-1",)) -> Iterator[None]:
    """Let workers with these addresses have a stop on record."""
    stops = [
        {
            "name": "stop",
            "throw_id": throw_id,
            "who": "ann@desk",
            "reason": "r",
            "thrown_wall_ns": 1,
            "recorded": True,
        }
        for throw_id in throws
    ]
    with contextlib.ExitStack() as stack:
        for number, api in enumerate(apis):
            page = HeldPage(artifacts / "workers", f"worker-{number}")
            stack.callback(page.close)
            page.write(status_of(f"worker-{number}", state="stopped", api=api, switches=stops))
        yield


def test_every_worker_that_has_it_on_record_is_asked(artifacts: Path, sent: Sent) -> None:
    with stopped(artifacts, "http://127.0.0.1:8787", "http://127.0.0.1:8788"):
        ended = typed(*RELEASE)

    assert ended.status == 0, ended.err
    assert "worker-0  stop released, on record at 0:13:0" in ended.out
    path = "/v1/switches/stop/release"
    asked = [f"http://127.0.0.1:8787{path}", f"http://127.0.0.1:8788{path}"]
    assert [url for url, _ in sent] == asked
    assert sent[0][1]["reason"] == "prices are back"
    assert sent[0][1]["who"] == person()


def test_only_the_throws_that_a_worker_has_in_force_are_to_end(artifacts: Path, sent: Sent) -> None:
    with stopped(artifacts, "http://127.0.0.1:8787", throws=("throw-1", "throw-2")):
        typed(*RELEASE)

    assert [asked["ends"] for _, asked in sent] == [["throw-1", "throw-2"]]


@pytest.mark.parametrize(
    ("port", "status", "code"),
    [(8888, 1, "live.release-refused"), (8899, 7, "http.service-unreachable")],
)
def test_a_refused_release_has_its_code_and_keeps_no_other_worker_from_it(
    artifacts: Path, sent: Sent, port: int, status: int, code: str
) -> None:
    with stopped(artifacts, f"http://127.0.0.1:{port}", "http://127.0.0.1:8787"):
        ended = typed(*RELEASE, "--json")
        told = typed(*RELEASE)

    assert len(sent) == 4
    assert (ended.status, told.status) == (status, status)
    assert [one["status"] for one in ended.json["workers"]] == ["refused", "taken"]
    assert ended.json["workers"][0]["code"] == code
    assert f"stop not released: {code}: " in told.out


def test_what_is_no_service_is_said(sent: Sent) -> None:
    ended = typed(*RELEASE, "--url", "http://desk:9999")

    assert len(sent) == 1
    assert ended.status == 2
    assert ended.err.startswith("switch.service-unknown: http://desk:9999: ")


def test_a_service_that_is_named_is_asked_alone(sent: Sent) -> None:
    ended = typed(*RELEASE, "--url", "http://desk:1")

    assert ended.status == 0
    assert sent == [
        (
            "http://desk:1/v1/switches/stop/release",
            {"reason": "prices are back", "who": person(), "ends": None},
        )
    ]


def test_without_a_worker_it_is_refused_with_what_to_do(sent: Sent) -> None:
    ended = typed(*RELEASE)

    assert ended.status == 7
    assert ended.err.startswith("switch.nobody-serves: ")
    assert "start the service (torghut status says how)" in ended.err
    assert sent == []


def test_a_worker_that_does_not_listen_cannot_release(artifacts: Path, sent: Sent) -> None:
    with stopped(artifacts, "http://127.0.0.1:8787", ""):
        ended = typed(*RELEASE)

    assert ended.status == 7
    assert "no address of worker-1" in ended.err
    assert sent == []


def test_what_is_not_in_force_is_not_released(artifacts: Path, sent: Sent) -> None:
    with living(FakeWorker(artifacts)):
        ended = typed(*RELEASE)

    assert ended.status == 1
    assert ended.err.startswith("switch.not-in-force: ")
    assert sent == []


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("# tokens\nread read r\noperate operate abc # desk\n", "abc"),
        ("read read r\n", None),
        ("one-token\n", None),
        ("", None),
    ],
)
def test_the_token_that_operates_is_found_in_the_services_own_file(
    tmp_path: Path, text: str, token: str | None
) -> None:
    (tmp_path / "api-tokens").write_text(text, encoding="utf-8")

    assert operating_token(tmp_path / "api-tokens") == token
    assert operating_token(tmp_path / "nothing") is None


def until(service: LiveService, status: int) -> Sequence[str]:
    """Return what the status says once it ends so."""
    ended = service.typed("status")
    for _ in range(40):
        if ended.status == status:
            break
        ended = service.typed("status")
    assert ended.status == status, ended.out
    return ended.out.splitlines()


@contextlib.contextmanager
def serving(service: LiveService) -> Iterator[None]:
    """Let the service run, and end in good order."""
    service.start()
    yield
    assert service.end() == 0, service.said()


@pytest.mark.slow
def test_a_switch_is_thrown_recorded_and_released_by_a_real_service(tmp_path: Path) -> None:
    with live_service(tmp_path) as service:
        with serving(service):
            drilled = service.typed("switch", "drill", "stop")
            thrown = service.typed("switch", "throw", "stop", "--reason", "wrong prices")
            held = until(service, 1)
        with serving(service):
            still = until(service, 1)
            released = service.typed(*RELEASE)
            until(service, 0)
        with serving(service):
            at_last = until(service, 0)

    assert (drilled.status, thrown.status) == (0, 0), thrown.out + thrown.err
    for lines in (held, still):
        assert lines[0].startswith("worker-0  stopped: switch stop thrown by ")
        assert lines[-1] == "next      torghut switch release stop --reason TEXT"
    assert released.status == 0, released.out + released.err
    assert "stop released, on record at 0:" in released.out
    assert at_last[0].startswith("worker-0  live")
    assert [path.name for path in (tmp_path / "var" / "switches").glob("*.json")] == []
