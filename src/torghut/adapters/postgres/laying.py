"""Lays out an empty database, finds out which layout one has, and refuses what it cannot read."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import ClassVar, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.layout import LAYOUT, TABLES, VERSION_TABLE
from torghut.eventlog.errors import LogLayoutError
from torghut.kernel.errors import ExitCode, TorghutError

_TURN: Final = text("SELECT pg_advisory_xact_lock(1413958727)")
"""One process at a time lays out a database; the number is what SQLite's files are marked with."""

# Not to_regclass: it may answer from what the session knew before it waited for its turn.
_PRESENT: Final = text(
    "SELECT coalesce(bool_or(relname = :version_table), false) AS laid_out,"
    " coalesce(bool_or(relname = ANY(:tables)), false) AS taken"
    " FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('r', 'p')"
)
_NAME: Final = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 -- our own name
_INSERT_IDENTITY: Final = text(
    "INSERT INTO log (log_id, created_at_ns) VALUES (:log_id, :created_at_ns)"
)
_MIGRATIONS: Final = "torghut.adapters.postgres.migrations"


class LayoutOutdatedError(TorghutError):
    """The database has the layout of an older version; upgrade it, with a copy at hand."""

    code: ClassVar[str] = "eventlog.layout-outdated"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(
            f"{place}: expected layout {expected}, found {found}; "
            "end all writers, then type `torghut log upgrade --log ADDRESS`"
        )
        self.place = place
        self.expected = expected
        self.found = found


async def layout_of(connection: AsyncConnection, address: Address) -> str | None:
    """Return the name of the layout that the database has; None if it is none of ours yet.

    Raises:
        LogLayoutError: It has tables of these names and of something else.
    """
    asked = {"version_table": VERSION_TABLE, "tables": list(TABLES)}
    present = (await connection.execute(_PRESENT, asked)).one()
    if not present.laid_out:
        if present.taken:
            raise LogLayoutError(
                path=address.name, expected="an empty database or a log", found="other tables"
            )
        return None
    found = (await connection.execute(_NAME)).scalar_one_or_none()
    return None if found is None else str(found)


def check_layout(found: str, address: Address) -> None:
    """Check that a layout is the one that this code reads and writes.

    Raises:
        LayoutOutdatedError: It is an older one.
        LogLayoutError: It is none that this version knows.
    """
    if found == LAYOUT:
        return
    if found.isdecimal() and int(found) < int(LAYOUT):
        raise LayoutOutdatedError(place=address.name, expected=LAYOUT, found=found)
    raise LogLayoutError(path=address.name, expected=f"layout {LAYOUT}", found=f"layout {found}")


async def lay_out(
    connection: AsyncConnection, address: Address, *, log_id: str, now_ns: int
) -> None:
    """Make the tables of a log in an empty database, in the connection's transaction.

    Whoever comes second finds them made.
    """
    await connection.execute(_TURN)
    if await layout_of(connection, address) is None:
        await connection.run_sync(_migrate)
        identity = {"log_id": log_id, "created_at_ns": now_ns}
        await connection.execute(_INSERT_IDENTITY, identity)


async def upgrade(connection: AsyncConnection, address: Address) -> tuple[str, str]:
    """Bring an older layout up to this version's, and return both names: before and after.

    Raises:
        LogLayoutError: It is none of ours, or newer than this version.
    """
    await connection.execute(_TURN)
    found = await layout_of(connection, address)
    if found is None:
        raise LogLayoutError(path=address.name, expected="a log", found="none")
    if not found.isdecimal() or int(found) > int(LAYOUT):
        check_layout(found, address)
    await connection.run_sync(_migrate)
    return found, LAYOUT


def _migrate(connection: Connection) -> None:
    """Run every migration that the database has not had."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    with as_file(files(_MIGRATIONS)) as folder, Operations.context(context):
        script = ScriptDirectory(str(folder))
        found = context.get_current_revision() or "base"
        for step in reversed([*script.iterate_revisions("head", found)]):
            step.module.upgrade()
            context.stamp(script, step.revision)
