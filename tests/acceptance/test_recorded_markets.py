"""The loop over recorded markets: every context has exactly one outcome, to the unit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.fakes.clock import HandClock
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from torghut.composition import deciding
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.codes import Expert, Gate, GateStatus, Intent, RefusalCode
from torghut.schemas.control import ControlRecord, RouterModeChanged
from torghut.schemas.rows import DECISION
from torghut.workflows.decision_loop import Committed, LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import Replayed, replay_log
from torghut.workflows.running.serving import serving_packages

pytestmark = [pytest.mark.data, pytest.mark.timeout(240)]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was decided, counted after the declared warm-up."""

    outcomes: Counter[RefusalCode] = field(default_factory=Counter)
    intents: Counter[Intent] = field(default_factory=Counter)
    leads: Counter[Expert] = field(default_factory=Counter)
    warm: int = 0
    changed: int = 0

    def add(self, committed: Committed) -> None:
        """Count one block."""
        self.outcomes.update(map(RefusalCode, committed.decided.outcomes.tolist()))
        rows = np.frombuffer(committed.decided.arms["serving"].rows, DECISION)
        warm = _warm(rows)
        self.warm += int(warm.sum())
        self.intents.update(map(Intent, rows["intent"][warm].tolist()))
        self.leads.update(map(Expert, rows["lead"][warm].tolist()))
        if "router" in committed.decided.arms:
            other = np.frombuffer(committed.decided.arms["router"].rows, DECISION)
            self.changed += int((rows["intent"] != other["intent"])[warm].sum())


def _warm(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    status: npt.NDArray[np.uint8] = rows["gate_status"][:, Gate.WARM_UP]
    return np.equal(status, GateStatus.PASS)


def _run(
    uri: str, *, controls: Sequence[ControlRecord] = (), shadow: bool = False
) -> tuple[Tally, Replayed]:
    """Decide all of a source in memory, then again from the log."""

    async def run() -> tuple[Tally, Replayed]:
        tally, log = Tally(), InMemoryLog(clock=HandClock())
        packages = serving_packages(shipped(), deciding.package_store(), {})
        setup = Setup(
            kernel=compiled(), declarations=shipped(), packages=packages, shadow_router=shadow
        )
        opened = await open_fold(log, setup)
        await run_loop(
            Run(
                source=deciding.source(uri, shipped()),
                log=log,
                fold=opened.fold,
                controls=controls,
                observer=tally.add,
                settings=LoopSettings(batch_records=4000),
            )
        )
        return tally, await replay_log(log, compiled())

    return asyncio.run(run())


def test_all_ticks_are_decided_but_the_crossed_ones(recorded_data: Path) -> None:
    tally, again = _run(f"lean:{recorded_data / 'lean-forex/tick'}")

    assert tally.outcomes == {RefusalCode.NONE: 1_198_638, RefusalCode.CROSSED_BOOK: 82_714}
    assert again.identical
    assert again.decisions == 1_198_638
    assert tally.intents[Intent.ABSTAIN] <= 0.5 * tally.warm
    assert set(tally.intents) == set(Intent)
    assert all(tally.leads[expert] >= 0.01 * tally.warm for expert in Expert)


def test_the_router_changes_what_static_weights_would_do(recorded_data: Path) -> None:
    static = RouterModeChanged(control_id="static", mode="static")

    tally, again = _run(f"lean:{recorded_data / 'lean-forex/tick'}", controls=[static], shadow=True)

    assert tally.changed >= 0.01 * tally.warm
    assert again.identical


def test_crypto_messages_are_decided_though_stamped_before_they_happened(
    recorded_data: Path,
) -> None:
    tally, again = _run(f"binance:{recorded_data / 'crypto-l2'}")

    assert sum(tally.outcomes.values()) == 168_818
    assert tally.outcomes[RefusalCode.NONE] >= 0.95 * 168_818
    assert again.identical
