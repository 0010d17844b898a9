"""How long a log in PostgreSQL waits for what: for a server, an answer, a lock, another server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Longest waits, in milliseconds.

    Attributes:
        connect_ms: For a session.
        statement_ms: For one statement, by the server's clock.
        lock_ms: For a lock within one, by the server's clock.
        idle_ms: For the next statement of a transaction, by the server's clock: a writer that is
            halted in the middle of one keeps others out no longer. Less than ``lock_ms``, so that
            whoever waits for it outlasts it.
        answer_ms: For a whole transaction, by this process's clock: a server that is halted
            answers nothing at all.
        regain_ms: For a server that went away, from the first failure on.
        close_ms: For what is under way when the log is closed.
    """

    connect_ms: int = 5_000
    statement_ms: int = 10_000
    lock_ms: int = 6_000
    idle_ms: int = 4_000
    answer_ms: int = 15_000
    regain_ms: int = 30_000
    close_ms: int = 20_000


DEFAULTS: Final = Budgets()

SESSIONS_MAX: Final = 8
"""Sessions that one handle opens at most; what needs another one waits for it."""
