"""Making something durable, however long it takes, and saying so where it takes long.

What failed in a way that may pass is tried again as it is: a log accepts the same block at the same
place again and changes nothing. Where the log broke it is opened again first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from torghut.eventlog.errors import LogReadError, LogWriteError, Obstacle
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.clock import SteadyClock
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S, NS_PER_S
from torghut.schemas.declarations.live import LoopBudgets
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.loop.keeping import LogKeeper
from torghut.workflows.live.observing.witness import Witness

_PASSING: Final = frozenset({Obstacle.BUSY, Obstacle.DISK_FULL, Obstacle.READ_ONLY})
"""What may go away by itself; the log is as it was meanwhile."""

Fault = LogWriteError | LogReadError
"""What is waited out."""

Attempt = Callable[[DecisionLog], Awaitable[object]]
"""Makes one thing durable in the log as it is open now; doing it twice is doing it once."""


class OvertakenError(Exception):
    """Ends the attempts at a block that must be decided again; never leaves the loop."""


@dataclass(slots=True, kw_only=True)
class Persistence:
    """Makes one thing after the other durable.

    Attributes:
        keeper: Of the log.
        budgets: How long is long.
        condition: Where that is said.
        ending: Whether the service is ending, and only one attempt is left.
        reopened: Told of the log where it was opened again.
        witness: Told when the log goes away and when it is back, for others.
        steady: Tells for how long it was away.
        holding: Whether nothing can become durable for now.
    """

    keeper: LogKeeper
    budgets: LoopBudgets
    condition: Condition
    ending: Callable[[], bool]
    reopened: Callable[[DecisionLog], None]
    witness: Witness
    steady: SteadyClock
    holding: bool = False
    _away_ns: int | None = None
    _timer: asyncio.TimerHandle = field(init=False)

    async def keep(self, body: bytes) -> bool:
        """Keep an object in the log, as ``insist`` does.

        Raises:
            LogWriteError: It is not durable, and the service is ending.
        """

        async def attempt(log: DecisionLog) -> None:
            await log.put_object(body)

        return await self.insist(attempt)

    async def insist(self, attempt: Attempt) -> bool:
        """Wait until something is durable, trying again where what is in the way may pass.

        Args:
            attempt: Makes it durable; may raise ``OvertakenError`` to end the attempts.

        Returns:
            Whether it took so long, or failed, that nothing counted as durable meanwhile.

        Raises:
            OvertakenError: As an attempt said.
            LogWriteError: It is not durable, and the service is ending.
        """
        fault: Fault | None = None
        while True:
            try:
                await self._watch(attempt(self.keeper.log))
            except (LogWriteError, LogReadError) as found:
                await self.bear(found, broke=found is fault)
                fault = found
            else:
                held, self.holding = self.holding, False
                self.condition.end("log-slow", "log-away", "disk-full")
                if self._away_ns is not None:
                    self.witness.log_back((self.steady.now_ns() - self._away_ns) / NS_PER_S)
                    self._away_ns = None
                return held

    async def bear(self, fault: Fault, *, broke: bool = False) -> None:
        """Say that nothing can become durable, and wait until trying again makes sense.

        Args:
            fault: What is in the way.
            broke: Whether the log gave up: it says the very same again, and must be opened anew.

        Raises:
            LogWriteError: The service is ending.
        """
        self.hold(fault)
        reopens = broke or fault.obstacle not in _PASSING
        while True:
            if self.ending():
                raise fault
            await asyncio.sleep(self.budgets.retry_ms / MS_PER_S)
            if not reopens:
                return
            try:
                log = await self.keeper.regain()
            except TorghutError as still:
                self.hold(still)
            else:
                self.witness.log_reopened()
                self.reopened(log)
                return

    def hold(self, fault: TorghutError) -> None:
        """Say that nothing can become durable."""
        self.holding = True
        if self._away_ns is None:
            self._away_ns = self.steady.now_ns()
            self.witness.log_away(fault)
        full = isinstance(fault, LogWriteError) and fault.obstacle is Obstacle.DISK_FULL
        self.condition.end("log-away" if full else "disk-full")
        self.condition.begin("disk-full" if full else "log-away", str(fault))

    async def _watch(self, trying: Awaitable[object]) -> None:
        """Wait for an attempt, however long; say so where it takes long.

        Raises:
            LogWriteError: It failed.
        """
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.budgets.commit_slow_ms / MS_PER_S, self._slow)
        try:
            await trying
        finally:
            self._timer.cancel()

    def _slow(self) -> None:
        """Say that a commit takes long."""
        slow_ms, away_ms = self.budgets.commit_slow_ms, self.budgets.commit_away_ms
        self.condition.begin("log-slow", f"a commit takes over {slow_ms} ms")
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later((away_ms - slow_ms) / MS_PER_S, self._away)

    def _away(self) -> None:
        """Say that a commit takes so long that nobody can wait for it."""
        self.holding = True
        self.condition.begin("log-away", f"a commit takes over {self.budgets.commit_away_ms} ms")
