"""Worker pages: what a worker said last can be read whatever became of it."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.workers import living_apart, status_of
from torghut.adapters.filesystem.worker_pages import (
    HALF_BYTES,
    PAGE_BYTES,
    HeldPage,
    WorkerNameTakenError,
    read_pages,
)
from torghut.adapters.filesystem.writing import FileWriteError
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.switch_ports import WorkerSeen

_LONG: Final = 600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workers"


def only(folder: Path) -> WorkerSeen:
    (seen,) = read_pages(folder)
    return seen


def test_nobody_is_seen_where_nobody_ever_served(folder: Path) -> None:
    assert read_pages(folder) == []


def test_a_worker_is_seen_as_it_says(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")
    status = status_of(reason="naïve → ☃")

    page.write(status)

    assert only(folder) == WorkerSeen(
        worker="worker-0", alive=True, pid=os.getpid(), rewritten=2, status=status
    )
    page.close()


def test_a_worker_that_said_nothing_yet_is_seen_alive(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")

    assert only(folder) == WorkerSeen(worker="worker-0", alive=True, pid=os.getpid(), rewritten=1)
    page.close()


def test_what_a_worker_said_last_stays(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")
    for contexts in (1300, 1400, 1500):
        page.write(status_of(contexts=contexts))

    page.close()

    seen = only(folder)
    assert not seen.alive
    assert seen.status is not None
    assert seen.status.contexts == 1500


def test_what_was_said_stays_until_the_next_process_speaks(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")
    page.write(status_of(pid=7))
    page.close()

    page = HeldPage(folder, "worker-0")

    seen = only(folder)
    assert (seen.alive, seen.pid, seen.rewritten) == (True, os.getpid(), 3)
    assert seen.status is not None
    assert seen.status.pid == 7
    page.close()


def test_a_page_is_written_in_place(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")
    before = (folder / "worker-0.page").stat()

    for _ in range(5):
        page.write(status_of())

    after = (folder / "worker-0.page").stat()
    assert (
        (after.st_ino, after.st_size)
        == (before.st_ino, before.st_size)
        == (
            before.st_ino,
            PAGE_BYTES,
        )
    )
    assert after.st_blocks == before.st_blocks
    assert before.st_blocks * 512 >= PAGE_BYTES
    page.close()


@pytest.mark.parametrize("place", [20, 200, HALF_BYTES - 1])
def test_a_half_that_was_being_written_gives_way_to_the_other(folder: Path, place: int) -> None:
    page = HeldPage(folder, "worker-0")
    page.write(status_of(contexts=1300, reason="r" * _LONG))
    page.write(status_of(contexts=1400, reason="r" * _LONG))
    page.close()
    path = folder / "worker-0.page"
    body = bytearray(path.read_bytes())
    newest = max(0, HALF_BYTES) * (only(folder).rewritten % 2)

    body[newest + place : newest + HALF_BYTES] = b"\0" * (HALF_BYTES - place)
    path.write_bytes(body)

    seen = only(folder)
    whole_still = place == HALF_BYTES - 1  # padding says nothing
    assert seen.status is not None
    assert seen.status.contexts == (1400 if whole_still else 1300)


def test_a_page_of_which_no_half_is_whole_says_so(folder: Path) -> None:
    folder.mkdir()
    (folder / "worker-0.page").write_bytes(os.urandom(PAGE_BYTES))

    assert only(folder) == WorkerSeen(
        worker="worker-0", alive=False, fault="its page cannot be made out"
    )


def test_a_page_that_is_no_page_is_taken_over(folder: Path) -> None:
    folder.mkdir()
    (folder / "worker-0.page").write_bytes(b"garbage")
    page = HeldPage(folder, "worker-0")

    page.write(status_of())

    assert only(folder).status is not None
    page.close()


def test_a_page_of_another_version_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = HeldPage(folder, "worker-0")
    with monkeypatch.context() as patched:
        patched.setattr(
            "torghut.adapters.filesystem.worker_pages.page_text", lambda *_: b'{"type": "v9"}'
        )
        page.write(status_of())

    seen = only(folder)

    assert (seen.alive, seen.status, seen.fault) == (
        True,
        None,
        "its page is that of another version",
    )
    page.close()


def test_a_name_that_a_process_has_is_refused_with_the_process(tmp_path: Path) -> None:
    with living_apart(tmp_path) as process, pytest.raises(WorkerNameTakenError) as refused:
        HeldPage(tmp_path / "workers", "worker-0")

    assert refused.value.holder == f"process {process.pid}"


def test_a_name_is_refused_within_its_own_process_too(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")

    with pytest.raises(WorkerNameTakenError):
        HeldPage(folder, "worker-0")

    assert only(folder).alive
    page.close()
    HeldPage(folder, "worker-0").close()


def test_one_who_reads_keeps_no_worker_from_starting(folder: Path) -> None:
    HeldPage(folder, "worker-0").close()
    descriptor = os.open(folder / "worker-0.page", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    timer = threading.Timer(0.1, os.close, (descriptor,))
    timer.start()

    page = HeldPage(folder, "worker-0")

    assert only(folder).alive
    page.close()
    timer.join()


def test_a_halted_worker_lives_and_a_killed_one_does_not(tmp_path: Path) -> None:
    with living_apart(tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        halted = [only(tmp_path / "workers")]
        time.sleep(0.1)
        halted.append(only(tmp_path / "workers"))
        process.kill()
        process.wait()
        killed = only(tmp_path / "workers")

    assert [one.alive for one in halted] == [True, True]
    assert halted[0].rewritten == halted[1].rewritten
    assert (killed.alive, killed.pid) == (False, process.pid)
    assert killed.status == halted[0].status


def test_a_page_that_cannot_be_written_is_left_old(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = HeldPage(folder, "worker-0")
    page.write(status_of(contexts=1300))

    def refuse(*_given: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        page.write(status_of(contexts=1400))

    seen = only(folder)
    assert seen.status is not None
    assert seen.status.contexts == 1300
    page.close()


def test_a_page_that_cannot_be_made_is_refused(folder: Path) -> None:
    folder.write_bytes(b"")

    with pytest.raises(FileWriteError):
        HeldPage(folder, "worker-0")


def standing(name: str, letter: str, throw_id: str) -> dict[str, object]:
    return {
        "name": name,
        "throw_id": throw_id,
        "who": letter * 200,
        "reason": letter * _LONG,
        "thrown_wall_ns": 1,
        "recorded": True,
    }


def everything(letter: str, count: int) -> WorkerStatus:
    """Return a status with as much to say as there can be."""
    symbol = status_of().symbols[0].model_dump()
    return status_of(
        "w" * 200,
        log="/" + letter * 4000,
        source=letter * 4000,
        reason=letter * 600,
        symbols=[symbol | {"symbol": "x" * 32 + ":" + "Y" * 32}] * 20,
        packages={f"router-{number}": "ab" * 32 for number in range(count)},
        switches=[standing("stop", letter, f"{number:064}") for number in range(count)],
        degraded=[{"code": "lag", "since_wall_ns": 1, "detail": letter * 600}] * count,
        acknowledged=[{"throw_id": f"drill-{n:064}", "wall_ns": 1} for n in range(16)],
    )


@pytest.mark.parametrize("letter", ["a", "☃", "\x01", "😀"])
@pytest.mark.parametrize("count", [1, 8, 100])
def test_however_much_there_is_to_say_a_page_holds_it(
    folder: Path, letter: str, count: int
) -> None:
    page = HeldPage(folder, "worker-0")

    page.write(everything(letter, count))

    status = only(folder).status
    assert status is not None
    assert status.contexts == 1240
    assert status.acknowledged[-1].throw_id == f"drill-{15:064}"
    assert status.declarations == "cd" * 32
    page.close()


def a_link(path: Path) -> None:
    path.symlink_to(path.parent)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("made", [a_link, a_folder, a_pipe])
def test_what_is_no_file_is_no_living_worker(folder: Path, made: Callable[[Path], None]) -> None:
    folder.mkdir()

    made(folder / "worker-0.page")

    seen = only(folder)
    assert (seen.alive, seen.status) == (False, None)
    assert seen.fault.startswith("its page ")


@pytest.mark.parametrize("worker", ["a/../../b", "a:b@c", "a%2Fb"])
def test_a_name_stays_in_the_folder(folder: Path, worker: str) -> None:
    page = HeldPage(folder, worker)

    assert only(folder).worker == worker
    assert [path.parent for path in folder.parent.rglob("*.page")] == [folder]
    page.close()


def test_counts_of_a_page_that_is_too_long_stay_whole(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")
    counts = tuple(range(18))
    packages = {f"router-{number}": "ab" * 32 for number in range(300)}

    page.write(status_of(packages=packages, reason="r" * _LONG, durable_within=counts))

    seen = only(folder)
    assert seen.status is not None
    assert len(seen.status.packages) < 300
    assert seen.status.durable_within == counts
    page.close()


def test_page_of_before_it_said_how_long_outcomes_took_is_read(folder: Path) -> None:
    page = HeldPage(folder, "worker-0")
    page.write(status_of())

    seen = only(folder)
    assert seen.status is not None
    assert "durable_within" not in seen.status.model_dump(mode="json")
    assert seen.status.durable_within == ()
    page.close()
