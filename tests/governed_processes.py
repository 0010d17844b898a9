"""A loop and its scheduler in processes of their own, and a trial in which they are killed."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.aftermath import events_of
from tests.declared import shipped
from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.sources import ArraySource
from tests.kernels import compiled
from tests.live_services import OTHER, SYMBOL, LiveService, live_service
from tests.planted import regimes
from tests.rolling import key_file
from tests.rows import SECOND_NS, RowArray
from tests.schedulers import QUICK, Scheduler, declare, submit, wait_until
from torghut.adapters.sqlite.store import open_log
from torghut.artifacts.signatures import TrustedKey, fingerprint, parse_private_key
from torghut.governance.leasing.errors import LeaseLostError
from torghut.kernel.times import instant
from torghut.settings import DECLARATIONS_DIR
from torghut.workflows.aggregates import STOP_LATCH
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold

ROUTER: Final = "fx-intraday"
MINUTE_NS: Final = 60 * SECOND_NS
EVER: Final = (0, 2**62)
KEY: Final = "scheduler.pem"
_SETTLED_CYCLES: Final = 4
_CYCLES_MAX: Final = 20
_CYCLE_S: Final = 120


def scheduler_key(folder: Path) -> TrustedKey:
    """Write the key of a scheduler into ``folder``, and return what readers trust."""
    key = parse_private_key(key_file(folder / KEY).read_bytes()).public_key()
    return TrustedKey(fingerprint=fingerprint(key), key=key)


@dataclass(slots=True)
class Source:
    """Offers quotes to a service in a thread, but while it is to be quiet.

    Attributes:
        quiet: Set for as long as nothing is offered.
    """

    service: LiveService
    quiet: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def talk(self) -> None:
        """Offer until the end."""
        client = self.service.client()
        while not self._ended.wait(0.05):
            for symbol in () if self.quiet.is_set() else (SYMBOL, OTHER):
                self.service.decide(client, symbol=symbol, budget_ms=20_000)

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Offer while the block runs."""
        thread = threading.Thread(target=self.talk, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()


@dataclass(slots=True, kw_only=True)
class Trial:
    """A loop, its scheduler, and how it is killed.

    Attributes:
        log: Of the loop.
        draw: The course of the trial.
        at_ns: Time of the last cycle, where each is a command of its own on recorded data; else 0.
    """

    folder: Path
    scheduler: Scheduler
    trusted: TrustedKey
    log: Path
    draw: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    at_ns: int = 0

    @property
    def root(self) -> Path:
        """The artifact root."""
        return self.folder / "var"

    def let_a_candidate_wait(self) -> None:
        """Submit the candidate; while it waits, again changes nothing."""
        asyncio.run(submit(self.root, self.log, regimes(1.0), router=ROUTER, window=EVER))

    def kill_once(self) -> None:
        """Kill the scheduler, its lane, or both, at an instant that is drawn, and start again."""
        self.let_a_candidate_wait()
        if self.at_ns or not self.scheduler.running():
            self.begin()
        cycle_s, lane_s = self.draw.uniform(0.0, 1.0), self.draw.uniform(0.0, 8.0)
        time.sleep(self.draw.choice((cycle_s, lane_s)))
        self._kill(self.draw.choice(("scheduler", "scheduler", "both", "lane")))

    def _kill(self, victim: str) -> None:
        """Kill the scheduler, its lane, or both."""
        if not self.scheduler.running():
            victim = "nobody"
        elif victim == "lane":
            self.scheduler.children = self.scheduler.offspring()
            victim = "lane" if self.scheduler.children else "nobody"
            self.scheduler.kill_offspring()
        else:
            self.scheduler.end(signal.SIGKILL)
            if victim == "both":
                self.scheduler.kill_offspring()
            orphaned = bool(self.scheduler.children) and victim == "scheduler"
            victim = "scheduler of a lane" if orphaned else victim
        self.killed[victim] += 1

    def wait_for_a_stop(self) -> None:
        """Wait until the latch is closed."""

        def stopped() -> bool:
            kinds = Counter(one.type for one in events_of(self.root).get(STOP_LATCH.stream, []))
            return kinds["safety.loop-stopped.v1"] > kinds["safety.loop-recovered.v1"]

        self._governed_until(stopped)

    def begin(self) -> None:
        """Start a scheduler; on recorded data, for one cycle a minute after the last one."""
        if not self.at_ns:
            self.scheduler.begin()
            return
        if self.scheduler.running():
            assert self.scheduler.process is not None
            self.scheduler.process.wait(_CYCLE_S)
        self.at_ns += MINUTE_NS
        self.scheduler.begin("--simulate-clock", instant(self.at_ns))

    def finish(self) -> None:
        """Run cycles on recorded data, each to its end, until nothing is left to be done."""
        for _ in range(_CYCLES_MAX):
            self.begin()
            assert self.scheduler.process is not None
            ended = self.scheduler.process.wait(_CYCLE_S)
            assert ended in (0, 1), self.scheduler.said()
            if not self._at_work() and self._waiting() == 0:
                return
        raise AssertionError(self.scheduler.said())

    def settle(self) -> None:
        """Let a scheduler make up for everything, and end in good order."""
        self._governed_until(lambda: not self._at_work() and self._waiting() == 0)
        first = self.notes()
        self._governed_until(lambda: self.notes() >= first + _SETTLED_CYCLES)
        while self.scheduler.end() != 0:
            assert self.scheduler.said().splitlines()[-1].startswith(LeaseLostError.code)
            self._governed_until(lambda: self.notes() > first + _SETTLED_CYCLES)

    def _governed_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; a busy machine may cost a scheduler its lease."""

        def holds() -> bool:
            if not self.scheduler.running():
                self.scheduler.begin()
            return condition()

        wait_until(holds, within_s=180, look_s=0.2)

    def keep(self, **figures: object) -> None:
        """Leave figures in the folder, for whoever wants to know."""
        (self.folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")

    def _at_work(self) -> bool:
        kinds = self._lanes()
        return kinds["lanes.run-started.v1"] > kinds["lanes.run-ended.v1"]

    def _waiting(self) -> int:
        kinds = self._lanes()
        return kinds["lanes.candidate-submitted.v1"] - kinds["lanes.run-started.v1"]

    def _lanes(self) -> Counter[str]:
        return Counter(one.type for one in events_of(self.root).get("lanes-main", []))

    def notes(self) -> int:
        """Return how many notes there are."""
        return len(list((self.root / "notes").glob("iteration-*.md")))


@contextmanager
def governed(folder: Path, *, seed: int) -> Iterator[tuple[Trial, LiveService]]:
    """Give a service that decides, and the trial of the scheduler that governs it."""
    trusted = scheduler_key(folder)
    declared = declare(folder / "declared", QUICK)
    with live_service(folder) as service:
        service.variables = {DECLARATIONS_DIR: str(declared)}
        service.start()
        scheduler = Scheduler(
            folder=folder,
            words=("scheduler", "run", "--log", str(service.log), "--key", KEY),
            declared=declared,
        )
        try:
            yield (
                Trial(
                    folder=folder,
                    scheduler=scheduler,
                    trusted=trusted,
                    log=service.log,
                    draw=random.Random(seed),  # noqa: S311 - a test's own course
                ),
                service,
            )
        finally:
            scheduler.close()


async def decide_into(path: Path, rows: RowArray, *, batch: int = 2000) -> None:
    """Write a log of recorded data, decided in blocks of ``batch`` contexts."""
    log = open_log(path, clock=HandClock(), ids=CountingIds())
    setup = Setup(kernel=compiled(), declarations=shipped(), packages={ROUTER: regimes()})
    opened = await open_fold(log, setup)
    await run_loop(
        Run(
            source=ArraySource(rows=rows, symbols=(SYMBOL,)),
            log=log,
            fold=opened.fold,
            controls=opened.controls,
            settings=LoopSettings(batch_records=batch),
        )
    )
    await log.close()


@contextmanager
def recorded(folder: Path, rows: RowArray, *, seed: int) -> Iterator[Trial]:
    """Give the trial of schedulers over a log of recorded data, a cycle each."""
    trusted, log = scheduler_key(folder), folder / "fx.log"
    asyncio.run(decide_into(log, rows))
    scheduler = Scheduler(
        folder=folder,
        words=("scheduler", "cycle", "--log", str(log), "--key", KEY),
        declared=declare(folder / "declared", QUICK),
    )
    try:
        yield Trial(
            folder=folder,
            scheduler=scheduler,
            trusted=trusted,
            log=log,
            draw=random.Random(seed),  # noqa: S311 - a test's own course
            at_ns=int(rows["receive_ns"][len(rows) // 3]),
        )
    finally:
        scheduler.close()
