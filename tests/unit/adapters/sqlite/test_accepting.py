"""A loss is accepted by a person, with a reason, for ever on record; an alteration is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import CAUSES, make_block, open_sqlite, run
from tests.unit.adapters.sqlite.files import beside, closed, execute, findings
from torghut.adapters.sqlite.accepting import Acceptance, accept_truncation
from torghut.adapters.sqlite.heads.lines import read_heads
from torghut.eventlog.block import head_of
from torghut.eventlog.envelopes import read_event
from torghut.eventlog.errors import LogIntegrityError, LogInUseError
from torghut.eventlog.events import LOG_EVENT, LossAccepted, log_stream
from torghut.eventlog.ports import Snapshot

ACCEPTANCE = Acceptance(reason="the disk was replaced", causes=CAUSES)


def accept(path: Path) -> LossAccepted | None:
    return accept_truncation(path, ACCEPTANCE, clock=HandClock(), ids=CountingIds())


def test_a_truncated_log_opens_once_the_loss_is_accepted(tmp_path: Path) -> None:
    path, chain = closed(tmp_path, blocks=5)
    execute(path, "DELETE FROM blocks WHERE place >= 3")

    accepted = accept(path)

    assert accepted is not None
    assert accepted.findings == ("chain 0: heads file at 4, log at 2",)
    log = open_sqlite(path)
    (envelope,) = run(log.read_events(log_stream(log.log_id)))
    assert read_event(envelope, LOG_EVENT, {}) == accepted
    run(log.append(make_block(head_of(chain[2]), first=900)))
    run(log.append(make_block(run(log.head(0)), first=950)))
    assert run(log.verify()).intact
    run(log.close())
    assert findings(path) == []
    assert accept(path) is None


def test_heads_sealed_of_lost_blocks_are_forgotten_with_them(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=3)
    log = open_sqlite(path)
    run(log.seal_heads(CAUSES))
    run(log.close())
    execute(path, "DELETE FROM blocks WHERE place >= 1")

    accept(path)

    assert findings(path) == []


def test_accepting_what_is_whole_changes_nothing(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=2)
    before = [beside(path, suffix).read_bytes() for suffix in ("", ".heads")]

    assert accept(path) is None
    assert [beside(path, suffix).read_bytes() for suffix in ("", ".heads")] == before


@pytest.mark.parametrize("lost", ["", ".heads"])
def test_a_lost_file_can_be_accepted(tmp_path: Path, lost: str) -> None:
    path, _ = closed(tmp_path, blocks=3)
    name = read_heads(beside(path, ".heads"))
    beside(path, lost).unlink()

    assert accept(path) is not None

    log = open_sqlite(path)
    assert name is not None
    assert log.log_id == name.log_id
    assert run(log.head(0)).number == (2 if lost else -1)
    assert run(log.verify()).intact
    run(log.close())


def test_an_altered_log_cannot_be_accepted(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=3)
    execute(path, "UPDATE blocks SET digest = ? WHERE place = 2", "12" * 32)

    with pytest.raises(LogIntegrityError):
        accept(path)


def test_snapshots_of_lost_blocks_are_not_served(tmp_path: Path) -> None:
    path, chain = closed(tmp_path, blocks=4)
    log = open_sqlite(path)
    run(log.save_snapshot(Snapshot(partition=0, block_number=3, key="k", body=b"old")))
    run(log.close())
    execute(path, "DELETE FROM blocks WHERE place >= 2")
    accept(path)

    log = open_sqlite(path)
    assert run(log.load_snapshot(0, "k")) is None
    head = head_of(chain[1])
    for _ in range(3):
        head = run(log.append(make_block(head, first=900)))
    assert run(log.load_snapshot(0, "k")) is None
    run(log.save_snapshot(Snapshot(partition=0, block_number=1, key="k", body=b"new")))
    found = run(log.load_snapshot(0, "k"))
    assert found is not None
    assert found.body == b"new"
    run(log.close())


def test_a_log_that_is_being_written_cannot_be_accepted(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")

    with pytest.raises(LogInUseError):
        accept(tmp_path / "log.db")
    run(log.close())
