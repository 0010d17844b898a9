"""A process beside the service, such as governance's scheduler, started again when it dies.

Nothing of it runs in the loop's process but waiting. Its death, however often, is a line in the
service's own log and a figure; the loop goes on. In live mode it opens nothing once governance has
been silent for too long; without a process that asks for advice the fallback answers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import MS_PER_S, NS_PER_S
from torghut.schemas.observing.beside_events import (
    CompanionDied,
    CompanionEnded,
    CompanionStarted,
    GovernanceDied,
    GovernanceEnded,
    GovernanceStarted,
    ReasoningDied,
    ReasoningEnded,
    ReasoningRenewed,
    ReasoningStarted,
)
from torghut.schemas.observing.catalogue import GOVERNANCE_STARTS, REASONING_STARTS
from torghut.schemas.observing.metric import Counter
from torghut.workflows.live.beside.errors import CompanionNotStartedError
from torghut.workflows.live.beside.ports import Companion, Starting
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import Telemetry

_BEGUN_S: Final = 5.0
"""Whatever lasted so long did something; what ends sooner could end again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the next start: twice as long after each early death, up to a limit.

    Attributes:
        first_s: After the first; also again after one that lived longer than ``most_s``.
        most_s: The longest.
    """

    first_s: float = 1.0
    most_s: float = 60.0

    def after(self, waited_s: float, lasted_s: float) -> float:
        """Return how long to wait after a life of ``lasted_s``, ``waited_s`` before it.

        Example:
            >>> Backoff().after(0.0, 0.1), Backoff().after(40.0, 0.1), Backoff().after(40.0, 61.0)
            (1.0, 60.0, 1.0)
        """
        if lasted_s > self.most_s or not waited_s:
            return self.first_s
        return min(waited_s * 2, self.most_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a companion is, in the service's own log and among its figures.

    Attributes:
        started: Line that it was started.
        died: Line that it ended unasked.
        ended: Line that it ended because the service does.
        renewed: Line that it ended unasked and in order; None where nothing is in order about that.
        starts: Counts how often it was started.
    """

    started: type[CompanionStarted]
    died: type[CompanionDied]
    ended: type[CompanionEnded]
    renewed: type[ReasoningRenewed] | None
    starts: Counter[()]


GOVERNANCE: Final = Kind(
    started=GovernanceStarted,
    died=GovernanceDied,
    ended=GovernanceEnded,
    renewed=None,
    starts=GOVERNANCE_STARTS,
)
REASONING: Final = Kind(
    started=ReasoningStarted,
    died=ReasoningDied,
    ended=ReasoningEnded,
    renewed=ReasoningRenewed,
    starts=REASONING_STARTS,
)


@dataclass(slots=True, kw_only=True)
class Companionship:
    """Keeps a process running beside the service until the service ends.

    Attributes:
        start: Starts one.
        kind: What it is.
        steady: Tells how long it lived.
        journal: Told when it started, died and ended.
        telemetry: Counts the starts.
        drain_ms: Longest wait for its end once it was asked to; then it is killed.
        backoff: How long to wait before it is started again.
    """

    start: Starting
    kind: Kind
    steady: SteadyClock
    journal: Journal
    telemetry: Telemetry
    drain_ms: int
    backoff: Backoff = Backoff()
    _starts: int = 0

    async def keep(self, asked: asyncio.Event) -> None:
        """Keep one running until ``asked`` is set; then have it ended within the budget."""
        waited_s = 0.0
        while not asked.is_set():
            began_ns = self.steady.now_ns()
            exit_code, detail = await self._live_once(asked)
            if asked.is_set():
                return
            lasted_s = (self.steady.now_ns() - began_ns) / NS_PER_S
            waited_s = self.backoff.after(waited_s, lasted_s)
            if self.kind.renewed is not None and exit_code == 0:
                waited_s = 0.0 if lasted_s >= _BEGUN_S else waited_s
                self.journal.say(self.kind.renewed(lasted_seconds=lasted_s, again_seconds=waited_s))
            else:
                self.journal.say(
                    self.kind.died(
                        exit_code=-1 if exit_code is None else exit_code,
                        detail=detail,
                        lasted_seconds=lasted_s,
                        again_seconds=waited_s,
                    )
                )
            with suppress(TimeoutError):
                async with asyncio.timeout(waited_s):
                    await asked.wait()

    async def _live_once(self, asked: asyncio.Event) -> tuple[int | None, str]:
        """Run one until it dies or is to end; return its exit status and its last complaint."""
        try:
            child = await self.start()
        except CompanionNotStartedError as error:
            return None, str(error)
        self._starts += 1
        self.telemetry.count(self.kind.starts, 1)
        self.journal.say(self.kind.started(pid=child.pid, starts=self._starts))
        ending, stopping = asyncio.ensure_future(child.ended()), asyncio.ensure_future(asked.wait())
        try:
            await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                await self._end(child, ending)
            return ending.result(), child.complaint()
        finally:
            stopping.cancel()
            if not ending.done():  # cancelled: nothing outlives the service
                child.kill()
                ending.cancel()
            await asyncio.gather(ending, stopping, return_exceptions=True)

    async def _end(self, child: Companion, ending: asyncio.Future[int]) -> None:
        """Have a process ended, by force once the budget is over."""
        child.ask_to_end()
        killed = False
        try:
            async with asyncio.timeout(self.drain_ms / MS_PER_S):
                await asyncio.shield(ending)
        except TimeoutError:
            killed = True
            child.kill()
        self.journal.say(self.kind.ended(exit_code=await ending, killed=killed))
