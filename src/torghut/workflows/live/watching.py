"""What a worker looks after beside deciding: switches, halts, silence, the clock, its page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from torghut.kernel.clock import SteadyClock
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S, NS_PER_MS, NS_PER_S
from torghut.schemas.live.governance import GovernanceBeat
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.errands import Errand
from torghut.workflows.live.intake.stamping import IngressClock
from torghut.workflows.live.intake.waiting import WaitingControl
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.loop.deciding import LiveLoop
from torghut.workflows.live.loop.heeding import Heeding
from torghut.workflows.live.observing.governed import GovernanceEar
from torghut.workflows.live.observing.witness import Witness
from torghut.workflows.live.standing import Standing
from torghut.workflows.live.switch_ports import (
    SwitchFolder,
    ThrownSwitch,
    WorkerPage,
)
from torghut.workflows.live.switching import Switchboard

_LOOK_S: Final = 0.05
"""Between two looks for a halt."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks after one worker until cancelled.

    Where the switch files cannot be read, or take too long, nobody knows whether a stop was thrown:
    that is said, and the trading loop is told to open nothing. Files are touched ``aside``, in
    threads that may hang on a disk; None for those that the loop waits for at its end. Of a
    ``shared`` source, one of several partitions, silence is not said where no symbol of it was ever
    heard: it may have none.
    """

    loop: LiveLoop
    clock: IngressClock
    steady: SteadyClock
    condition: Condition
    switches: Switchboard
    standing: Standing
    folder: SwitchFolder
    page: WorkerPage
    witness: Witness
    ear: GovernanceEar
    heeding: Heeding
    aside: Executor | None = None
    shared: bool = False
    _looked_ns: int = field(init=False)
    _looking: Errand[Sequence[ThrownSwitch]] = field(init=False)
    _writing: Errand[None] = field(init=False)
    _listening: Errand[GovernanceBeat | None] = field(init=False)
    _halts: int = 0
    _caught_up: int = 0

    def __post_init__(self) -> None:
        self._looked_ns = self.steady.now_ns()
        telling = self.loop.policy.telling
        self._looking = Errand(what="reading them", aside=self.aside, budget_ms=telling.stale_ms)
        self._listening = Errand(
            what="hearing governance", aside=self.aside, budget_ms=telling.heartbeat_ms
        )
        self._writing = Errand(what="writing it", aside=self.aside, budget_ms=telling.heartbeat_ms)

    async def switch_files(self) -> None:
        """Follow the switch files and keep the worker's page, at the declared rhythm."""
        pause_s = self.loop.policy.switching.poll_ms / MS_PER_S
        while True:
            await self._follow_switches()
            await self.hear_governance()
            await self.keep_page()
            await asyncio.sleep(pause_s)

    async def catch_up(self) -> None:
        """After a halt, look at the switch files before anything is decided.

        What came in while the process was halted may be read before the next look at them is due.
        """
        self.clock.look(waiting=len(self.loop.line))
        if self._caught_up < self.clock.halts:
            self._caught_up = self.clock.halts
            await self._follow_switches()

    async def _follow_switches(self) -> None:
        """Take in the switch files, or say that they cannot be read."""
        try:
            await self.look_at_switches()
        except (TorghutError, OSError) as error:
            self.condition.begin("switches-unread", f"the switch files: {error}")

    async def hear_governance(self) -> None:
        """Record that governance is there; where it cannot be heard nothing is: it is silent."""
        try:
            beat = await self._listening.run(self.ear.heard)
        except (TorghutError, OSError):
            return
        if self.loop.holding:
            return  # nothing is told meanwhile; the next beat says as much
        record = self.heeding.heed(beat, self.loop.fold)
        if record is not None:
            self.loop.line.put([WaitingControl(record=record, urgent=True)])

    async def look_at_switches(self) -> None:
        """Take in the switch files as they are now.

        Raises:
            TorghutError: They cannot be read, or not in time.
            OSError: Neither can their folder.
        """
        found = await self._looking.run(self.folder.thrown)
        self._looked_ns = self.steady.now_ns()
        self.condition.end("switches-unread")
        self._take(found)

    async def keep_page(self) -> None:
        """Write the worker's page, and take away the files of what was released.

        Where that cannot be done it is said to those who listen.
        """
        spent, status = self.switches.spent(), self.standing.status()
        try:
            await self._writing.run(partial(self._write, status, spent))
        except (TorghutError, OSError) as error:
            self.condition.begin("page-unwritten", f"the page, or a released switch file: {error}")
        else:
            self.condition.end("page-unwritten")

    async def halts(self) -> None:
        """Notice halts of the process, silence, and steps of the wall clock."""
        while True:
            self._look()
            await asyncio.sleep(_LOOK_S)

    def _take(self, found: Sequence[ThrownSwitch]) -> None:
        """Put what is new before everything that waits."""
        known = set(self.switches.files)
        new = self.switches.look(found, self.loop.fold)
        self.loop.line.put([WaitingControl(record=record, urgent=True) for record in new])
        if self.loop.holding:
            self.switches.hold()
        if set(self.switches.files) != known:
            self.standing.changed()

    def _write(self, status: WorkerStatus, spent: Sequence[ThrownSwitch]) -> None:
        """Write the page, then take away what was released."""
        self.page.write(status)
        for one in spent:
            self.folder.retire(one.name, one.throw_id)

    def _look(self) -> None:
        """Judge what only passing time shows."""
        timeliness = self.loop.policy.timeliness
        self.clock.look(waiting=len(self.loop.line))
        while self._halts < self.clock.halts:
            self._halts += 1
            self.witness.halted()
        if self.clock.in_backlog:
            halted_s = self.clock.halted_ns / NS_PER_S
            self.condition.begin("paused", f"this process was halted for {halted_s:.1f} s")
        else:
            self.condition.end("paused")
        apart_ms = abs(self.clock.apart_ns()) / NS_PER_MS
        if apart_ms > timeliness.clock_apart_ms:
            self.condition.begin("clock-stepped", f"the wall clock moved by {apart_ms:.0f} ms")
        else:
            self.condition.end("clock-stepped")
        self._look_for_silence(timeliness.silent_ms)
        if self.loop.lateness.late:
            self.condition.begin("lag", "contexts are decided later than declared")
        else:
            self.condition.end("lag")

    def _look_for_silence(self, silent_ms: int) -> None:
        """Judge how long no context came, and how long ago the switch files were read."""
        heard_ns = self.clock.heard_ns
        since_ns = self.loop.begun_ns if heard_ns is None else heard_ns
        now_ns = self.steady.now_ns()
        expected = not self.shared or bool(self.loop.fold.symbols)
        silent = expected and now_ns - since_ns > silent_ms * NS_PER_MS
        if silent and not self.condition.has("source-ended"):
            self.condition.begin("source-silent", f"no context for over {silent_ms} ms")
        else:
            self.condition.end("source-silent")
        limit_ms = self.loop.policy.telling.stale_ms
        if now_ns - self._looked_ns > limit_ms * NS_PER_MS:
            detail = f"the switch files could not be read for over {limit_ms} ms"
            self.condition.begin("switches-unread", detail)
