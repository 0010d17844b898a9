"""Sessions with the server: how each begins, and what the server must promise to be written to.

Every new session is asked anew: a server that was restarted without fsync is refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import SESSIONS_MAX, Budgets
from torghut.adapters.postgres.layout import TABLES, VERSION_TABLE
from torghut.eventlog.errors import LogNotDurableError

_DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
_REMEDY: Final = "let the server keep what it acknowledges, or a power cut takes it back"
_PROMISES: Final = "SELECT name, setting FROM pg_settings WHERE name = ANY($1)"
_UNLOGGED: Final = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind = 'r' AND relpersistence <> 'p' AND relname = ANY($1) LIMIT 1"
)


def engine_of(address: Address, budgets: Budgets, *, writing: bool) -> AsyncEngine:
    """Return what opens sessions with the database at ``address`` as they are needed.

    Args:
        address: Of the database.
        budgets: How long they wait for what.
        writing: Refuse a server that does not keep what it acknowledges.
    """

    async def connect() -> asyncpg.Connection:
        return await open_session(address, budgets, writing=writing)

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=SESSIONS_MAX,
        max_overflow=0,
        pool_timeout=budgets.answer_ms / 1000,
        hide_parameters=True,
    )


async def open_session(address: Address, budgets: Budgets, *, writing: bool) -> asyncpg.Connection:
    """Return a new session.

    Raises:
        LogNotDurableError: It is to write, and the server would not keep what it acknowledges.
    """
    session = await asyncpg.connect(
        dsn=address.dsn,
        password=address.password,
        timeout=budgets.connect_ms / 1000,
        command_timeout=budgets.answer_ms / 1000,
        server_settings=_settings(budgets),
    )
    if writing:
        try:
            await _check_durable(session, address)
        except BaseException:
            session.terminate()
            raise
    return session


async def _check_durable(session: asyncpg.Connection, address: Address) -> None:
    """Refuse a server that acknowledges what a power cut can take back.

    Raises:
        LogNotDurableError: It does.
    """
    for row in await session.fetch(_PROMISES, list(_DURABLE)):
        if row["setting"] == "off":
            raise LogNotDurableError(
                setting=f"{address.name}, {row['name']}", expected="on", found="off", remedy=_REMEDY
            )
    unlogged = await session.fetchval(_UNLOGGED, [VERSION_TABLE, *TABLES])
    if unlogged is not None:
        raise LogNotDurableError(
            setting=f"{address.name}, table {unlogged}",
            expected="a logged table",
            found="another",
            remedy=_REMEDY,
        )


def _settings(budgets: Budgets) -> Mapping[str, str]:
    """Return what every session sets for itself."""
    return {
        "application_name": "torghut",
        "statement_timeout": str(budgets.statement_ms),
        "lock_timeout": str(budgets.lock_ms),
        "idle_in_transaction_session_timeout": str(budgets.idle_ms),
        "default_transaction_isolation": "read committed",
        "jit": "off",
    }
