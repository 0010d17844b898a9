"""The log in PostgreSQL beside the driver's own COPY of the same bytes into the same columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

import asyncpg

from benchmarks.blocks import decisions_in, make_blocks
from benchmarks.databases import new_database
from benchmarks.figures import Comparison, Cost, Goal, Quantity, Result, Skipped, rate_line
from benchmarks.market import setup
from benchmarks.rounds import Effort, interleave, timed
from ops.servers.database import DatabaseServer, DatabaseServerError, database_server
from torghut.composition import logs, machine
from torghut.eventlog.block import Block
from torghut.workflows.opening import open_fold

_DECISIONS: Final = 60_000
_COLUMNS: Final = (
    "partition",
    "number",
    "previous",
    "digest",
    "cursor",
    "cites",
    "arms",
    "header",
    "records",
    "inputs",
    "leaves",
    "rows",
)
_TABLE: Final = """
CREATE TABLE copied (
    partition int, number bigint, previous text, digest text, cursor text, cites text, arms text,
    header bytea, records bytea, inputs bytea, leaves bytea, rows bytea,
    PRIMARY KEY (partition, number)
)"""
_KEPT_AS_IT_IS: Final = ", ".join(
    f"ALTER {name} SET STORAGE EXTERNAL"
    for name in ("header", "records", "inputs", "leaves", "rows")
)
"""The log's table does not try to compress what is compressed already; nor does the other."""

_BASELINE: Final = "asyncpg's COPY of the same rows, committed one by one"
_APPENDED: Final = (Goal(quantity=Quantity.WALL_RATIO, least=0.6),)


def measure_database(effort: Effort) -> Iterator[Result]:
    """Measure appending to the log in PostgreSQL beside COPY, equal bytes, columns and commits."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(database_server())
        except DatabaseServerError as error:
            yield Skipped(measurement="append to PostgreSQL", reason=str(error)[:200])
            return
        for size, count in ((1_000, _DECISIONS), (64, 200 * 64)):
            blocks = make_blocks(2, size, count)
            costs = interleave(
                effort.rounds,
                {
                    "log": partial(_append, server, blocks),
                    "copy": partial(_copy, server, blocks),
                },
            )
            yield rate_line(
                f"append to PostgreSQL, blocks of {size:,} decisions",
                "decisions",
                Comparison(ours=costs["log"], theirs=costs["copy"], baseline=_BASELINE),
                goals=_APPENDED,
            )


def _append(server: DatabaseServer, blocks: Sequence[Block]) -> Cost:
    """Append blocks to a log of its own."""
    log = logs.shared_log(logs.database_address(new_database(server)))

    async def run() -> Cost:
        await open_fold(log, setup(2))  # puts the objects that the first block cites
        with timed() as watch:
            for block in blocks:
                await log.append(block)
        await log.close()
        return watch.cost(decisions_in(blocks))

    return machine.run_service(run())


def _copy(server: DatabaseServer, blocks: Sequence[Block]) -> Cost:
    """Copy the same bytes into a table like the log's."""
    url = new_database(server)

    async def run() -> Cost:
        connection = await asyncpg.connect(url)
        await connection.execute(_TABLE)
        await connection.execute(f"ALTER TABLE copied {_KEPT_AS_IT_IS}")
        with timed() as watch:
            for block in blocks:
                async with connection.transaction():
                    await connection.copy_records_to_table(
                        "copied", records=[_row(block)], columns=_COLUMNS
                    )
        await connection.close()
        return watch.cost(decisions_in(blocks))

    return machine.run_service(run())


def _row(block: Block) -> tuple[object, ...]:
    """Return a block as the log's table has it."""
    arms = block.arms.values()
    return (
        block.partition,
        block.number,
        block.previous,
        block.digest,
        block.cursor,
        ",".join(block.cites),
        ",".join(block.arms),
        block.header,
        block.records,
        block.inputs,
        b"".join(arm.leaves for arm in arms),
        b"".join(arm.rows for arm in arms),
    )
