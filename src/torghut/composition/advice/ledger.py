"""The composition root of asking's ledger: where it is, and the limits that it is under."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.adapters.sqlite.sharing.holding import HeldEvents
from torghut.adapters.system.clock import RandomIds, SystemClock
from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.breaker import BreakerPolicy
from torghut.reasoning.ledger import AskingPolicy
from torghut.schemas.declarations.governance import AskingTerms
from torghut.settings import artifact_dir

_LOG: Final = "asking.log"


def asking_events() -> SharedEvents:
    """Return the streams of asking, below the folder of artifacts; made when written."""
    return SharedEvents(artifact_dir() / _LOG, clock=SystemClock(), ids=RandomIds())


@asynccontextmanager
async def held_asking_events() -> AsyncIterator[HeldEvents]:
    """Give the same streams to the one process that appends to them, while the block lasts."""
    events = HeldEvents(asking_events())
    try:
        yield events
    finally:
        await events.let_go()


def asking_policy(terms: AskingTerms) -> AskingPolicy:
    """Return the limits that are declared."""
    return AskingPolicy(
        calls_per_hour=terms.calls_per_hour,
        tokens_per_hour=terms.tokens_per_hour,
        tokens_per_question=terms.tokens_per_question,
        at_once=terms.at_once,
        breaking=BreakerPolicy(
            failures=terms.breaker.failures,
            open_ns=terms.breaker.open_ms * NS_PER_MS,
            open_max_ns=terms.breaker.open_max_ms * NS_PER_MS,
        ),
    )
