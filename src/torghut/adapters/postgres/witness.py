"""What a database acknowledged, kept outside of it: files of heads, one for each writer at a time.

A database can be set back whole, with everything in it that would tell: restored from a copy, or
failed over to a server that had not heard of the last commits. What a writer was told is therefore
also written to a file in a folder of its own machine, and every opening there compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from torghut.adapters.postgres.reading.reader import Reader
from torghut.adapters.sqlite.faults import reading_of, writing_to
from torghut.adapters.sqlite.heads.anchor import LAG_COMMITS_MAX, Anchor
from torghut.adapters.sqlite.heads.lines import (
    EVENTS_CHAIN,
    HeadLine,
    heads_path,
    read_heads,
    renew_heads,
)
from torghut.adapters.sqlite.writer_lock import WriterLock
from torghut.eventlog.block import Head
from torghut.eventlog.errors import (
    CommitTimeoutError,
    LogIntegrityError,
    LogInUseError,
    TruncatedLogError,
)

LINES_MAX: Final = 4_096
"""Most lines that are added to a file before it is written anew."""

_DELAY_MS: Final = 20
_LET_GO_MS: Final = 2_000


class Witness:
    """Keeps what one writer is told, in the first file of the folder that no other writer has.

    Only the newest line of each chain counts, so the file is written anew with those alone: when it
    is opened, once it is long, and after a line that could not be written, which may be half there.

    Args:
        folder: Of the files; made if need be.
        log_id: Of the log.

    Raises:
        LogWriteError: The file cannot be written.
        LogIntegrityError: It is no heads file of that log.
    """

    def __init__(self, folder: Path, log_id: str) -> None:
        self._log_id = log_id
        self._lines = 0  # added since the file was written anew
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock, log = _first_free(folder, log_id)
            self._path = heads_path(log)
            try:
                heads = read_heads(self._path, sparse=True)
                self._ends = {} if heads is None else dict(heads.ends)
                self._anchor = self._renewed()
            except BaseException:
                self._lock.release()
                raise

    def saw_head(self, head: Head) -> None:
        """Keep that a block is durable.

        Raises:
            LogWriteError: It could not be kept.
        """
        self._saw(str(head.partition), head.number, head.digest)

    def saw_event(self, position: int, digest: str) -> None:
        """Keep that an event is durable, with all before it.

        Raises:
            LogWriteError: It could not be kept.
        """
        self._saw(EVENTS_CHAIN, position, digest)

    def close(self, *, budget_ms: int) -> None:
        """Make every line durable and let the next writer have the file.

        Raises:
            LogWriteError: A line could not be made durable.
            CommitTimeoutError: Nor did that end within the budget.
        """
        with writing_to(self._path):
            self._anchor.close(budget_ms=budget_ms)
            self._lock.release()

    def _saw(self, chain: str, number: int, digest: str) -> None:
        before = self._ends.get(chain)
        if before is not None and number <= before.number:
            return
        line = HeadLine(chain=chain, number=number, digest=digest)
        with writing_to(self._path):
            if self._lines >= LINES_MAX:
                self._renew()
            try:
                self._anchor.append(line.to_bytes())
            except OSError:
                self._lines = LINES_MAX
                raise
        self._lines += 1
        self._ends[chain] = line

    def _renew(self) -> None:
        """Go on with a new file, and let go of the old one, whatever was wrong with that."""
        old, self._anchor = self._anchor, self._renewed()
        with suppress(OSError, CommitTimeoutError):
            old.close(budget_ms=_LET_GO_MS)

    def _renewed(self) -> Anchor:
        """Return what keeps a new file up that holds the newest line of each chain."""
        renew_heads(self._path, self._log_id, self._ends.values())
        self._lines = 0
        return Anchor(self._path, delay_ms=_DELAY_MS, lag_commits=LAG_COMMITS_MAX)


def seen(folder: Path, log_id: str) -> Mapping[str, HeadLine]:
    """Return the newest line of each chain in all files of a log in ``folder``.

    Raises:
        LogIntegrityError: A file is no heads file of that log.
        LogReadError: One cannot be read.
    """
    newest: dict[str, HeadLine] = {}
    with reading_of(folder):
        for path in sorted(folder.glob(f"{log_id}-*.heads")):
            heads = read_heads(path, sparse=True)
            if heads is None or heads.log_id != log_id:
                raise LogIntegrityError(
                    place=path.name, expected=f"heads of log {log_id}", found="another file"
                )
            for chain, line in heads.ends.items():
                if chain not in newest or newest[chain].number < line.number:
                    newest[chain] = line
    return newest


async def fault_of(reader: Reader, line: HeadLine) -> TruncatedLogError | LogIntegrityError | None:
    """Return why a log must not be served that lacks what ``line`` says, if it does."""
    place = f"{reader.place}, chain {line.chain}"
    if line.chain == EVENTS_CHAIN:
        end, _ = await reader.events_end()
        digest = await reader.event_digest(line.number)
    else:
        end = (await reader.head(int(line.chain))).number
        digest = await reader.block_digest(int(line.chain), line.number)
    if end < line.number:
        return TruncatedLogError(
            place=place, expected=f"number {line.number}", found=f"number {end}"
        )
    if digest != line.digest:
        return LogIntegrityError(
            place=f"{place}, number {line.number}", expected=line.digest, found=digest or "nothing"
        )
    return None


def _first_free(folder: Path, log_id: str) -> tuple[WriterLock, Path]:
    """Return the first name of a log's files that no writer has, locked."""
    for number in count(1):
        log = folder / f"{log_id}-{number}"
        try:
            return WriterLock(log), log
        except LogInUseError:
            continue
    raise AssertionError  # there is no last number
