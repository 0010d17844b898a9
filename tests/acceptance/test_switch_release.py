"""``torghut switch release``: on the record of a service that runs, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.commands import typed
from tests.fakes.workers import FakeWorker, living, status_of
from tests.live_services import LiveService, live_service
from torghut.adapters.filesystem.worker_pages import HeldPage
from torghut.client import Answered
from torghut.entrypoints.cli.switch import releasing
from torghut.schemas.control import SwitchThrown
from torghut.settings import ARTIFACT_DIR, settings

RELEASE = ("switch", "release", "stop", "--reason", "prices are back")


@pytest.fixture(autouse=True)
def artifacts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ARTIFACT_DIR, str(tmp_path / "var"))
    settings.cache_clear()
    yield tmp_path / "var"
    settings.cache_clear()


Sent = list[tuple[str, Path | None, SwitchThrown]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Return what is sent to services, each of which takes it but the last."""
    records: Sent = []

    def send(url: str, token_file: Path | None, record: SwitchThrown) -> Answered:
        records.append((url, token_file, record))
        refused = url.endswith("8888")
        return Answered(
            control_id=record.control_id,
            status="refused" if refused else "taken",
            code="control.any" if refused else "",
            detail="any" if refused else "",
            position="0:13:0",
        )

    monkeypatch.setattr(releasing, "_send", send)
    return records


@contextlib.contextmanager
def stopped(artifacts: Path, *apis: str) -> Iterator[None]:
    """Let workers with these addresses have a stop on record."""
    stop = {
        "name": "stop",
        "throw_id": "throw-1",
        "who": "ann@desk",
        "reason": "r",
        "thrown_wall_ns": 1,
        "recorded": True,
    }
    with contextlib.ExitStack() as stack:
        for number, api in enumerate(apis):
            page = HeldPage(artifacts / "workers", f"worker-{number}")
            stack.callback(page.close)
            page.write(status_of(f"worker-{number}", state="stopped", api=api, switches=[stop]))
        yield


def test_every_worker_that_has_it_on_record_is_asked(artifacts: Path, sent: Sent) -> None:
    with stopped(artifacts, "http://127.0.0.1:8787", "http://127.0.0.1:8788"):
        ended = typed(*RELEASE)

    assert ended.status == 0, ended.err
    assert "worker-0  stop released, on record at 0:13:0" in ended.out
    assert [url for url, _, _ in sent] == ["http://127.0.0.1:8787", "http://127.0.0.1:8788"]
    record = sent[0][2]
    assert (record.name, record.state, record.symbol) == ("stop", "released", "*")
    assert record.reason.startswith("prices are back (released by ")


def test_a_refused_release_is_a_no_with_its_code(artifacts: Path, sent: Sent) -> None:
    with stopped(artifacts, "http://127.0.0.1:8787", "http://127.0.0.1:8888"):
        ended = typed(*RELEASE, "--json")

    assert len(sent) == 2
    assert ended.status == 1
    assert [one["status"] for one in ended.json["workers"]] == ["taken", "refused"]
    assert ended.json["workers"][1]["code"] == "control.any"


def test_a_service_that_is_named_is_asked_alone(sent: Sent) -> None:
    ended = typed(*RELEASE, "--url", "http://desk:1")

    assert ended.status == 0
    assert [url for url, _, _ in sent] == ["http://desk:1"]


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

    assert releasing.operating_token(tmp_path / "api-tokens") == token
    assert releasing.operating_token(tmp_path / "nothing") is None


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
