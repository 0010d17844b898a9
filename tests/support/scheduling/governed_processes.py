"""A loop and its scheduler in processes of their own, and logs of recorded data to govern."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import RowArray
from tests.support.governance.rolling import key_file
from tests.support.lane.planted import regimes
from tests.support.live.live_services import OTHER, SYMBOL, LiveService, live_service
from tests.support.live.threads import beside
from tests.support.scheduling.killing import Trial
from tests.support.scheduling.people import declare_people
from tests.support.scheduling.schedulers import QUICK, Scheduler, declare
from torghut.adapters.sqlite.store import open_log
from torghut.artifacts.package import Package
from torghut.artifacts.signatures import TrustedKey, fingerprint, parse_private_key
from torghut.decisions.declarations import Declarations
from torghut.settings import DECLARATIONS_DIR
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold

ROUTER: Final = "fx-intraday"
KEY: Final = "scheduler.pem"
_ROUND_S: Final = 0.5
"""Between offers: each becomes a block of its own, and each cycle reads all those of a day."""


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
        while not self._ended.wait(_ROUND_S):
            for symbol in () if self.quiet.is_set() else (SYMBOL, OTHER):
                self.service.decide(client, symbol=symbol, budget_ms=20_000)

    def talking(self) -> AbstractContextManager[None]:
        """Offer while the block runs."""
        return beside(self.talk, self._ended)


@contextmanager
def governed(folder: Path, *, seed: int) -> Iterator[tuple[Trial, LiveService]]:
    """Give a service that decides, and the trial of the scheduler that governs it."""
    trusted = scheduler_key(folder)
    declared = declare(folder / "declared", QUICK)
    declare_people(declared, trusted)
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
                    candidate=regimes(1.0),
                    draw=random.Random(seed),  # noqa: S311 - a test's own course
                ),
                service,
            )
        finally:
            scheduler.close()


async def decide_into(
    path: Path,
    rows: RowArray,
    *,
    batch: int = 2000,
    symbol: str = SYMBOL,
    declared: Declarations | None = None,
    packages: Mapping[str, Package] | None = None,
) -> None:
    """Write a log of recorded data of one symbol, decided in blocks of ``batch`` contexts.

    Args:
        path: Of the log.
        rows: Contexts.
        batch: Contexts a block.
        symbol: Whose they are.
        declared: What is in force; what is shipped if None.
        packages: Of routers that serve; a made-up one of two regimes if None.
    """
    log = open_log(path, clock=HandClock(), ids=CountingIds())
    setup = Setup(
        kernel=compiled(),
        declarations=declared or shipped(),
        packages=packages or {ROUTER: regimes()},
    )
    opened = await open_fold(log, setup)
    await run_loop(
        Run(
            source=ArraySource(rows=rows, symbols=(symbol,)),
            log=log,
            fold=opened.fold,
            controls=opened.controls,
            settings=LoopSettings(batch_records=batch),
        )
    )
    await log.close()
