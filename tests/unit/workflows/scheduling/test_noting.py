"""Notes are numbered without gaps or twins, whoever writes them at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from tests.fakes.artifacts import InMemoryArtifacts
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.governance.notes.note import note_path, read_note
from torghut.kernel.digests import sha256_hex
from torghut.schemas.scheduling.cycles import CycleBegan
from torghut.workflows.scheduling.noting import find_note, latest_iteration, write_note
from torghut.workflows.scheduling.telling import interrupted_note

EACH: Final = 25


def began(cycle: int, *, holder: str = "one", epoch: int = 1) -> CycleBegan:
    """Return the beginning of a cycle."""
    return CycleBegan(cycle=cycle, epoch=epoch, holder=holder, policies="ab" * 32, at_ns=cycle)


def test_two_who_write_at_once_get_two_numbers_and_lose_none(tmp_path: Path) -> None:
    ready, written = threading.Barrier(2), list[tuple[str, int, int]]()

    def write(holder: str) -> None:
        store = FolderArtifacts(tmp_path)
        ready.wait()
        for cycle in range(1, EACH + 1):
            note, _ = write_note(store, interrupted_note(began(cycle, holder=holder)))
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


def test_note_that_was_written_is_found_by_its_cycle_and_epoch() -> None:
    store = InMemoryArtifacts()
    assert find_note(store, cycle=1, epoch=1) is None
    note, evidence = write_note(store, interrupted_note(began(1)))
    found = find_note(store, cycle=1, epoch=1)

    assert found == (note, evidence)
    assert evidence.sha256 == sha256_hex(store.read(evidence.path))
    assert find_note(store, cycle=1, epoch=2) is None
    assert find_note(store, cycle=2, epoch=1) is None


def test_what_is_no_note_is_none_of_a_cycle() -> None:
    store = InMemoryArtifacts({note_path(7): b"by somebody else"})

    assert find_note(store, cycle=1, epoch=1) is None
    note, _ = write_note(store, interrupted_note(began(1)))
    assert note.iteration == 8
