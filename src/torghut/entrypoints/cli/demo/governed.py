"""The second part of the demo: a live loop on made prices, governed.

An ordinary challenger is denied, one that was made to be better is, and when the price leaps
against its position the loop is stopped and rolled back, with the recovery measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.artifacts.package import Package
from torghut.composition import machine
from torghut.entrypoints.cli.demo import cycles
from torghut.entrypoints.cli.demo.cycles import Judged
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.loop import Decided, LiveLoop, serving
from torghut.entrypoints.cli.demo.made.market import Floats, made_prices
from torghut.entrypoints.cli.demo.made.world import MadeWorld
from torghut.schemas.governing.rollback import RollbackEffective, RollbackTriggered
from torghut.schemas.rollout.evaluation import EvaluationVerdict
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.scheduling.note import IterationNote

LEAP: Final = 0.25
"""By which the price leaps against the position."""

_WARM: Final = 2_000
"""Prices fed before the first cycle."""

_BETWEEN: Final = 100
"""Prices fed before each cycle that is to run the lane: without signals none is run."""

_LOOK: Final = 10
_PATIENCE: Final = 1_000
"""Prices in which a position that is worth a leap must have come up; looked at every few."""

_HELD: Final = 45_000.0
"""Notional of such a position in USD; the instrument is allotted 100,000."""

_LEAPT: Final = 3
_AFTER: Final = 60
"""Prices fed where it leapt to, before the rollback is ordered and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A rollback that was induced, and what came of it.

    Attributes:
        leapt_from: The last decision before the price leapt.
        stopped: The note of the cycle that saw it.
        triggers: That stopped the loop.
        triggered: The event that ordered it.
        effective: The event by which the first decisions were by what it goes back to.
        manifest: Of the run that was promoted, as it stands now.
    """

    leapt_from: Decided
    stopped: IterationNote
    triggers: tuple[str, ...]
    triggered: RollbackTriggered
    effective: RollbackEffective
    manifest: PhaseManifest

    @property
    def proof(self) -> str:
        """What the phase that proves it says."""
        return self.manifest.phases[-1].status


@dataclass(slots=True, kw_only=True)
class Governing:
    """The second part, as far as it has come.

    Attributes:
        world: Where it is.
        prices: Made.
        fed: How many the live loop was offered.
        notes: Of each cycle.
    """

    world: MadeWorld
    prices: Floats = field(default_factory=made_prices)
    fed: int = 0
    notes: list[IterationNote] = field(default_factory=list)

    @contextmanager
    def begun(self) -> Iterator[LiveLoop]:
        """Yield a live loop that the first cycle has looked at, beside a log of the made prices.

        Raises:
            DemoFailedError: One of them did not begin.
        """
        serves = packages.serving()
        decide = (
            *("run", "--source", f"csv:{self.world.prices}", "--log", str(self.world.recorded)),
            *("--package", f"{serves.name}@{serves.digest}", "--no-report"),
        )
        with machine.child_command(decide) as recording, self.served(serves) as loop:
            printed, complaint = recording.result()
            if recording.status:
                raise DemoFailedError(step="run", found=complaint.strip() or printed.strip())
            self.feed(loop, _WARM)
            self.look()
            yield loop

    @contextmanager
    def served(self, package: Package) -> Iterator[LiveLoop]:
        """Yield the live loop with ``package`` in force, going on where it was."""
        with serving(self.world.live, package, sequence=self.fed) as loop:
            yield loop

    def feed(self, loop: LiveLoop, count: int) -> Decided:
        """Feed the next made prices, and return the last decision."""
        last = loop.feed(self.prices[self.fed : self.fed + count])
        self.fed += count
        return last

    def look(self) -> IterationNote:
        """Run a cycle of governance, and keep its note."""
        self.notes.append(cycles.cycle(self.world))
        return self.notes[-1]

    def challenge(
        self, loop: LiveLoop, challenger: Package, *, expected: EvaluationVerdict
    ) -> Judged:
        """Return what the lane makes of the challenger that waits, in the next cycle.

        Raises:
            DemoFailedError: It is not what was expected.
        """
        self.feed(loop, _BETWEEN)
        found = cycles.judged(self.world, challenger, self.look())
        status = "pass" if expected == "promote" else "fail"
        if (found.card.verdict, found.status) != (expected, status):
            raise DemoFailedError(
                step="lane",
                found=f"expected {expected} and a manifest that says {status} for "
                f"{challenger.reference}, found {found.card.verdict} and {found.status}: "
                f"{found.card.reason}",
            )
        return found

    def crash(self, loop: LiveLoop, promoted: Judged) -> Recovered:
        """Let the price leap against the loop's position, and return how it was rolled back.

        Raises:
            DemoFailedError: It was not stopped, or not rolled back.
        """
        before = self._with_a_position(loop)
        against = 1.0 - LEAP if before.position > 0.0 else 1.0 + LEAP
        there = np.full(_AFTER, before.price * against)
        loop.feed(there[:_LEAPT])
        stopped = self.look()
        if stopped.emergency_stop_evidence is None:
            raise DemoFailedError(step="crash", found=f"no stop: {'; '.join(stopped.remarks)}")
        loop.feed(there)
        last = self.look()
        state = asyncio.run(cycles.rollback(self.world, promoted.run_id))
        if state.triggered is None or state.effective is None:
            raise DemoFailedError(step="rollback", found="; ".join(last.remarks) or "none")
        recovered = Recovered(
            leapt_from=before,
            stopped=stopped,
            triggers=cycles.triggers(self.world, stopped.emergency_stop_evidence),
            triggered=state.triggered,
            effective=state.effective,
            manifest=cycles.manifest(self.world),
        )
        if recovered.proof != "pass" or state.triggered.goes_back_to != packages.serving().digest:
            raise DemoFailedError(step="rollback", found=f"{state.triggered}; {recovered.proof}")
        return recovered

    def _with_a_position(self, loop: LiveLoop) -> Decided:
        """Feed the loop until it holds something worth a crash, and return that decision.

        Raises:
            DemoFailedError: It never did.
        """
        for _ in range(_PATIENCE // _LOOK):
            last = self.feed(loop, _LOOK)
            if last.held >= _HELD:
                return last
        raise DemoFailedError(step="crash", found=f"no position in {_PATIENCE:,} made prices")
