"""``torghut switch``: one person throws, every worker answers, and only the record releases."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.workers import FakeWorker, living, living_apart
from tests.support.machine.commands import typed
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.schemas.live.worker import SwitchThrownFile
from torghut.settings import settings
from torghut.workflows.live.switch_ports import SWITCH_NAMES

pytestmark = pytest.mark.usefixtures("artifacts")

THROW = ("switch", "throw", "stop", "--reason", "wrong prices")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those who throw wait for a moment only."""
    monkeypatch.setattr("torghut.entrypoints.cli.switch.throwing._budget_ms", lambda: 200)


def files(artifacts: Path) -> SwitchFiles:
    return SwitchFiles(artifacts / "switches", ids=CountingIds(), wall=HandClock())


def left_behind(artifacts: Path, throw_id: str) -> None:
    """Throw a stop whose file will have been left behind by a release."""
    files(artifacts).throw(
        SwitchThrownFile(
            name="stop", throw_id=throw_id, reason="first", who="ann@desk", thrown_wall_ns=1
        )
    )


@pytest.mark.parametrize("name", SWITCH_NAMES)
def test_every_worker_that_lives_acknowledges_a_throw(artifacts: Path, name: str) -> None:
    with living(FakeWorker(artifacts)), living(FakeWorker(artifacts, "worker-1")):
        ended = typed("switch", "throw", name, "--reason", "wrong prices", "--json")

    assert ended.status == 0, ended.err
    assert ended.json["before"] == "not thrown"
    assert ended.json["after"].endswith("Z: wrong prices")
    assert [one["worker"] for one in ended.json["workers"]] == ["worker-0", "worker-1"]
    assert all(one["became"] == "acknowledged" for one in ended.json["workers"])
    assert all(0.0 <= one["acknowledged_ms"] < 3000.0 for one in ended.json["workers"])
    assert [one.name for one in files(artifacts).thrown()] == [name]


def test_people_read_before_and_after_each_answer_and_the_undo(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        lines = typed(*THROW).out.splitlines()

    assert lines[0].startswith("switch stop  not thrown → thrown by ")
    assert lines[1].split()[:3] == ["worker-0", "acknowledged", "after"]
    assert lines[-1] == "undo: torghut switch release stop --reason TEXT"


def test_a_throw_holds_where_nobody_serves(artifacts: Path) -> None:
    ended = typed(*THROW)

    assert ended.status == 0
    assert "nobody is serving; whoever starts reads it before its first decision" in ended.out
    assert [one.reason for one in files(artifacts).thrown()] == ["wrong prices"]


def test_a_worker_that_hangs_is_named(artifacts: Path, hurried: None) -> None:  # noqa: ARG001
    with living(FakeWorker(artifacts)), living_apart(artifacts, "worker-1") as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)

        ended = typed(*THROW)

    assert ended.status == 6
    assert "not acknowledged by worker-1; look at torghut status" in ended.out
    assert f"process {process.pid} is there and says nothing; it hangs" in ended.out
    assert [one.name for one in files(artifacts).thrown()] == ["stop"]


def test_a_worker_that_answers_but_not_to_this_is_named(
    artifacts: Path,
    hurried: None,  # noqa: ARG001
) -> None:
    deaf = FakeWorker(artifacts)
    with living(deaf):
        artifacts.joinpath("switches").mkdir(exist_ok=True)
        deaf.hears = False

        ended = typed(*THROW, "--json")

    assert ended.status == 6
    assert ended.json["missing"] == ["worker-0"]
    assert [one["became"] for one in ended.json["workers"]] == ["silent"]


@pytest.mark.slow
def test_a_worker_that_is_killed_meanwhile_is_not_waited_for(artifacts: Path) -> None:
    with living_apart(artifacts) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        timer = threading.Timer(0.1, process.kill)
        timer.start()

        ended = typed(*THROW, "--json")
        timer.join()

    assert ended.status == 0
    assert [one["became"] for one in ended.json["workers"]] == ["ended"]


