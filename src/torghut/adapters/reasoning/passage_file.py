"""News and fundamentals out of a file of JSON lines that may grow while it is read.

Only what was added is read, in a thread: a long file must not hold up who waits for advice. A line
that is no item is left out, and said; what it says cannot matter then.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torghut.reasoning.shelf import PassageShelf
from torghut.schemas.reasoning.context import Passage
from torghut.workflows.reasoning.ports import AskingWitness

_BYTES_MAX: Final = 64 * 1024 * 1024
"""Most that is read of what is new: of a longer file the rest is as old as it is far ahead."""

_HEAD: Final = 4096


class PassageFile:
    """The items of a file, followed as it grows.

    Args:
        path: Of the file; None where there is none.
        age_max_ms: Older items are not shown.
        witness: Told what could not be read.
    """

    def __init__(self, path: Path | None, *, age_max_ms: int, witness: AskingWitness) -> None:
        self._path = path
        self._shelf = PassageShelf(age_max_ms=age_max_ms)
        self._witness = witness
        self._lock = threading.Lock()
        self._begins = b""  # what tells the file that was read from another one
        self._offset = 0
        self._said = ""

    async def of(self, symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return what may be shown of a symbol as of an event; nothing while it cannot be read."""
        if self._path is None:
            return ()
        return await asyncio.to_thread(self._shown, self._path, symbol, event_ns)

    def _shown(self, path: Path, symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return the same; one thread at a time follows the file."""
        with self._lock:
            self._shelf.asked_at(event_ns)
            try:
                self._follow(path)
            except OSError as error:
                self._say(error.strerror or str(error))
                return ()
            known = self._shelf.about(symbol)
        return self._shelf.shown(known, symbol, event_ns)

    def _follow(self, path: Path) -> None:
        """Take in the lines that were added; all of a file that is another one, or was cut.

        Raises:
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            begins = file.read(_HEAD)  # another file may have the number of one that was removed
            if found.st_size < self._offset or not begins.startswith(self._begins):
                self._offset = 0
                self._shelf.clear()
            self._begins = begins
            if found.st_size == self._offset:
                return
            skipped = max(0, found.st_size - self._offset - _BYTES_MAX)
            file.seek(self._offset + skipped)
            body = file.read(_BYTES_MAX)
        whole = body.rfind(b"\n") + 1  # the last line may still be on its way
        lines = body[:whole].split(b"\n")[bool(skipped) : -1] if whole else []
        self._offset += skipped + whole
        refused = sum(not self._shelf.put(line) for line in lines if line.strip())
        if refused:
            self._say(f"{refused} lines that are no item")
        self._shelf.forget()

    def _say(self, found: str) -> None:
        """Tell what could not be read, once."""
        if found != self._said:
            self._said = found
            self._witness.unread(str(self._path), found)
