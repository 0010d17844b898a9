"""Does a transaction until it is known to be kept or not, also across a server that went away.

Every transaction of a log may be done again: what is there already is found and accepted. So a
connection that was lost, even in the middle of a commit, is answered by looking: the transaction
begins again on another connection and finds what the lost one left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from asyncpg import Connection as Session
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import Budgets
from torghut.adapters.postgres.faults import FAULTS, obstacle_of, session_of, write_fault
from torghut.adapters.postgres.regaining import regained
from torghut.adapters.postgres.writing.sessions import KeptSessions
from torghut.eventlog.errors import CommitTimeoutError, Obstacle

T = TypeVar("T")

Work = Callable[[AsyncConnection, bool], Awaitable[T]]
"""What is done between begin and commit; told whether an attempt before may have been kept."""

Statement = Callable[[Session], Awaitable[T | None]]
"""Does the same in one statement, a transaction by itself; None where it did nothing.

It is said to the driver's own session: through SQLAlchemy that costs twice as much.
"""


class Attempts:
    """Transactions on one database.

    Args:
        engine: Opens sessions.
        address: For messages.
        budgets: How long an answer, and a server that went away, are waited for.
    """

    def __init__(self, engine: AsyncEngine, address: Address, budgets: Budgets) -> None:
        self._engine = engine
        self._kept = KeptSessions(engine)
        self._address = address
        self._budgets = budgets

    async def transact(self, work: Work[T], *, at_once: Statement[T] | None = None) -> T:
        """Return what ``work`` comes to, once it is durable.

        Args:
            work: Finds out whatever is in the way.
            at_once: Tried first: it takes one question and answer, where ``work`` takes four.

        Raises:
            CommitTimeoutError: Nobody can say within the budgets whether it was kept.
            LogWriteError: It was not kept.
            TorghutError: ``work`` refused.
        """
        attempt = _Attempt(self._engine, self._kept, self._budgets.answer_ms / 1000)
        try:
            return await regained(
                partial(attempt.do, work, at_once), within_ms=self._budgets.regain_ms
            )
        except FAULTS as error:
            raise self._refusal(error, doubtful=attempt.doubtful) from None

    async def close(self) -> None:
        """Give back the sessions that are kept; nothing is under way."""
        await self._kept.close()

    def _refusal(self, error: BaseException, *, doubtful: bool) -> Exception:
        """Return what to tell whoever waits; its chain is cut, for it may name what is secret."""
        if doubtful:
            return CommitTimeoutError(
                what=f"a transaction of {self._address.name}", budget_ms=self._budgets.regain_ms
            )
        return write_fault(error, address=self._address, budgets=self._budgets)


class _Attempt:
    """One transaction, tried again and again.

    Attributes:
        doubtful: Whether a commit was asked for and not answered.
    """

    def __init__(self, engine: AsyncEngine, kept: KeptSessions, answer_s: float) -> None:
        self._engine = engine
        self._kept = kept
        self._answer_s = answer_s
        self.doubtful = False

    async def do(self, work: Work[T], at_once: Statement[T] | None) -> T:
        """Try once."""
        if at_once is not None and not self.doubtful:
            result = await self._do_at_once(at_once)
            if result is not None:
                return result
        async with asyncio.timeout(self._answer_s), session_of(self._engine) as connection:
            result = await work(connection, self.doubtful)
            unknown, self.doubtful = self.doubtful, True
            await connection.commit()
            self.doubtful = unknown
            return result

    async def _do_at_once(self, statement: Statement[T]) -> T | None:
        """Try once with a statement that commits itself: unanswered, it is an unanswered commit."""
        async with asyncio.timeout(self._answer_s), self._kept.session() as session:
            asked = self.doubtful = not session.is_closed()
            try:
                result = await statement(session)
            except FAULTS as error:  # the server refused it, unless it is gone
                self.doubtful = asked and obstacle_of(error) is Obstacle.GONE
                raise
            self.doubtful = False
            return result
