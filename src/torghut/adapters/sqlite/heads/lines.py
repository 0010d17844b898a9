"""The heads file: one line per committed block beside the log, so that a cut tail is noticed.

First line ``torghut-heads 1 <log id>``, or ``torghut-heads-seen 1 <log id>`` where several
processes write a log and each has a file of what it was told, in which chains have gaps. Then
``<partition> <number> <digest>`` for a block,
``events <position> <digest>`` for the last event of a commit, and either after ``accepted`` where
a person accepted that a chain ends there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.writing import replace_file, sync_folder
from torghut.eventlog.errors import LogIntegrityError

EVENTS_CHAIN: Final = "events"

_LINE_MAX: Final = 160
_FIRST: Final = re.compile(rb"torghut-heads(?P<seen>-seen)? 1 (?P<log>[A-Za-z0-9._-]{1,64})\n")
_LINE: Final = re.compile(
    rb"(?P<accepted>accepted )?(?P<chain>events|0|[1-9][0-9]{0,6})"
    rb" (?P<number>-1|0|[1-9][0-9]{0,18}) (?P<digest>[0-9a-f]{64})\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLine:
    """The end of one chain at one moment.

    Attributes:
        chain: A partition's number in decimal, or ``events``.
        number: Of the last block; the position of the last event.
        digest: Of that block or event.
        accepted: Whether the chain was cut to this end by a person's decision.
    """

    chain: str
    number: int
    digest: str
    accepted: bool = False

    def to_bytes(self) -> bytes:
        """Return the line as it stands in the file."""
        line = line_bytes(self.chain, self.number, self.digest)
        return b"accepted " + line if self.accepted else line


@dataclass(slots=True, kw_only=True)
class Heads:
    """What a heads file says.

    Attributes:
        log_id: The log it belongs to.
        sparse: Whether it is of one of several writers, so that chains have gaps in it.
        file: Device and number of the file, by which it is known again.
        ends: The last line of each chain.
        whole_bytes: Length of the file up to the end of its last whole line.
        last: That line.
        torn: Whether something follows that: a line that was being written.
    """

    log_id: str
    sparse: bool = False
    file: tuple[int, int] = (-1, -1)
    ends: dict[str, HeadLine] = field(default_factory=dict)
    whole_bytes: int = 0
    last: bytes = b""
    torn: bool = False


@dataclass(slots=True)
class RememberedHeads:
    """A heads file that is read again and again: each time only what was added.

    What was read once is not read again, only its last line, so that another file, or one that was
    cut and went on otherwise, is read from its beginning.
    """

    _heads: Heads | None = None

    def read(self, path: Path, *, last_bytes: int | None = None) -> Heads | None:
        """Return what ``read_heads`` returns.

        Raises:
            LogIntegrityError: It is no heads file, or its lines do not follow each other.
            OSError: It cannot be read.
        """
        self._heads = read_heads(path, last_bytes=last_bytes, before=self._heads)
        return self._heads


def heads_path(log: Path) -> Path:
    """Return the path of the heads file of ``log``."""
    return log.with_name(log.name + ".heads")


def read_heads(
    path: Path,
    *,
    last_bytes: int | None = None,
    before: Heads | None = None,
    sparse: bool = False,
) -> Heads | None:
    """Return what the heads file at ``path`` says; None if there is none.

    Args:
        path: Of the heads file.
        last_bytes: Read only so much of its end, where that is about events alone: of a log that
            keeps nothing else, and is opened again and again. None to read all.
        before: What it said before; of the same file only what was added is read.
        sparse: Whether it is of one of several writers.

    Raises:
        LogIntegrityError: It is no heads file, or its lines do not follow each other.
        OSError: It cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        heads = _begun(file, path, before, sparse=sparse)
        lines = _lines(file, path, _skip(file, heads.whole_bytes, last_bytes))
        for end, data, line in lines:
            if line is None:
                heads.torn = True
                break
            if last_bytes is not None and line.chain != EVENTS_CHAIN:
                return read_heads(path)
            _check_follows(line, heads.ends.get(line.chain), path=path, sparse=heads.sparse)
            heads.ends[line.chain] = line
            heads.whole_bytes, heads.last = end, data
        return heads


