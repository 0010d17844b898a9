"""Switch files: what stands under a switch's name throws it, and nothing in a file releases."""

from __future__ import annotations

import errno
import json
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.clock import CountingIds, HandClock
from torghut.adapters.filesystem.switches import folder as folder_module
from torghut.adapters.filesystem.switches import placing
from torghut.adapters.filesystem.switches.folder import (
    SwitchFiles,
    SwitchNotThrownError,
    ThrowIdRefusedError,
)
from torghut.adapters.filesystem.switches.reading import read_thrown
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchThrownFile
from torghut.workflows.live.switch_ports import SWITCH_NAMES, ThrownSwitch

_AT: Final = 1_700_000_000_000_000_000
_FULL: Final = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def throw_of(throw_id: str = "throw-1", name: SwitchName = "stop") -> SwitchThrownFile:
    return SwitchThrownFile(
        name=name, throw_id=throw_id, reason="wrong prices", who="ann@desk", thrown_wall_ns=_AT
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "switches"


@pytest.fixture
def files(folder: Path) -> SwitchFiles:
    return SwitchFiles(folder, ids=CountingIds(), wall=HandClock())


def put(folder: Path, name: str, body: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(body)
    return path


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """Let every write of this process fail, as far as the operating system can be made to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_new_file(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the disk be full: what is not there cannot be made, what is there can be written over."""
    real = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise _FULL
        return real(path, flags, mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        yield


def test_nothing_is_thrown_where_nobody_ever_threw(files: SwitchFiles, folder: Path) -> None:
    assert files.thrown() == []
    assert not folder.exists()


def test_a_throw_says_who_when_and_why(files: SwitchFiles) -> None:
    files.throw(throw_of())

    assert files.thrown() == [
        ThrownSwitch(
            name="stop",
            throw_id="throw-1",
            who="ann@desk",
            reason="wrong prices",
            thrown_wall_ns=_AT,
        )
    ]


def test_a_throw_is_in_a_file_named_after_the_switch(files: SwitchFiles, folder: Path) -> None:
    files.throw(throw_of())

    said = SwitchThrownFile.model_validate_json((folder / "stop.json").read_bytes())
    assert said == throw_of()
    assert [path.name for path in folder.iterdir()] == ["stop.json"]


def test_a_throw_is_synced_and_so_is_its_name(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def follow(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.name, (folder / "stop.json").exists()))
        real(descriptor)

    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", follow)

    files.throw(throw_of())

    assert synced == [(".stop.id-1.incoming", False), ("switches", True)]


def test_a_second_throw_stands_beside_the_first(files: SwitchFiles) -> None:
    files.throw(throw_of("throw-1"))
    files.throw(throw_of("throw-2"))

    assert [one.throw_id for one in files.thrown()] == ["throw-1", "throw-2"]


def test_of_many_who_throw_at_once_nobody_is_lost(folder: Path) -> None:
    together = threading.Barrier(8)

    def throw(number: int) -> None:
        files = SwitchFiles(folder, ids=CountingIds(1000 * number), wall=HandClock())
        together.wait()
        files.throw(throw_of(f"throw-{number}"))

    threads = [threading.Thread(target=throw, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    thrown = SwitchFiles(folder, ids=CountingIds(), wall=HandClock()).thrown()
    assert sorted(one.throw_id for one in thrown) == [f"throw-{number}" for number in range(8)]


def test_room_is_kept_for_every_switch(files: SwitchFiles, folder: Path) -> None:
    files.prepare()

    for name in SWITCH_NAMES:
        spare = (folder / f".{name}.spare").stat()
        assert spare.st_size == 4096
        assert spare.st_blocks * 512 >= 4096
    assert files.thrown() == []


def test_a_throw_on_a_full_disk_takes_the_room_that_was_kept(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.prepare()
    inode = (folder / ".stop.spare").stat().st_ino

    with no_new_file(monkeypatch):
        files.throw(throw_of())

    assert [one.who for one in files.thrown()] == ["ann@desk"]
    assert (folder / "stop.json").stat().st_ino == inode
    assert (folder / "stop.json").stat().st_size == 4096


def test_room_is_made_again_after_a_throw_took_it(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.prepare()
    with no_new_file(monkeypatch):
        files.throw(throw_of())
        files.prepare()
    assert not (folder / ".stop.spare").exists()

    files.prepare()

    assert (folder / ".stop.spare").stat().st_size == 4096


def test_room_is_made_again_once_the_throw_that_took_it_is_released(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.prepare()
    with no_new_file(monkeypatch):
        files.throw(throw_of())

    files.retire("stop", "throw-1")

    assert (folder / ".stop.spare").stat().st_size == 4096


def test_room_that_is_a_name_of_a_throw_is_not_written_over(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.throw(throw_of())
    (folder / ".stop.spare").hardlink_to(folder / "stop.json")

    with no_new_file(monkeypatch):
        files.throw(throw_of("throw-2"))

    assert files.thrown()[0].throw_id == "throw-1"


def test_where_nothing_can_be_written_the_room_itself_throws(files: SwitchFiles) -> None:
    files.prepare()

    with no_file_may_grow():
        files.throw(throw_of())

    (thrown,) = files.thrown()
    assert (thrown.name, thrown.who) == ("stop", "")
    assert thrown.reason == "the switch file does not say who threw it and why"


def test_where_no_room_was_kept_an_empty_file_throws(files: SwitchFiles, folder: Path) -> None:
    folder.mkdir(parents=True)

    with no_file_may_grow():
        files.throw(throw_of())

    (thrown,) = files.thrown()
    assert (thrown.name, thrown.reason) == ("stop", "the switch file is empty")


def test_where_not_even_a_name_can_be_put_it_is_said(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)

    with no_new_file(monkeypatch), pytest.raises(SwitchNotThrownError) as refused:
        files.throw(throw_of())

    assert refused.value.name == "stop"
    assert "No space left" in str(refused.value)
    assert files.thrown() == []


@pytest.mark.parametrize("failing", range(8))
def test_whichever_step_fails_a_throw_that_returns_has_thrown(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    files.prepare()
    steps = iter(range(100))

    def counted(step: Callable[..., None]) -> Callable[..., None]:
        def take(*given: object) -> None:
            if next(steps) == failing:
                raise _FULL
            step(*given)

        return take

    for step in ("_write", "_name", "sync_folder"):
        monkeypatch.setattr(placing, step, counted(getattr(placing, step)))

    files.throw(throw_of())

    assert {one.name for one in files.thrown()} == {"stop"}
    assert not [path for path in folder.iterdir() if path.suffix == ".incoming"]


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


def a_link_to_a_throw(path: Path) -> None:
    put(path.parent, "elsewhere", throw_of().model_dump_json().encode())
    path.symlink_to(path.parent / "elsewhere")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def a_folder(path: Path) -> None:
    (path / "below").mkdir(parents=True)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_huge_file(path: Path) -> None:
    put(path.parent, path.name, throw_of().model_dump_json().encode())
    os.truncate(path, 2**40)


def saying(body: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(body)

    return write


def changed(**fields: object) -> bytes:
    return json.dumps(throw_of().model_dump(mode="json") | fields).encode()


UNREADABLE: Final[dict[str, Callable[[Path], None]]] = {
    "link to nothing": a_link_to_nothing,
    "link to a throw": a_link_to_a_throw,
    "link to itself": a_link_to_itself,
    "folder": a_folder,
    "pipe": a_pipe,
    "huge file": a_huge_file,
    "empty file": saying(b""),
    "no JSON": saying(b"{"),
    "NULs": saying(bytes(4096)),
    "no UTF-8": saying(b"\xff\xfe" * 40),
    "deep JSON": saying(b"[" * 4096),
    "a number of 4,000 digits": saying(b"9" * 4000),
    "release": saying(changed(state="released")),
    "a number for a time": saying(changed(thrown_wall_ns="9" * 3000)),
    "other type": saying(changed(type="live.switch-thrown.v2")),
    "other switch": saying(changed(name="defensive-weights")),
    "unknown switch": saying(changed(name="nothing")),
    "id of a drill": saying(changed(throw_id="drill-1")),
    "id too long to record": saying(changed(throw_id="x" * 200)),
    "id with a slash": saying(changed(throw_id="../x")),
    "no reason": saying(changed(reason="")),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_throws(files: SwitchFiles, folder: Path, kind: str) -> None:
    folder.mkdir(parents=True)

    UNREADABLE[kind](folder / "stop.json")

    (thrown,) = files.thrown()
    assert (thrown.name, thrown.who, thrown.drill) == ("stop", "", False)
    assert thrown.reason.startswith("the switch file ")
    assert len(thrown.throw_id) < 60


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_keeps_its_id(files: SwitchFiles, folder: Path, kind: str) -> None:
    folder.mkdir(parents=True)
    UNREADABLE[kind](folder / "stop.json")

    first = files.thrown()
    other = SwitchFiles(folder, ids=CountingIds(), wall=HandClock(time_ns=1))

    assert files.thrown() == first == other.thrown()


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_taken_away_once_released(
    files: SwitchFiles, folder: Path, kind: str
) -> None:
    folder.mkdir(parents=True)
    UNREADABLE[kind](folder / "stop.json")
    (thrown,) = files.thrown()

    files.retire("stop", thrown.throw_id)

    assert files.thrown() == []
    assert os.path.lexists(folder / "released" / f"stop.{thrown.throw_id}.json")


def test_another_empty_file_is_another_throw(files: SwitchFiles, folder: Path) -> None:
    path = put(folder, "stop.json", b"")
    os.utime(path, ns=(_AT, _AT))
    (first,) = files.thrown()
    path.unlink()
    put(folder, "stop.json", b"")

    (second,) = files.thrown()

    assert first.throw_id != second.throw_id


def test_what_a_file_says_does_nothing_to_a_terminal(files: SwitchFiles, folder: Path) -> None:
    put(folder, "stop.json", changed(reason="\x1b[2Jcleared", who="ann\n"))

    (thrown,) = files.thrown()

    assert (thrown.reason, thrown.who) == ("?[2Jcleared", "ann?")


@pytest.mark.parametrize(
    "name", ["stop.json~", ".stop.json.swp", "stop", "Stop.json", "other.json", "stop.json.bak"]
)
def test_a_file_of_another_name_throws_nothing(files: SwitchFiles, folder: Path, name: str) -> None:
    put(folder, name, throw_of().model_dump_json().encode())

    assert files.thrown() == []


def test_more_files_than_can_be_looked_at_hide_no_throw(files: SwitchFiles, folder: Path) -> None:
    files.throw(throw_of("throw-1", "stop"))
    for number in range(40):
        put(folder, f"defensive-weights.{number}.json", b"")

    thrown = files.thrown()

    assert {one.name for one in thrown} == {"stop", "defensive-weights"}
    assert len(thrown) == 17


def test_a_folder_that_cannot_be_looked_at_stops(folder: Path) -> None:
    wall = HandClock(time_ns=5)
    files = SwitchFiles(folder, ids=CountingIds(), wall=wall)
    folder.parent.mkdir()
    folder.write_bytes(b"")

    (first,) = files.thrown()
    wall.time_ns = 6
    (second,) = files.thrown()

    assert first.name == "stop"
    assert "cannot be read: Not a directory" in first.reason
    assert second == first


def test_a_folder_that_cannot_be_looked_at_again_is_another_stop(folder: Path) -> None:
    wall = HandClock(time_ns=5)
    files = SwitchFiles(folder, ids=CountingIds(), wall=wall)
    folder.parent.mkdir()
    folder.write_bytes(b"")
    (first,) = files.thrown()
    folder.unlink()
    assert files.thrown() == []
    wall.time_ns = 6
    folder.write_bytes(b"")

    (second,) = files.thrown()

    assert first.throw_id != second.throw_id


def test_a_process_out_of_descriptors_stops_nothing(
    files: SwitchFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)

    def refuse(_path: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "scandir", refuse)

    assert files.thrown() == []


def test_a_released_throw_is_kept_aside(files: SwitchFiles, folder: Path) -> None:
    files.throw(throw_of())

    files.retire("stop", "throw-1")

    assert files.thrown() == []
    assert (folder / "released" / "stop.throw-1.json").is_file()


@pytest.mark.parametrize(
    ("name", "throw_id"), [("stop", "other"), ("defensive-weights", "throw-1")]
)
def test_only_the_throw_that_was_released_is_taken_away(
    files: SwitchFiles, name: str, throw_id: str
) -> None:
    files.throw(throw_of())

    files.retire(name, throw_id)

    assert [one.throw_id for one in files.thrown()] == ["throw-1"]


def test_releasing_one_throw_leaves_the_other(files: SwitchFiles) -> None:
    files.throw(throw_of("throw-1"))
    files.throw(throw_of("throw-2"))

    files.retire("stop", "throw-1")
    left = [one.throw_id for one in files.thrown()]
    files.retire("stop", "throw-2")

    assert left == ["throw-2"]
    assert files.thrown() == []


def test_a_throw_that_comes_while_another_is_taken_away_stands(
    files: SwitchFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.throw(throw_of("throw-1"))
    real = read_thrown
    looks = iter(range(100))

    def overtaken(path: Path, name: SwitchName, *, drill: bool = False) -> ThrownSwitch | None:
        found = real(path, name, drill=drill)
        if next(looks) == 0:
            path.unlink()
            files.throw(throw_of("throw-2"))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "read_thrown", overtaken)
        files.retire("stop", "throw-1")

    assert [one.throw_id for one in files.thrown()] == ["throw-2"]


def test_where_nothing_can_be_kept_aside_a_released_throw_is_removed(
    files: SwitchFiles, folder: Path
) -> None:
    files.throw(throw_of())
    put(folder, "released", b"")

    files.retire("stop", "throw-1")

    assert files.thrown() == []


def test_a_drill_is_told_from_a_throw(files: SwitchFiles) -> None:
    files.throw(throw_of())
    files.drill(throw_of("drill-1"))

    assert [(one.throw_id, one.drill) for one in files.thrown()] == [
        ("drill-1", True),
        ("throw-1", False),
    ]


def test_a_drill_ends_by_its_own_id(files: SwitchFiles) -> None:
    files.drill(throw_of("drill-1"))
    files.end_drill("stop", "drill-2")
    standing = files.thrown()
    files.end_drill("stop", "drill-1")

    assert [one.throw_id for one in standing] == ["drill-1"]
    assert files.thrown() == []


def test_a_drill_under_a_throws_name_is_a_throw_of_its_own(
    files: SwitchFiles, folder: Path
) -> None:
    files.drill(throw_of("drill-1"))
    (folder / "stop.drill.json").rename(folder / "stop.json")

    (thrown,) = files.thrown()

    assert not thrown.drill
    assert not thrown.throw_id.startswith("drill-")


@pytest.mark.parametrize("throw_id", ["t" * 65, "governance-" + "a" * 64, "drill-1", "a/b", "a:b"])
def test_throw_that_nobody_would_know_by_its_id_is_refused(
    files: SwitchFiles, folder: Path, throw_id: str
) -> None:
    with pytest.raises(ThrowIdRefusedError) as refused:
        files.throw(throw_of(throw_id))

    assert refused.value.code == "switches.throw-id-refused"
    assert refused.value.throw_id == throw_id
    assert not folder.exists()


def test_longest_id_of_a_throw_is_read_back(files: SwitchFiles) -> None:
    files.throw(throw_of("t" * 64))

    assert [one.throw_id for one in files.thrown()] == ["t" * 64]