def test_what_is_thrown_already_keeps_the_first_throw(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        typed(*THROW)
        before = files(artifacts).thrown()

        ended = typed("switch", "throw", "stop", "--reason", "again", "--json")

    assert ended.status == 0
    assert ended.json["kept"] is True
    assert [one["became"] for one in ended.json["workers"]] == ["acknowledged"]
    assert files(artifacts).thrown() == before


def test_a_file_that_a_release_left_behind_does_not_pass_for_a_throw(artifacts: Path) -> None:
    left_behind(artifacts, "throw-1")
    with living(FakeWorker(artifacts, released={"throw-1"})):
        ended = typed(*THROW, "--json")

    assert ended.status == 0
    assert ended.json["kept"] is False
    assert [one.reason for one in files(artifacts).thrown()] == ["first", "wrong prices"]


def test_where_nobody_can_tell_whether_it_holds_it_is_thrown_again(artifacts: Path) -> None:
    left_behind(artifacts, "throw-1")

    typed(*THROW)

    assert [one.reason for one in files(artifacts).thrown()] == ["first", "wrong prices"]


def test_a_throw_that_a_release_overtakes_is_thrown_again(artifacts: Path) -> None:
    worker = FakeWorker(artifacts)
    with living(worker):
        typed(*THROW)
        (first,) = files(artifacts).thrown()
        worker.speaks = False  # its page says that the stop holds, as of before the release
        time.sleep(0.1)
        timer = threading.Timer(0.05, files(artifacts).retire, ("stop", first.throw_id))
        timer.start()
        speaking = threading.Timer(0.3, setattr, (worker, "speaks", True))
        speaking.start()

        ended = typed("switch", "throw", "stop", "--reason", "again", "--json")
        timer.join()
        speaking.join()

    assert ended.status == 0
    assert [one.reason for one in files(artifacts).thrown()] == ["again"]


def test_a_dry_run_writes_nothing_and_says_who_would_be_asked(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        ended = typed(*THROW, "--dry-run")

    assert ended.status == 0
    assert f"would be asked (process {os.getpid()})" in ended.out
    assert ended.out.splitlines()[-1] == "nothing was written"
    assert not (artifacts / "switches").exists()


@pytest.mark.parametrize("reason", [("--reason", " \n"), ()])
def test_a_throw_without_a_reason_is_wrong_usage(reason: tuple[str, ...]) -> None:
    assert typed("switch", "throw", "stop", *reason).status == 2


@pytest.mark.parametrize(
    ("typed_reason", "kept"),
    [
        ("x" * 9000, "x" * 500),
        ("two\nlines\tand \x1b[2J", "two lines and ?[2J"),
        ("not UTF-8: \udcff", "not UTF-8: ?"),
    ],
)
def test_no_reason_keeps_a_switch_from_being_thrown(
    artifacts: Path, typed_reason: str, kept: str
) -> None:
    ended = typed("switch", "throw", "stop", "--reason", typed_reason)

    assert ended.status == 0
    assert [one.reason for one in files(artifacts).thrown()] == [kept]


def test_a_throw_needs_no_declarations(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORGHUT_DECLARATIONS_DIR", str(artifacts / "nowhere"))
    settings.cache_clear()

    ended = typed(*THROW)

    assert ended.status == 0
    assert "settings.declarations-missing" in ended.err
    assert [one.name for one in files(artifacts).thrown()] == ["stop"]


def test_a_throw_that_cannot_be_put_anywhere_is_unreachable(artifacts: Path) -> None:
    artifacts.write_bytes(b"")

    ended = typed(*THROW)

    assert ended.status == 7
    assert ended.err.splitlines()[-1].startswith("switches.not-thrown: switch stop: ")


def test_pages_that_cannot_be_read_keep_nobody_from_throwing(artifacts: Path) -> None:
    artifacts.mkdir()
    (artifacts / "workers").write_bytes(b"")

    ended = typed(*THROW)

    assert ended.status == 6
    assert "who serves cannot be told: filesystem.read-failed" in ended.out
    assert [one.name for one in files(artifacts).thrown()] == ["stop"]


def test_a_drill_is_acknowledged_and_leaves_nothing(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        ended = typed("switch", "drill", "stop", "--json")

        assert files(artifacts).thrown() == []
    assert ended.status == 0
    assert ended.json["drill"] is True
    assert [one["became"] for one in ended.json["workers"]] == ["acknowledged"]


@pytest.mark.slow
def test_a_drill_names_who_hangs(artifacts: Path, hurried: None) -> None:  # noqa: ARG001
    with living_apart(artifacts) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)

        ended = typed("switch", "drill", "stop")

    assert ended.status == 6
    assert files(artifacts).thrown() == []


def test_a_drill_is_not_acknowledged_by_an_earlier_one(
    artifacts: Path,
    hurried: None,  # noqa: ARG001
) -> None:
    worker = FakeWorker(artifacts)
    with living(worker):
        assert typed("switch", "drill", "stop").status == 0
        worker.hears = False
        assert typed("switch", "drill", "stop").status == 6


def test_every_switch_is_listed_with_who_when_why_and_whose_log_has_it(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        typed(*THROW)
        listed = typed("switch", "list", "--json").json["switches"]
        text = typed("switch", "list").out

    assert [one["name"] for one in listed] == list(SWITCH_NAMES)
    stop = listed[0]
    assert (stop["state"], stop["reason"]) == ("thrown", "wrong prices")
    assert "@" in stop["who"]
    assert stop["recorded_by"] == ["worker-0"]
    assert [one["state"] for one in listed[1:]] == ["released"] * 4
    assert "wrong prices" in text


def test_a_file_put_there_by_hand_is_listed_as_thrown(artifacts: Path) -> None:
    (artifacts / "switches").mkdir(parents=True)
    (artifacts / "switches" / "stop.json").touch()

    (stop, *_) = typed("switch", "list", "--json").json["switches"]

    assert (stop["state"], stop["reason"]) == ("thrown", "the switch file is empty")


def test_listing_makes_room_for_a_throw_on_a_full_disk(artifacts: Path) -> None:
    typed("switch", "list")

    assert (artifacts / "switches" / ".stop.spare").stat().st_size == 4096


def test_json_is_one_object(artifacts: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        assert not list(artifacts.iterdir())

    assert set(json.loads(typed(*THROW, "--json").out)) == {
        "switch",
        "before",
        "after",
        "drill",
        "kept",
        "dry_run",
        "asked",
        "workers",
        "missing",
        "faults",
        "undo",
        "incident",
    }