def read_lines(path: Path) -> Iterator[tuple[int, HeadLine | str]]:
    """Yield where each line ends and what it says: first the log's id, at a torn end ``torn``.

    Raises:
        LogIntegrityError: A whole line is not one of a heads file.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        heads = _begun(file, path, None)
        yield heads.whole_bytes, heads.log_id
        for end, _, line in _lines(file, path, heads.whole_bytes):
            yield end, "torn" if line is None else line


def _begun(
    file: BufferedReader, path: Path, before: Heads | None, *, sparse: bool = False
) -> Heads:
    """Return what is known before the file's next line, and go there.

    Raises:
        LogIntegrityError: It is no heads file.
    """
    status = os.fstat(file.fileno())
    own = (status.st_dev, status.st_ino)
    if before is not None and before.file == own and before.last:
        file.seek(before.whole_bytes - len(before.last))
        if file.read(len(before.last)) == before.last:
            return replace(before, ends=dict(before.ends), torn=False)
        file.seek(0)
    first = file.readline(_LINE_MAX)
    match = _FIRST.fullmatch(first)
    if match is None or (match["seen"] is not None) != sparse:
        raise _malformed(path, first)
    return Heads(
        log_id=match["log"].decode(),
        sparse=sparse,
        file=own,
        whole_bytes=len(first),
        last=first,
    )


def _lines(
    file: BufferedReader, path: Path, begin: int
) -> Iterator[tuple[int, bytes, HeadLine | None]]:
    """Yield where each line from ``begin`` on ends, and what it says; None for a torn one.

    Raises:
        LogIntegrityError: A whole line is not one of a heads file.
    """
    end = begin
    while data := file.readline(_LINE_MAX):
        match = _LINE.fullmatch(data)
        if match is None and (data.endswith(b"\n") or file.read(1)):
            raise _malformed(path, data)
        end += len(data)
        yield end, data, None if match is None else _parsed(match.groupdict())


def _skip(file: BufferedReader, end: int, last_bytes: int | None) -> int:
    """Go to the first line that begins within the last bytes, and return where that is."""
    if last_bytes is None:
        return end
    begin = file.seek(0, os.SEEK_END) - last_bytes
    if begin <= end:
        return file.seek(end)
    file.seek(begin - 1)
    file.readline(_LINE_MAX)
    return file.tell()


def line_bytes(chain: str | int, number: int, digest: str) -> bytes:
    """Return the line that says where a chain ends."""
    return f"{chain} {number} {digest}\n".encode("ascii")


def first_line(log_id: str, *, sparse: bool = False) -> bytes:
    """Return the line that a heads file begins with."""
    return f"torghut-heads{'-seen' if sparse else ''} 1 {log_id}\n".encode("ascii")


def create_heads(path: Path, log_id: str) -> None:
    """Make the heads file of a new log, durable together with its entry in the folder."""
    _write(path, first_line(log_id), os.O_CREAT | os.O_TRUNC)
    sync_folder(path.parent)


def renew_heads(path: Path, log_id: str, lines: Iterable[HeadLine]) -> None:
    """Put the file of one of several writers in place of what was there, durable and whole.

    The others read it meanwhile: they find what was there, or this.
    """
    said = [first_line(log_id, sparse=True), *(line.to_bytes() for line in lines)]
    replace_file(path, b"".join(said))


def repair_heads(path: Path, *, whole_bytes: int, lines: Sequence[HeadLine]) -> None:
    """Drop a torn end and append ``lines``."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(descriptor, whole_bytes)
        write_all(descriptor, b"".join(line.to_bytes() for line in lines), at=whole_bytes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, *, at: int | None = None) -> None:
    """Write all of ``data``, at the file's end or at an offset."""
    written = 0
    while written < len(data):
        rest = data[written:]
        written += (
            os.write(descriptor, rest) if at is None else os.pwrite(descriptor, rest, at + written)
        )


def _write(path: Path, data: bytes, flags: int) -> None:
    """Write ``data`` to ``path`` and make it durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o644)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(groups: Mapping[str, bytes | None]) -> HeadLine:
    """Return the line that a match holds."""
    chain, number, digest = groups["chain"] or b"", groups["number"] or b"", groups["digest"] or b""
    return HeadLine(
        chain=chain.decode(),
        number=int(number),
        digest=digest.decode(),
        accepted=groups["accepted"] is not None,
    )


def _check_follows(line: HeadLine, before: HeadLine | None, *, path: Path, sparse: bool) -> None:
    """Check that a chain only grows: blocks one by one where there is one writer, else by any."""
    last = before.number if before else -1 if line.chain != EVENTS_CHAIN else 0
    by_any = sparse or line.chain == EVENTS_CHAIN
    grows = line.number > last if by_any else line.number == last + 1
    if not grows and not line.accepted:
        raise LogIntegrityError(
            place=f"{path.name}, chain {line.chain}",
            expected=f"a line after number {last}",
            found=f"number {line.number}",
        )


def _malformed(path: Path, data: bytes) -> LogIntegrityError:
    """Return the finding of a line that no heads file has."""
    return LogIntegrityError(
        place=path.name, expected="a line of a heads file", found=repr(data[:80])
    )
