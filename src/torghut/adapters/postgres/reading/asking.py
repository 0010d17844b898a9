"""One question to the database, asked again where its server went away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import Budgets
from torghut.adapters.postgres.faults import FAULTS, read_fault, session_of
from torghut.adapters.postgres.regaining import regained


class Asking:
    """Questions to one database, each a statement by itself: no long read holds anything back.

    Args:
        engine: Opens sessions.
        address: For messages.
        budgets: How long an answer, and a server that went away, are waited for.
    """

    def __init__(self, engine: AsyncEngine, address: Address, budgets: Budgets) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._budgets = budgets
        self.address = address

    async def rows(
        self, statement: TextClause, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        """Return all rows that ``statement`` finds.

        Raises:
            LogReadError: It could not be asked within the budgets.
            LogIntegrityError: The tables are not those of a log.
        """
        asked = partial(self._once, statement, values)
        try:
            return await regained(asked, within_ms=self._budgets.regain_ms)
        except FAULTS as error:
            raise read_fault(error, address=self.address) from None

    async def first(
        self, statement: TextClause, values: Mapping[str, object] | None = None
    ) -> Row[Any] | None:
        """Return the first row that ``statement`` finds, if any."""
        rows = await self.rows(statement, values)
        return rows[0] if rows else None

    async def _once(
        self, statement: TextClause, values: Mapping[str, object] | None
    ) -> Sequence[Row[Any]]:
        async with asyncio.timeout(self._budgets.answer_ms / 1000):
            async with session_of(self._engine) as connection:
                return (await connection.execute(statement, values)).all()
