"""Whatever is altered, cut or taken out of the tables is found, and said where it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.fakes.eventlog import CAUSES, Happened, citing, fill, make_block, run
from tests.support.machine.servers import Databases, open_postgres
from torghut.adapters.postgres.store import PostgresLog
from torghut.eventlog.block import head_of
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import FindingKind

pytestmark = pytest.mark.system

FLIP = "UPDATE blocks SET COLUMN = set_byte(COLUMN, 5, get_byte(COLUMN, 5) # 1) WHERE number = 1"


async def fill_everything(log: PostgresLog) -> None:
    """Put some of everything into a log."""
    chain = await fill(log, 4)
    digest = await log.put_object(b"declarations")
    await log.append(citing(make_block(head_of(chain[-1])), digest))
    events = [Happened(what=word) for word in "abcde"]
    await log.append_events("rollout-1", events, expected_version=0, causes=CAUSES)
    await log.save_snapshot(Snapshot(partition=0, block_number=3, key="k", body=b"long state"))
    await log.seal_heads(CAUSES)


def found_after(databases: Databases, url: str, *statements: str) -> Sequence[FindingKind]:
    """Return what verification finds after ``statements``."""
    log = open_postgres(url)
    run(fill_everything(log))
    assert run(log.verify()).intact
    for statement in statements:
        databases.do(statement, url=url)
    report = run(log.verify())
    run(log.close())
    return [finding.kind for finding in report.findings]


@pytest.mark.parametrize("column", ["header", "inputs", "leaves", '"rows"'])
def test_flipped_byte_of_a_block_is_found(databases: Databases, database: str, column: str) -> None:
    flip = FLIP.replace("COLUMN", column)

    assert FindingKind.ALTERED in found_after(databases, database, flip)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE blocks SET records = 'x' WHERE number = 1", FindingKind.ALTERED),
        ("DELETE FROM blocks WHERE number = 1", FindingKind.MISSING),
        ("DELETE FROM blocks WHERE number >= 3", FindingKind.TRUNCATED),
        ("UPDATE blocks SET arms = '{}' WHERE number = 1", FindingKind.UNREADABLE),
        ("UPDATE heads SET digest = repeat('a', 64)", FindingKind.REWRITTEN),
        ("DELETE FROM events WHERE position = 2", FindingKind.MISSING),
        ("DELETE FROM events WHERE position >= 5", FindingKind.TRUNCATED),
        ("UPDATE events SET body = '{}' WHERE position = 3", FindingKind.ALTERED),
        ("UPDATE objects SET body = 'x'", FindingKind.ALTERED),
        ("DELETE FROM objects", FindingKind.MISSING),
        ("UPDATE snapshots SET body = 'x'", FindingKind.ALTERED),
    ],
)
def test_damage_is_found(
    databases: Databases, database: str, statement: str, kind: FindingKind
) -> None:
    assert kind in found_after(databases, database, statement)


def test_tail_that_was_cut_together_with_its_head_is_found_by_the_seal(
    databases: Databases, database: str
) -> None:
    cut = "DELETE FROM blocks WHERE number = 4"
    move = (
        "UPDATE heads SET (number, digest, cursor) ="
        " (SELECT number, digest, cursor FROM blocks WHERE number = 3)"
    )

    assert found_after(databases, database, cut, move) == [FindingKind.TRUNCATED]


def test_altered_block_is_not_given_to_readers(databases: Databases, database: str) -> None:
    log = open_postgres(database)
    run(fill_everything(log))
    databases.do("UPDATE blocks SET cursor = '{}' WHERE number = 2", url=database)
    given: list[int] = []

    async def read() -> None:
        async for block in log.blocks(0):
            given.append(block.number)  # noqa: PERF401 -- those before the altered one count

    with pytest.raises(LogIntegrityError):
        run(read())
    assert given == [0, 1]
    run(log.close())


def test_altered_event_is_not_given_to_followers(databases: Databases, database: str) -> None:
    log = open_postgres(database)
    run(fill_everything(log))
    databases.do("UPDATE events SET correlation_id = 'another' WHERE position = 3", url=database)

    assert len(run(log.events_after(0, 2))) == 2
    with pytest.raises(LogIntegrityError):
        run(log.events_after(2, 2))
    with pytest.raises(LogIntegrityError):
        run(log.read_events("rollout-1"))
    run(log.close())


def test_streams_are_found_by_an_index(databases: Databases, database: str) -> None:
    log = open_postgres(database)
    run(fill_everything(log))
    databases.do(
        "INSERT INTO events SELECT 100 + n, 'many-' || n, 1, 0, '', '', repeat('0', 64), 't', ''"
        " FROM generate_series(1, 5000) AS n",
        url=database,
    )
    databases.do("ANALYZE events", url=database)
    plan = databases.do(
        "EXPLAIN SELECT stream FROM events WHERE version = 1 AND stream >= 'rollout-'"
        " AND stream < 'rollout.' ORDER BY position",
        url=database,
    )

    assert "events_begun" in str(plan)
    assert run(log.streams("rollout-")) == ["rollout-1"]
    run(log.close())
