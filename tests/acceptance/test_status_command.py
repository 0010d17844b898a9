"""``torghut status``: how every worker stands, whatever is down, and what to type next."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.workers import FakeWorker, living, living_apart, status_of
from tests.support.machine.commands import Ended, environment, started, typed
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.filesystem.worker_pages import HeldPage
from torghut.adapters.system.clock import SystemClock
from torghut.composition import standby
from torghut.schemas.live.worker import SwitchThrownFile, WorkerStatus

pytestmark = pytest.mark.usefixtures("artifacts")

STOP = {
    "name": "stop",
    "throw_id": "throw-1",
    "who": "ann@desk",
    "reason": "wrong prices",
    "thrown_wall_ns": 1_700_000_000_000_000_000,
    "recorded": True,
}


@contextlib.contextmanager
def said(artifacts: Path, *statuses: WorkerStatus) -> Iterator[None]:
    """Let workers have said this, and still hold their pages."""
    with contextlib.ExitStack() as stack:
        for status in statuses:
            page = HeldPage(artifacts / "workers", status.worker)
            stack.callback(page.close)
            page.write(status)
        yield


def asked(artifacts: Path, *statuses: WorkerStatus) -> Ended:
    with said(artifacts, *statuses):
        return typed("status")


def next_of(ended: Ended) -> str:
    return ended.out.splitlines()[-1].removeprefix("next").strip()


def degraded(code: str) -> dict[str, object]:
    return {"code": code, "since_wall_ns": 1_700_000_000_000_000_000, "detail": "as it is"}


def test_a_worker_that_acts_is_live(artifacts: Path) -> None:
    ended = asked(artifacts, status_of())

    assert ended.status == 0
    assert ended.out.splitlines()[0] == f"worker-0  live (process {os.getpid()})"
    for words in (
        "1,234 of 1,240 contexts, 6 refused; the last 0.",
        "position 0:12:3",
        "12 ms; 3 pending; 2 subscribers; 2 control records",
        "fxcm:EURUSD paper, cap 100,000; position +12,000 (paper), target +12,000",
        "index-daily@abababababab; kernel 2, declarations cdcdcdcdcdcd",
        "latch     open",
        "degraded  no",
    ):
        assert words in ended.out
    assert next_of(ended) == "torghut decision tail --follow"


def test_a_stop_is_told_with_who_when_and_why(artifacts: Path) -> None:
    ended = asked(
        artifacts, status_of(state="stopped", reason="switch stop thrown", switches=[STOP])
    )

    assert ended.status == 1
    assert "worker-0  stopped: switch stop thrown" in ended.out
    assert "stop thrown by ann@desk at 2023-11-14T22:13:20Z: wrong prices [on record]" in ended.out
    assert next_of(ended) == "torghut switch release stop --reason TEXT"


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("log-away", "torghut doctor"),
        ("disk-full", "df -h 'var/the logs'"),
        ("source-silent", "torghut status --watch"),
    ],
)
def test_a_degraded_mode_is_told_with_its_beginning(
    artifacts: Path, code: str, wanted: str
) -> None:
    ended = asked(
        artifacts,
        status_of(
            state="stale", reason=code, degraded=[degraded(code)], log="var/the logs/live.log"
        ),
    )

    assert ended.status == 1
    assert f"{code} since 2023-11-14T22:13:20Z: as it is" in ended.out
    assert next_of(ended) == wanted


def test_a_closed_latch_is_told(artifacts: Path) -> None:
    ended = asked(artifacts, status_of(state="stopped", reason="latch", latch=True))

    assert ended.status == 1
    assert "closed: no exposure grows" in ended.out
    assert next_of(ended).startswith("torghut control send")


def test_a_dead_worker_is_unreachable_with_its_last_figures(artifacts: Path) -> None:
    with living_apart(artifacts):
        pass

    ended = typed("status")

    assert ended.status == 7
    assert ended.out.startswith("worker-0  unreachable since 20")
    assert "1,234 of 1,240 contexts" in ended.out
    assert next_of(ended) == (
        "torghut serve --source api: --log var/logs/live.log --worker worker-0"
    )


def test_a_halted_worker_does_not_answer(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torghut.entrypoints.cli.status.judging.OLD_NS", 100_000_000)
    with living_apart(artifacts) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        time.sleep(0.15)

        ended = typed("status")

    assert ended.status == 7
    assert "worker-0  not answering since 20" in ended.out
    assert f"(process {process.pid}); as it stood then:" in ended.out
    assert next_of(ended).endswith(f"-p {process.pid}")


def test_a_clock_that_was_set_makes_nobody_silent(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = HandClock(time_ns=SystemClock().now_ns() - 3600 * 10**9)
    monkeypatch.setattr("torghut.composition.standby.wall_clock", lambda: behind)
    with living(FakeWorker(artifacts)):
        ended = typed("status")

    assert ended.status == 0


def test_a_worker_that_begins_is_told_from_the_one_before(artifacts: Path) -> None:
    with said(artifacts, status_of(pid=7)):
        ended = typed("status")

    assert ended.status == 1
    assert f"worker-0  starting (process {os.getpid()}); as an earlier process left it:" in (
        ended.out
    )
    assert next_of(ended) == "torghut status --watch"


def test_a_worker_that_said_nothing_yet_is_starting(artifacts: Path) -> None:
    page = HeldPage(artifacts / "workers", "worker-0")

    ended = typed("status")

    page.close()
    assert ended.status == 1
    assert "worker-0  starting" in ended.out


def test_a_page_that_cannot_be_made_out_is_unreachable(artifacts: Path) -> None:
    (artifacts / "workers").mkdir(parents=True)
    (artifacts / "workers" / "worker-0.page").write_bytes(os.urandom(40_000))

    ended = typed("status")

    assert ended.status == 7
    assert "worker-0  unreachable: its page cannot be made out" in ended.out


def test_where_nobody_ever_served_it_says_how_to_begin() -> None:
    ended = typed("status")

    assert ended.status == 7
    assert "nobody has ever served here" in ended.out
    assert next_of(ended) == "torghut serve --source api:"


def test_a_switch_that_no_worker_has_read_is_told(artifacts: Path) -> None:
    SwitchFiles(artifacts / "switches", ids=CountingIds(), wall=HandClock()).throw(
        SwitchThrownFile(
            name="stop", throw_id="throw-1", reason="r", who="ann@desk", thrown_wall_ns=1
        )
    )

    ended = asked(artifacts, status_of())

    assert "[file, read by nobody yet]" in ended.out
    assert next_of(ended) == "torghut switch release stop --reason TEXT"


def test_of_several_workers_the_worst_counts(artifacts: Path) -> None:
    stopped = status_of("worker-1", state="stopped", reason="r", switches=[STOP])

    ended = asked(artifacts, status_of(), stopped)

    assert ended.status == 1
    assert [line.split()[:2] for line in ended.out.splitlines()[:2]] == [
        ["worker-0", "live"],
        ["worker-1", "stopped:"],
    ]


def test_one_worker_can_be_asked_for_alone(artifacts: Path) -> None:
    with said(artifacts, status_of(), status_of("worker-1", state="stale", reason="r")):
        ended = typed("status", "--worker", "worker-0")

    assert ended.status == 0
    assert "worker-1" not in ended.out


def test_a_worker_that_ended_in_good_order_does_not_count_beside_others(artifacts: Path) -> None:
    with said(artifacts, status_of("worker-1", phase="ended")):
        pass

    with_others = asked(artifacts, status_of())
    alone = typed("status", "--worker", "worker-1")

    assert with_others.status == 0
    assert "worker-1  ended in good order" in with_others.out
    assert alone.status == 7
    assert "worker-1  ended since 20" in alone.out


def test_there_are_never_more_than_thirty_lines(artifacts: Path) -> None:
    symbol = status_of().symbols[0].model_dump()
    whole: dict[str, Any] = {
        "state": "stopped",
        "reason": "r" * 600,
        "symbols": [symbol | {"symbol": f"fxcm:S{number}"} for number in range(20)],
        "switches": [STOP | {"throw_id": f"throw-{number}"} for number in range(9)],
        "degraded": [degraded("lag")] * 9,
    }

    one = asked(artifacts, status_of(**whole))
    many = asked(artifacts, *(status_of(f"worker-{number}", **whole) for number in range(9)))

    for ended in (one, many):
        lines = ended.out.splitlines()
        assert len(lines) <= 30
        assert max(map(len, lines)) <= 240
        assert next_of(ended) == "torghut switch release stop --reason TEXT"


def test_machines_read_everything(artifacts: Path) -> None:
    status = status_of(state="stopped", reason="r", switches=[STOP])
    with said(artifacts, status):
        ended = typed("status", "--json")

    (worker,) = ended.json["workers"]
    assert ended.status == ended.json["exit"] == 1
    assert WorkerStatus.model_validate(worker["status"]) == status
    assert (worker["condition"], worker["alive"], worker["since_wall_ns"]) == (
        "stopped",
        True,
        None,
    )


def test_nothing_is_written(artifacts: Path) -> None:
    typed("status")

    assert not artifacts.exists()


def test_what_a_worker_says_does_nothing_to_the_terminal(artifacts: Path) -> None:
    ended = asked(artifacts, status_of(state="stale", reason="\x1b[2Jgone\nnext  evil"))

    assert "\x1b" not in ended.out
    assert "stale: ?[2Jgone?next  evil" in ended.out


def run_watch(artifacts: Path, *arguments: str) -> tuple[int, list[str]]:
    """Return how watching ends, and what it printed, while a worker is stopped and then dies."""
    worker = FakeWorker(artifacts)
    with started(artifacts.parent, "status", "--watch", *arguments) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        with living(worker):
            lines.append(process.stdout.readline())
        lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        lines.extend(process.stdout.readlines())
        return process.wait(), [line for line in lines if line]


@pytest.mark.slow
def test_watching_tells_each_change_on_a_line(artifacts: Path) -> None:
    status, lines = run_watch(artifacts)

    assert status == 7
    assert [line.split(" ", 1)[1].strip() for line in lines] == [
        "nobody has ever served here",
        "worker-0 live",
        "worker-0 unreachable",
    ]


@pytest.mark.slow
def test_watching_tells_machines_each_change_on_a_line(artifacts: Path) -> None:
    status, lines = run_watch(artifacts, "--json")

    assert status == 7
    conditions = [[one["condition"] for one in json.loads(line)["workers"]] for line in lines]
    assert conditions == [[], ["live"], ["unreachable"]]


def test_watching_ends_with_ctrl_c_and_how_it_stood(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = iter([None, None])

    def pause(_seconds: float) -> None:
        if next(pauses, "end") == "end":
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pause)
    with said(artifacts, status_of(state="stale", reason="r")):
        ended = typed("status", "--watch")

    assert ended.status == 1
    assert len(ended.out.splitlines()) == 1


def test_status_loads_nothing_that_decides(artifacts: Path) -> None:
    code = (
        "import sys; from torghut.entrypoints.cli import main\n"
        "try: main(['status'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numba', 'numpy', 'sqlite3', 'uvicorn'}.intersection(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(artifacts.parent),
        check=True,
        capture_output=True,
        text=True,
    )

    assert ended.stdout.splitlines()[-1] == "[]"


def test_many_may_look_while_a_worker_starts(artifacts: Path) -> None:
    ended = threading.Event()

    def looking() -> None:
        while not ended.is_set():
            standby.worker_pages()

    threads = [threading.Thread(target=looking) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            HeldPage(artifacts / "workers", "worker-0").close()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
