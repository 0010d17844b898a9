"""A place in the stream that survives the loop: a file with one position, replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from torghut.client.errors import BookmarkError
from torghut.client.syncing import sync_folder
from torghut.schemas.live.position import Position, PositionMalformedError, parse_position

_BYTES_MAX: Final = 64


class Bookmark:
    """Where to go on after the loop was ended, by whatever means.

    Keep a position once everything that it led to is safe: what comes after it comes again.
    """

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        """Name the file; it need not exist yet.

        Args:
            path: Of the file; its folder is made.
            durable: Survive the loss of power too, and not only of the process.
        """
        self.path = Path(path)
        self._durable = durable

    @property
    def position(self) -> Position | None:
        """What was kept last; None where nothing was yet.

        Raises:
            BookmarkError: The file is no bookmark.
        """
        try:
            with self.path.open("rb") as file:
                text = file.read(_BYTES_MAX).decode("ascii").strip()
            return parse_position(text)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BookmarkError(path=self.path, found=error.strerror or str(error)) from error
        except (UnicodeDecodeError, PositionMalformedError) as error:
            raise BookmarkError(path=self.path, found="something else") from error

    def keep(self, position: Position) -> None:
        """Put ``position`` in the place of what was kept before.

        Raises:
            BookmarkError: The file cannot be written; what was kept before still is.
        """
        incoming = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with incoming.open("wb") as file:
                file.write(f"{position}\n".encode("ascii"))
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            incoming.replace(self.path)
            if self._durable:
                sync_folder(self.path.parent)
        except OSError as error:
            raise BookmarkError(path=self.path, found=error.strerror or str(error)) from error
