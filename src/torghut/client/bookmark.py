"""A place in the stream that survives the loop: a file of positions, replaced as a whole.

One line is the place in one partition of the service's log; a service that listens by itself has
only one. The partition that was kept last stands first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from torghut.client.errors import BookmarkError
from torghut.client.syncing import sync_folder
from torghut.schemas.live.position import (
    Position,
    PositionMalformedError,
    parse_position,
    start_of,
)

_BYTES_MAX: Final = 65_536
_START: Final = ":start"
"""After the number of a partition: nothing of it was kept, and everything of it comes."""


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
        self._kept: dict[int, Position] | None = None

    @property
    def position(self) -> Position | None:
        """What was kept last; None where nothing was yet.

        Raises:
            BookmarkError: The file is no bookmark.
        """
        return next(iter(self.positions), None)

    @property
    def positions(self) -> Sequence[Position]:
        """What was kept last of every partition, the last of all first.

        Raises:
            BookmarkError: The file is no bookmark.
        """
        try:
            with self.path.open("rb") as file:
                found = file.read(_BYTES_MAX + 1)
            if len(found) > _BYTES_MAX:  # a line that is cut would be an earlier place
                raise BookmarkError(path=self.path, found=f"more than {_BYTES_MAX:,} bytes")
            return [_position(line) for line in found.decode("ascii").strip().split("\n")]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise BookmarkError(path=self.path, found=error.strerror or str(error)) from error
        except (UnicodeDecodeError, PositionMalformedError) as error:
            raise BookmarkError(path=self.path, found="something else") from error

    def begin(self, positions: Iterable[Position]) -> None:
        """Learn where partitions began of which nothing was kept; it is kept with what will be."""
        self._kept = {one.partition: one for one in positions} | self._known()

    def keep(self, position: Position) -> None:
        """Put ``position`` in the place of what was kept before of its partition.

        Raises:
            BookmarkError: The file cannot be written; what was kept before still is.
        """
        others = {at: one for at, one in self._known().items() if at != position.partition}
        kept = {position.partition: position} | others
        self._write("".join(f"{_spelled(one)}\n" for one in kept.values()))
        self._kept = kept

    def _known(self) -> dict[int, Position]:
        """Return what is kept, and where what is not began."""
        if self._kept is None:
            self._kept = {one.partition: one for one in self.positions}
        return self._kept

    def _write(self, text: str) -> None:
        """Put ``text`` in the place of what the file holds."""
        incoming = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with incoming.open("wb") as file:
                file.write(text.encode("ascii"))
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            incoming.replace(self.path)
            if self._durable:
                sync_folder(self.path.parent)
        except OSError as error:
            raise BookmarkError(path=self.path, found=error.strerror or str(error)) from error


def _spelled(position: Position) -> str:
    """Return a position as a line."""
    return str(position) if position.block >= 0 else f"{position.partition}{_START}"


def _position(line: str) -> Position:
    """Return the position that a line spells.

    Raises:
        PositionMalformedError: It spells none.
    """
    if line.endswith(_START):
        return start_of(parse_position(f"{line.removesuffix(_START)}:0:0").partition)
    return parse_position(line)
