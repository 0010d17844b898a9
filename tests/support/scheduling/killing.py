"""A trial in which a scheduler is killed at instants that are drawn, and started again."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tests.support.scheduling.schedulers import Scheduler, lives, submit, wait_until
from torghut.artifacts.package import Package
from torghut.artifacts.signatures import TrustedKey
from torghut.composition.governing import governance_events
from torghut.eventlog.envelopes import Envelope
from torghut.governance.lanes.queue import STREAM as LANES
from torghut.governance.leasing.errors import LeaseLostError
from torghut.kernel.times import instant
from torghut.workflows.aggregates import DRIFT, STOP_LATCH

EVER: Final = (0, 2**62)

Victim = Literal["scheduler", "lane", "both"]
Part = Literal["beginning", "lane", "end"]

_VICTIMS: Final[Sequence[Victim]] = ("scheduler", "scheduler", "both", "lane", "lane")
_PARTS_S: Final[dict[Part, float]] = {"beginning": 1.0, "lane": 4.0, "end": 0.35}
"""Longest wait for an instant in a part of a cycle, from where that part begins."""

_BEGINS_S: Final = 2.0
_ENDS_S: Final = 10.0
"""Longest waits for a lane to begin, as some cycles run none, and for one to end."""

_DRAWS_MAX: Final = 100
_SETTLED_CYCLES: Final = 4
_CYCLES_MAX: Final = 20
_CYCLE_S: Final = 120
_GOVERNED_S: Final = 300
"""Longest wait for what schedulers are to come to, and again for every candidate before it."""

_SAID_LETTERS: Final = 4000


@dataclass(slots=True, kw_only=True)
class Trial:
    """A loop, its scheduler, and how it is killed.

    Attributes:
        log: Of the loop.
        candidate: Waits for a run before each kill.
        draw: The course of the trial.
        killed: Who was really killed, and how often; a scheduler's lane may have been at work.
        missed: Instants that were drawn at which nobody was there to be killed.
        at_ns: Time of the last cycle, where each is a command of its own on recorded data; else 0.
        every_ns: From one such cycle to the next.
    """

    folder: Path
    scheduler: Scheduler
    trusted: TrustedKey
    log: Path
    candidate: Package
    draw: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    at_ns: int = 0
    every_ns: int = 0

    @property
    def root(self) -> Path:
        """The artifact root."""
        return self.folder / "var"

    def let_a_candidate_wait(self) -> None:
        """Submit the candidate; while it waits, again changes nothing."""
        asyncio.run(
            submit(self.root, self.log, self.candidate, router=self.candidate.name, window=EVER)
        )

    def kill_once(self) -> None:
        """Kill the scheduler, its lane, or both, at an instant that is drawn, and start again.

        Where nobody is there any more it is no kill, and another instant is drawn: soon after the
        beginning of the next cycle, as there may be nothing that makes it take long.
        """
        part: Part = self.draw.choice(tuple(_PARTS_S))
        begun = not self.at_ns
        for _ in range(_DRAWS_MAX):
            self.let_a_candidate_wait()
            if not begun or not self.scheduler.running():
                self.begin()
                begun = True
            self._wait_for_an_instant(part)
            if hit := self._killed(self.draw.choice(_VICTIMS)):
                self.killed[hit] += 1
                return
            self.missed, part = self.missed + 1, "beginning"
        raise AssertionError(self._complaint(f"nobody was there at {_DRAWS_MAX} instants"))

    def _wait_for_an_instant(self, part: Part) -> None:
        """Wait for an instant in a part of a cycle: its last one begins once drift was judged."""
        if part != "beginning":
            self._while_running(lambda: not self._lane_lives(), within_s=_BEGINS_S)
        if part == "end":
            self._while_running(self._lane_lives, within_s=_ENDS_S)
            judged = len(self._events(DRIFT.stream))
            self._while_running(
                lambda: not self._events(DRIFT.stream, after=judged), within_s=_ENDS_S
            )
        time.sleep(self.draw.uniform(0.0, _PARTS_S[part]))

    def _while_running(self, condition: Callable[[], bool], *, within_s: float) -> None:
        """Wait while something holds, and the scheduler runs."""
        until = time.monotonic() + within_s
        while self.scheduler.running() and time.monotonic() < until and condition():
            time.sleep(0.01)

    def _lane_lives(self) -> bool:
        """Return whether the scheduler has a lane at work."""
        return any(map(lives, self.scheduler.offspring()))

    def _killed(self, victim: Victim) -> str:
        """Kill, and return who was really killed; empty where nobody was there any more.

        Where there is no lane, the scheduler is killed alone.
        """
        scheduler = self.scheduler
        if not scheduler.running():
            return ""
        scheduler.children = scheduler.offspring()
        if victim == "lane" and scheduler.kill_offspring():
            return "lane"
        if scheduler.end(signal.SIGKILL) != -signal.SIGKILL:
            return ""  # it ended by itself just then
        if victim == "both" and scheduler.kill_offspring():
            return "both"
        return "scheduler of a lane" if any(map(lives, scheduler.children)) else "scheduler"

    def wait_for_a_stop(self) -> None:
        """Wait until the latch is closed."""

        def stopped() -> bool:
            kinds = Counter(one.type for one in self._events(STOP_LATCH.stream))
            opened = kinds["safety.loop-recovered.v1"] + kinds["safety.loop-released.v1"]
            return kinds["safety.loop-stopped.v1"] > opened

        self._governed_until(stopped, "the latch is closed")

    def begin(self) -> None:
        """Start a scheduler; on recorded data, for one cycle that comes after the last one."""
        if not self.at_ns:
            self.scheduler.begin()
            return
        if self.scheduler.running():
            assert self.scheduler.process is not None
            self.scheduler.process.wait(_CYCLE_S)
        self.at_ns += self.every_ns
        self.scheduler.begin("--simulate-clock", instant(self.at_ns))

    def finish(self) -> None:
        """Run cycles on recorded data, each to its end, until nothing is left to be done."""
        for _ in range(_CYCLES_MAX):
            self.begin()
            assert self.scheduler.process is not None
            ended = self.scheduler.process.wait(_CYCLE_S)
            assert ended in (0, 1), self._complaint(f"a cycle ended with {ended}")
            if not self._left():
                return
        raise AssertionError(self._complaint(f"work is left after {_CYCLES_MAX} cycles"))

    def settle(self) -> None:
        """Let a scheduler make up for everything and run one lane undisturbed, then end it."""
        self.let_a_candidate_wait()
        self._governed_until(lambda: not self._left(), "nothing is left to be done")
        first = self.notes()
        self._governed_until(lambda: self.notes() >= first + _SETTLED_CYCLES, "some notes more")
        while self.scheduler.end() != 0:
            last = self.scheduler.said().splitlines()[-1]
            assert last.startswith(LeaseLostError.code), self._complaint("it ended otherwise")
            self._governed_until(lambda: self.notes() > first + _SETTLED_CYCLES, "another note")

    def _governed_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds; a busy machine may cost a scheduler its lease."""

        def holds() -> bool:
            if not self.scheduler.running():
                self.begin()
            return condition()

        within_s = _GOVERNED_S * (1 + self._left())
        try:
            wait_until(holds, within_s=within_s, look_s=0.2)
        except TimeoutError as error:
            complaint = self._complaint(f"not so within {within_s} s: {what}")
            raise AssertionError(complaint) from error

    def _complaint(self, what: str) -> str:
        """Return what went wrong, with what the scheduler said last."""
        return f"{what}; the scheduler said:\n{self.scheduler.said()[-_SAID_LETTERS:]}"

    def keep(self, **figures: object) -> None:
        """Leave figures in the folder, for whoever wants to know."""
        (self.folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")

    def _left(self) -> int:
        """Return how many candidates wait or are at work."""
        kinds = Counter(one.type for one in self._events(LANES))
        return kinds["lanes.candidate-submitted.v1"] - kinds["lanes.run-ended.v1"]

    def _events(self, stream: str, *, after: int = 0) -> Sequence[Envelope]:
        """Return the events of one of governance's streams behind the first ``after``."""
        return asyncio.run(governance_events(self.root).read_events(stream, after=after))

    def notes(self) -> int:
        """Return how many notes there are."""
        return len(list((self.root / "notes").glob("iteration-*.md")))
