"""Events that survive kill -9 and the loss of power: one line each, synced before they hold."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from torghut.client.errors import JournalError
from torghut.client.syncing import sync_folder
from torghut.client.venue.events import VenueEvent

_EVENT: Final[msgspec.json.Decoder[VenueEvent]] = msgspec.json.Decoder(VenueEvent)
_JSON: Final = msgspec.json.Encoder()


class Journal:
    """A file of events with one writer."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            JournalError: It cannot be opened, or somebody else writes it.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sync_folder(path.parent)
            self._size = os.fstat(self._file.fileno()).st_size
        except BlockingIOError as error:
            self._file.close()
            raise JournalError(path=path, found="one that another process writes") from error
        except OSError as error:
            raise JournalError(path=path, found=error.strerror or str(error)) from error

    def read(self) -> Sequence[VenueEvent]:
        """Return every event; a last line that was not written whole never held, and is cut off.

        Raises:
            JournalError: A line is no event.
        """
        self._file.seek(0)
        body = self._file.read()
        whole = body[: body.rfind(b"\n") + 1]
        if len(whole) < len(body):
            self._file.truncate(len(whole))
        self._size = len(whole)
        try:
            return [_EVENT.decode(line) for line in whole.splitlines()]
        except msgspec.DecodeError as error:
            raise JournalError(path=self.path, found=f"a line that is none: {error}") from error

    def append(self, events: Sequence[VenueEvent]) -> None:
        """Write events, all of them durable when this returns and none of them else.

        Raises:
            JournalError: They cannot be written.
        """
        body = b"".join(_JSON.encode(event) + b"\n" for event in events)
        try:
            self._file.truncate(self._size)  # what failed before and could not be cut off then
            self._write(body)
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._size)
            raise JournalError(path=self.path, found=error.strerror or str(error)) from error
        self._size += len(body)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _write(self, body: bytes) -> None:
        """Make ``body`` durable.

        Raises:
            OSError: It is not, or not the whole of it.
        """
        if self._file.write(body) != len(body):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._file.fileno())
