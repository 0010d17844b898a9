"""Opening the database: for writing only where what it acknowledges survives a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from torghut.adapters.sqlite.heads.anchor import LAG_COMMITS_MAX
from torghut.adapters.sqlite.layout import APPLICATION_ID, INSERT_IDENTITY, LAYOUT_VERSION, TABLES
from torghut.eventlog.errors import LogLayoutError, LogNotDurableError

PAGE_BYTES: Final = 32768
_CACHE_KB: Final = 512
"""Of pages, for each connection: blocks are written once and read in order, never again."""

_SYNCHRONOUS: Final = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteOptions:
    """How a log is written.

    Attributes:
        synchronous: ``FULL`` or ``EXTRA``. ``OFF`` loses what was acknowledged; it is refused
            unless ``permit_loss`` says that this is what a test is about.
        permit_loss: For the test that proves that durability tests notice.
        busy_budget_ms: Longest wait for something else that keeps the database locked.
        close_budget_ms: Longest wait for writes under way when the log is closed, and as long
            again for the heads file; then they are left behind, and so is the log.
        page_limit: Most pages the database may have; None for as many as the disk holds.
        heads_delay_ms: How long lines of the heads file may wait for each other's fsync.
        heads_lag_commits: Commits whose line may lack its fsync; 0 makes each append wait.
        heads_last_bytes: Of a log that keeps events alone: how much of the heads file's end an
            opening reads, so that it costs the same however long the log is; None for all of it.
    """

    synchronous: Literal["FULL", "EXTRA", "OFF"] = "FULL"
    permit_loss: bool = False
    busy_budget_ms: int = 2000
    close_budget_ms: int = 10_000
    page_limit: int | None = None
    heads_delay_ms: int = 10
    heads_lag_commits: int = LAG_COMMITS_MAX
    heads_last_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse a lag that opening could not repair."""
        if not 0 <= self.heads_lag_commits <= LAG_COMMITS_MAX:
            message = f"heads_lag_commits is 0 to {LAG_COMMITS_MAX}, not {self.heads_lag_commits}"
            raise ValueError(message)


DEFAULTS: Final = SqliteOptions()


def open_for_writing(path: Path, options: SqliteOptions) -> sqlite3.Connection:
    """Return a connection that writes ``path``, made if need be, durable to the last commit.

    Raises:
        LogNotDurableError: What it acknowledges could be lost.
        LogLayoutError: The file is no log of a known layout.
    """
    if options.synchronous == "OFF" and not options.permit_loss:
        raise LogNotDurableError(setting="synchronous", expected="FULL or EXTRA", found="OFF")
    driver = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,  # opened here, used by the writer's thread alone
        timeout=options.busy_budget_ms / 1000,
    )
    driver.row_factory = sqlite3.Row
    try:
        driver.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        driver.execute("PRAGMA mmap_size = 0")
        driver.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        _demand(driver, "journal_mode", "WAL", found=str.upper)
        _demand(driver, "synchronous", options.synchronous, found=_SYNCHRONOUS.__getitem__)
        if options.page_limit is not None:
            driver.execute(f"PRAGMA max_page_count = {options.page_limit}")
    except BaseException:
        driver.close()
        raise
    return driver


def open_for_reading(path: Path, *, busy_budget_ms: int) -> sqlite3.Connection:
    """Return a connection that reads ``path`` and never writes; each statement sees the newest.

    A log on a medium that nobody can write has no shared index of its write-ahead log and cannot
    have one; without a write-ahead log it needs none.
    """
    try:
        return _connect_readonly(path, "mode=ro", busy_budget_ms)
    except sqlite3.OperationalError as error:
        alone = not path.with_name(path.name + "-wal").exists()
        if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN or not alone or not path.exists():
            raise
        return _connect_readonly(path, "mode=ro&immutable=1", busy_budget_ms)


@contextmanager
def one_transaction(driver: sqlite3.Connection) -> Iterator[None]:
    """Give one transaction, which begins as a writer's, so that having read can never fail it."""
    driver.execute("BEGIN IMMEDIATE")
    try:
        yield
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise


def check_layout(driver: sqlite3.Connection, path: Path) -> bool:
    """Say whether the database is a log; False if it is empty.

    Raises:
        LogLayoutError: It is something else, or of a layout that this version does not know.
    """
    (application,) = driver.execute("PRAGMA application_id").fetchone()
    (version,) = driver.execute("PRAGMA user_version").fetchone()
    (tables,) = driver.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0 and application == 0:
        return False
    if application != APPLICATION_ID:
        raise LogLayoutError(path=str(path), expected="a log", found="another database")
    if version != LAYOUT_VERSION:
        raise LogLayoutError(
            path=str(path), expected=f"layout {LAYOUT_VERSION}", found=f"layout {version}"
        )
    return True


def create_tables(driver: sqlite3.Connection, *, log_id: str, created_at_ns: int) -> None:
    """Make an empty database a log, in one transaction."""
    with one_transaction(driver):
        for table in TABLES:
            driver.execute(table)
        driver.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        driver.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")
        driver.execute(INSERT_IDENTITY, (log_id, created_at_ns))


def _connect_readonly(path: Path, query: str, busy_budget_ms: int) -> sqlite3.Connection:
    """Return a driver's connection that reads; it has read, so it is known to work."""
    driver = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,  # opened here, used by the reader's thread alone
        timeout=busy_budget_ms / 1000,
    )
    driver.row_factory = sqlite3.Row
    try:
        driver.execute("PRAGMA mmap_size = 0")
        driver.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        driver.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.Error:
        driver.close()
        raise
    return driver


def _demand(
    driver: sqlite3.Connection, setting: str, wanted: str, *, found: Callable[[str], str]
) -> None:
    """Set a PRAGMA and read it back: asking is not having."""
    driver.execute(f"PRAGMA {setting} = {wanted}")
    value = found(str(driver.execute(f"PRAGMA {setting}").fetchone()[0]))
    if value != wanted:
        raise LogNotDurableError(setting=setting, expected=wanted, found=value)
