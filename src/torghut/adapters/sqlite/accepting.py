"""A person's decision to go on with a log that lost something, kept in the log and beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torghut.adapters.filesystem.writing import sync_folder
from torghut.adapters.sqlite.database import (
    DEFAULTS,
    SqliteOptions,
    check_layout,
    create_tables,
    one_transaction,
    open_for_writing,
)
from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.faults import reading_of, writing_to
from torghut.adapters.sqlite.heads.lines import (
    EVENTS_CHAIN,
    HeadLine,
    Heads,
    create_heads,
    first_line,
    heads_path,
    read_heads,
    repair_heads,
)
from torghut.adapters.sqlite.opening import Standing, compare
from torghut.adapters.sqlite.reader import Reader
from torghut.adapters.sqlite.writer_lock import WriterLock
from torghut.adapters.sqlite.writing.transaction import Transaction
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.events import LossAccepted, log_stream, sealed_head
from torghut.kernel.clock import IdSource, WallClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Who accepts, and why.

    Attributes:
        reason: In words, at most 500 characters; kept in the log.
        causes: The command behind it.
    """

    reason: str
    causes: Causes


def accept_truncation(
    path: Path,
    acceptance: Acceptance,
    *,
    clock: WallClock,
    ids: IdSource,
    options: SqliteOptions = DEFAULTS,
) -> LossAccepted | None:
    """Take the log at ``path`` as it is, so that it opens again; None if nothing was missing.

    The loss becomes an event of the log's own stream, and a line of its heads file for each chain.

    Raises:
        LogIntegrityError: The log was altered, not only cut; that cannot be accepted.
        LogInUseError: A writer is at work.
        LogWriteError: The decision could not be recorded.
    """
    with writing_to(path, budget_ms=options.busy_budget_ms):
        lock = WriterLock(path)
        try:
            with reading_of(path):
                heads = read_heads(heads_path(path))
            driver = open_for_writing(path, options)
            try:
                log_id = heads.log_id if heads else ids.new_id()
                if not check_layout(driver, path):
                    create_tables(driver, log_id=log_id, created_at_ns=clock.now_ns())
                    sync_folder(path.parent)
                return _accept(path, acceptance, driver, heads, now_ns=clock.now_ns())
            finally:
                driver.close()
        finally:
            lock.release()


def _accept(
    path: Path,
    acceptance: Acceptance,
    driver: sqlite3.Connection,
    heads: Heads | None,
    *,
    now_ns: int,
) -> LossAccepted | None:
    """Record the decision, in the log first."""
    reader = Reader(path, driver)
    with one_transaction(driver):
        ends = reader.ends()
        log_id = reader.log_id()
        findings = tuple(_findings(path, reader, ends, heads))
        if not findings:
            return None
        event = LossAccepted(
            reason=acceptance.reason,
            findings=findings,
            heads=tuple(sealed_head(head) for head in ends.heads.values()),
            events=ends.position,
        )
        transaction = Transaction(driver, ends)
        stream = log_stream(log_id)
        transaction.append_events(
            stream,
            [event],
            expected_version=transaction.stream_version(stream),
            recorded_at_ns=now_ns,
            causes=acceptance.causes,
        )
    transaction.adopt()
    if heads is None:
        create_heads(heads_path(path), log_id)
    repair_heads(
        heads_path(path),
        whole_bytes=heads.whole_bytes if heads else len(first_line(log_id)),
        lines=list(_accepted_lines(ends, heads)),
    )
    return event


def _findings(path: Path, reader: Reader, ends: Ends, heads: Heads | None) -> Iterator[str]:
    """Yield what is missing, in words; what is altered is raised instead."""
    if heads is None:
        yield f"no heads file {heads_path(path).name}"
        return
    for chain in compare(reader, heads, ends):
        fault = chain.fault(path)
        if chain.standing is Standing.REWRITTEN and fault is not None:
            raise fault
        if chain.standing is not Standing.AGREES:
            yield (
                f"chain {chain.line.chain}: heads file at {chain.line.number}, log at {chain.end}"
            )
    if heads.torn:
        yield "a line of the heads file was half written"


def _accepted_lines(ends: Ends, heads: Heads | None) -> Iterator[HeadLine]:
    """Yield the new last line of every chain."""
    known = heads.ends.keys() if heads else set[str]()
    for partition in sorted({int(chain) for chain in known - {EVENTS_CHAIN}} | ends.heads.keys()):
        head = ends.head(partition)
        yield HeadLine(chain=str(partition), number=head.number, digest=head.digest, accepted=True)
    yield HeadLine(
        chain=EVENTS_CHAIN, number=ends.position, digest=ends.event_digest, accepted=True
    )
