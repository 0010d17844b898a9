"""``torghut switch release``: on the record of a service that runs, or not at all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.commands import Ended, started, typed
from tests.declared import ROOT
from tests.fakes.workers import FakeWorker, living, status_of
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.client import Answered
from torghut.entrypoints.cli.switch import releasing
from torghut.schemas.control import SwitchThrown
from torghut.settings import ARTIFACT_DIR, settings

_COMMAND = "from torghut.entrypoints.cli import main; main()"
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


def run(folder: Path, *arguments: str) -> Ended:
    """Return how a command ends in a process of its own, which may use the network."""
    ended = subprocess.run(
        [sys.executable, "-c", _COMMAND, *arguments],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT / "src"),
            ARTIFACT_DIR: str(folder / "var"),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    return Ended(status=ended.returncode, out=ended.stdout, err=ended.stderr)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[None]:
    """Let the real service run."""
    process = started(folder, "serve", "--source", "api:", "--listen", "127.0.0.1:0")
    try:
        for _ in range(600):
            pages = read_pages(folder / "var" / "workers")
            if [one for one in pages if one.alive and one.status and one.status.api]:
                break
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def until(folder: Path, status: int) -> Sequence[str]:
    """Return what the status says once it ends so."""
    ended = run(folder, "status")
    for _ in range(40):
        if ended.status == status:
            break
        ended = run(folder, "status")
    assert ended.status == status, ended.out
    return ended.out.splitlines()


@pytest.mark.slow
def test_a_switch_is_thrown_recorded_and_released_by_a_real_service(tmp_path: Path) -> None:
    with serving(tmp_path):
        drilled = run(tmp_path, "switch", "drill", "stop")
        thrown = run(tmp_path, "switch", "throw", "stop", "--reason", "wrong prices")
        held = until(tmp_path, 1)
    with serving(tmp_path):
        still = until(tmp_path, 1)
        released = run(tmp_path, *RELEASE)
        until(tmp_path, 0)
    with serving(tmp_path):
        at_last = until(tmp_path, 0)

    assert (drilled.status, thrown.status) == (0, 0), thrown.out + thrown.err
    for lines in (held, still):
        assert lines[0].startswith("worker-0  stopped: switch stop thrown by ")
        assert lines[-1] == "next      torghut switch release stop --reason TEXT"
    assert released.status == 0, released.out + released.err
    assert "stop released, on record at 0:" in released.out
    assert at_last[0].startswith("worker-0  live")
    assert [path.name for path in (tmp_path / "var" / "switches").glob("*.json")] == []
