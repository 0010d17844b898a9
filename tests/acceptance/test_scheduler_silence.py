"""A loop in live mode opens nothing once its scheduler is silent, and again when one is back."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.packages import eager_package
from tests.support.live.live_services import SYMBOL, LiveService, live_service
from tests.support.live.threads import beside
from tests.support.scheduling.schedulers import BEAT_TTL_MS, QUICK, Scheduler, declare, wait_until
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.client import Context
from torghut.settings import DECLARATIONS_DIR

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_INSTRUMENT: Final = "streams/instruments/fxcm-EURUSD.yaml"
_SOON: Final = {
    **QUICK,
    _INSTRUMENT: [
        *QUICK[_INSTRUMENT],
        ("sample_interval_ms: 30000", "sample_interval_ms: 20"),
        ("fast_samples: 20", "fast_samples: 5"),
        ("slow_samples: 120", "slow_samples: 20"),
        ("channel_samples: 120", "channel_samples: 20"),
        ("warm_up_samples: 240", "warm_up_samples: 30"),
    ],
}
"""A market that is known after thirty quotes."""

_SLACK_MS: Final = 1500
"""The workers look at governance's file four times a second, and this machine is shared."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision: when, what it wants to hold, and whether governance was heard."""

    wall_ns: int
    target: float | None
    silent: bool


@dataclass(slots=True)
class Rising:
    """A market that goes up and up, offered in a thread, whose position is reported as flat."""

    service: LiveService
    decided: list[Decided] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """Offer until the end."""
        client, sequence, price = self.service.client(), 0, 1.3
        while not self._ended.wait(0.03):
            if sequence % 100 == 0:
                now_ns = time.time_ns()
                report = {"control_id": f"flat-{now_ns}", "kind": "position", "symbol": SYMBOL}
                client.report({**report, "quantity": 0.0, "as_of_ns": str(now_ns)})
            sequence, price = sequence + 1, price * (1 + 3e-5)
            quote = Context(
                feed="up", symbol=SYMBOL, sequence=sequence, bid=price, ask=price * (1 + 1e-5)
            )
            line = json.loads(client.decide(quote, budget_ms=20_000).line)
            if "decision" in line:
                one = line["decision"]
                target = one["target_position"]
                self.decided.append(
                    Decided(
                        wall_ns=time.time_ns(),
                        target=None if target is None else float(target),
                        silent="governance-silent" in one["reasons"],
                    )
                )

    def offered(self) -> AbstractContextManager[None]:
        """Offer while the block runs."""
        return beside(self.work, self._ended)

    def opens(self) -> bool:
        """Return whether the last decision wants to hold something."""
        return bool(self.decided and self.decided[-1].target)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    declared = declare(tmp_path / "declared", _SOON)
    package = eager_package()
    FolderPackageStore(declared / "router" / "baselines").save(package)
    with live_service(tmp_path) as one:
        one.variables = {DECLARATIONS_DIR: str(declared)}
        one.options = ("--source", "api:", "--mode", "live", "--package", str(package.reference))
        one.start()
        yield one


def opened(found: Sequence[Decided]) -> int:
    """Return how many decisions want to hold something."""
    return sum(bool(one.target) for one in found)


@dataclass(slots=True)
class Times:
    """When the scheduler was killed, and when another one was started."""

    killed_ns: int = 0
    back_ns: int = 0


def govern_with_a_gap(service: LiveService, market: Rising) -> tuple[Sequence[Decided], Times]:
    """Let a market rise without a scheduler, with one, without one, and with one again.

    Returns:
        What was decided before there ever was one, and the times of the gap.
    """
    scheduler = Scheduler(
        folder=service.folder,
        words=("scheduler", "run", "--log", str(service.log)),
        declared=service.folder / "declared",
    )
    times = Times()
    try:
        wait_until(lambda: len(market.decided) > 60)
        never = list(market.decided)
        scheduler.begin()
        wait_until(market.opens)
        time.sleep(1.0)
        scheduler.end(signal.SIGKILL)
        times.killed_ns = time.time_ns()
        time.sleep(2.5 * BEAT_TTL_MS / 1000)
        wait_until(lambda: market.decided[-1].silent)
        times.back_ns = time.time_ns()
        scheduler.begin()
        wait_until(market.opens)
        assert scheduler.end() == 0, scheduler.said()
    finally:
        scheduler.close()
    return never, times


def test_live_opens_nothing_past_the_heartbeats_time_and_again_once_a_scheduler_is_back(
    service: LiveService,
) -> None:
    market = Rising(service)
    with market.offered():
        never, times = govern_with_a_gap(service, market)
    assert service.end() == 0, service.said()

    after = [one for one in market.decided if times.killed_ns < one.wall_ns < times.back_ns]
    fell_ns = next(one.wall_ns for one in after if one.silent)
    silent = [one for one in after if one.wall_ns >= fell_ns]
    assert all(one.silent for one in never)
    assert opened(never) == 0
    assert (fell_ns - times.killed_ns) / 1e6 < BEAT_TTL_MS + _SLACK_MS
    assert len(silent) > 20
    assert all(one.silent for one in silent)
    assert opened(silent) == 0
    replayed = service.typed("replay", "--verify", "--log", str(service.log))
    assert replayed.status == 0, replayed.out + replayed.err
