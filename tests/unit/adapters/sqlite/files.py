"""The files of a log, taken as a crash would leave them, and damaged on purpose."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.fakes.eventlog import fill, open_sqlite, run
from torghut.adapters.sqlite.layout import block_values
from torghut.adapters.sqlite.store import Access, read_log
from torghut.eventlog.block import Block
from torghut.eventlog.verification import FindingKind

SUFFIXES = ("", "-wal", ".heads")


def beside(log: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to ``log``."""
    return log.with_name(log.name + suffix)


def crashed(folder: Path, *, blocks: int) -> tuple[Path, Sequence[Block]]:
    """Return a log whose process ended without closing it, all of it in the write-ahead log."""
    alive = folder / "alive" / "log.db"
    alive.parent.mkdir()
    log = open_sqlite(alive)
    chain = run(fill(log, blocks))
    dead = folder / "dead" / "log.db"
    dead.parent.mkdir()
    for suffix in SUFFIXES:
        shutil.copy(beside(alive, suffix), beside(dead, suffix))
    run(log.close())
    return dead, chain


def closed(folder: Path, *, blocks: int) -> tuple[Path, Sequence[Block]]:
    """Return a log that was closed, all of it in the database."""
    path = folder / "log.db"
    log = open_sqlite(path)
    chain = run(fill(log, blocks))
    run(log.close())
    return path, chain


def execute(path: Path, statement: str, *values: object) -> None:
    """Change the database behind the log's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def insert(path: Path, block: Block) -> None:
    """Write a block behind the log's back."""
    values = block_values(block, commit_number=9)
    marks = ", ".join("?" * len(values))
    execute(path, f"INSERT INTO blocks VALUES ({marks})", *values)  # noqa: S608 -- marks only


def alter(path: Path, table: str, column: str, *, where: str) -> None:
    """Change one bit of one value behind the log's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        (value,) = connection.execute(
            f"SELECT {column} FROM {table} WHERE {where}"  # noqa: S608 -- names of the test
        ).fetchone()
        data = bytearray(value if isinstance(value, bytes) else str(value).encode())
        data[len(data) * 3 // 4] ^= 1
        changed = bytes(data) if isinstance(value, bytes) else type(value)(data.decode())
        connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE {where}",  # noqa: S608 -- as above
            (changed,),
        )


def findings(path: Path) -> list[FindingKind]:
    """Return what verifying the log at ``path`` finds."""
    log = read_log(path, access=Access.INSPECT)
    report = run(log.verify())
    run(log.close())
    return [finding.kind for finding in report.findings]


def flip(path: Path, at: int, *, bit: int = 0) -> None:
    """Flip one bit of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))


def drop_lines(path: Path, count: int) -> None:
    """Remove the last lines of a text file."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) - count]))
