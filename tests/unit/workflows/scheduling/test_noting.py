"""Notes are numbered without gaps or twins, whoever writes them at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.eventlog import run
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.governance.notes.note import note_path, read_note
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.scheduling.cycles import CycleBegan
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.noting import Written, find_note, latest_iteration, write_note
from torghut.workflows.scheduling.telling import interrupted_note

EACH: Final = 25


def began(cycle: int, *, holder: str = "one", epoch: int = 1) -> CycleBegan:
    """Return the beginning of a cycle."""
    return CycleBegan(cycle=cycle, epoch=epoch, holder=holder, policies="ab" * 32, at_ns=cycle)


def written_note(store: ArtifactStore, cycle: CycleBegan) -> Written:
    """Write the note of a cycle that was interrupted."""

    async def meant(note: Evidence) -> None:
        assert note.path.startswith("notes/")

    return asyncio.run(write_note(store, interrupted_note(cycle), meant=meant))


def test_two_who_write_at_once_get_two_numbers_and_lose_none(tmp_path: Path) -> None:
    ready, written = threading.Barrier(2), list[tuple[str, int, int]]()

    def write(holder: str) -> None:
        store = FolderArtifacts(tmp_path)
        ready.wait()
        for cycle in range(1, EACH + 1):
            note, _ = written_note(store, began(cycle, holder=holder))
            written.append((holder, cycle, note.iteration))

    threads = [threading.Thread(target=write, args=(holder,)) for holder in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    store = FolderArtifacts(tmp_path)
    assert sorted(number for _, _, number in written) == list(range(1, 2 * EACH + 1))
    for holder, cycle, number in written:
        note = read_note(store.read(note_path(number)))
        assert (note.holder, note.cycle, note.iteration) == (holder, cycle, number)
    assert latest_iteration(store) == 2 * EACH
    assert len(store.names("notes")) == 2 * EACH, "nothing is left over"


def test_note_is_on_record_before_it_is_there_under_each_number_that_is_tried() -> None:
    store = InMemoryArtifacts()
    meant: list[Evidence] = []

    async def mean(note: Evidence) -> None:
        if not meant:  # somebody takes the number in between
            store.create(note.path, b"by somebody else")
        assert read_found(store, note.path) in (ReadFault.MISSING, b"by somebody else")
        meant.append(note)

    note, evidence = run(write_note(store, interrupted_note(began(1)), meant=mean))

    assert [one.path for one in meant] == [note_path(1), note_path(2)]
    assert meant[-1] == evidence
    assert note.iteration == 2


def test_note_that_was_meant_is_found_and_no_other() -> None:
    store = InMemoryArtifacts()
    note, evidence = written_note(store, began(1))
    other = Evidence(path=evidence.path, sha256="ab" * 32)
    missing = Evidence(path=note_path(2), sha256=evidence.sha256)

    assert find_note(store, evidence) == (note, evidence)
    assert find_note(store, other) is None
    assert find_note(store, missing) is None


def test_what_is_no_note_is_none_of_a_cycle() -> None:
    body = b"by somebody else"
    store = InMemoryArtifacts({note_path(7): body})

    assert find_note(store, Evidence(path=note_path(7), sha256=sha256_hex(body))) is None
    note, _ = written_note(store, began(1))
    assert note.iteration == 8
