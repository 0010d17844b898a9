"""Writing a cycle's note under the next free number, so that no two notes share one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from torghut.artifacts.errors import ArtifactExistsError
from torghut.artifacts.ports import ArtifactStore
from torghut.governance.notes.errors import NoteUnreadableError
from torghut.governance.notes.note import FOLDER, iteration_of, note_path, read_note, render_note
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.rollout.checking import read_found

Written = tuple[IterationNote, Evidence]
"""A note and its file."""


async def write_note(
    store: ArtifactStore,
    numbered: Callable[[int], IterationNote],
    *,
    meant: Callable[[Evidence], Awaitable[None]],
) -> Written:
    """Write the note that ``numbered`` makes of its number, and return it.

    The number is one more than the highest there; who finds it taken takes the next one.

    Args:
        store: The artifact root.
        numbered: Makes the note.
        meant: Puts on record which note is about to be written.

    Raises:
        ArtifactUnwritableError: It cannot be written.
    """
    iteration = latest_iteration(store) + 1
    while True:
        note, path = numbered(iteration), note_path(iteration)
        body = render_note(note)
        evidence = Evidence(path=path, sha256=sha256_hex(body))
        await meant(evidence)
        try:
            store.create(path, body)
        except ArtifactExistsError:
            iteration += 1
        else:
            return note, evidence


def latest_iteration(store: ArtifactStore) -> int:
    """Return the highest number of a note; 0 where there is none."""
    return max((found for name in store.names(FOLDER) if (found := iteration_of(name))), default=0)


def find_note(store: ArtifactStore, meant: Evidence) -> Written | None:
    """Return the note that was about to be written when its process died, if it was written."""
    body = read_found(store, meant.path)
    if not isinstance(body, bytes) or sha256_hex(body) != meant.sha256:
        return None
    try:
        return read_note(body), meant
    except NoteUnreadableError:
        return None
