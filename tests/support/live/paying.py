"""A made market in which advice pays, and a service that is asked about it in shadow mode.

Three instruments rise steadily. One pays well, and its positions are small: nobody is asked about
it, and by what it earns the loop is a healthy one to those who govern it. About the other two a
question is asked with each price: one earns more than it costs until its horizon is over, the other
less. Which is which shows in the confidence that the router has, as cost against what the price
moves: whoever advises has something to go by, and nobody is told what comes.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.decisions.packages import made_package
from tests.support.live.live_services import LiveService
from tests.support.scheduling.schedulers import Changes, declare
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.package import Package, StoredFile
from torghut.client import Context, SyncClient, connect
from torghut.kernel.units import NS_PER_S
from torghut.router.package import MODEL_PATH, regime_model_bytes
from torghut.schemas.package import Confidence, RegimeModelFile

UNASKED: Final = "binance-usdm:BTCUSDT"
PAYS: Final = "binance-spot:BTCUSDT"
LOSES: Final = "binance-spot:ETHUSDT"
ASKED: Final = (PAYS, LOSES)

_LEVELS: Final = {UNASKED: 30_000.0, PAYS: 60_000.0, LOSES: 2000.0}
_RISES: Final = {UNASKED: 3e-4, PAYS: 1e-4, LOSES: 2e-5}
"""Of the price, a second. A minute of the last one is worth 12 bps, and a round trip costs 20."""
_RIPPLE: Final = 0.05
"""Of a second's rise: no two prices move alike."""
_TURN: Final = 2.4

_ALONE_S: Final = 1200
"""Of the unasked one: with 20 horizons over, it is measured how its confidence is calibrated."""
_TOGETHER: Final = 100
"""Prices of one that are offered before the first of them is answered."""
_WARM_S: Final = 60
_HORIZON_S: Final = 61
_APART_S: Final = 330
"""Beside a horizon, between questions that train and those that judge: time is cut by shares, and
so all of the latter are judged by."""
_LATE_S: Final = 120
_BEHIND_S: Final = 120
"""Of the machine's clock at most, and a little less once it has caught up: it may go ahead then."""
_SPARSE_S: Final = 12
"""Between prices that only say how it came out: after such a pause no sample is taken of it."""

_BEFORE_S: Final = _BEHIND_S + _ALONE_S + _WARM_S + 2 * (_LATE_S + _HORIZON_S) + _APART_S
"""What is asked in shadow mode takes so long at most."""

_ANSWER_S: Final = 0.1
"""Within which a question is mostly answered."""
_BUDGET_MS: Final = 20_000

_ROUGHLY: Final = [("minimum_change_ratio: 0.1", "minimum_change_ratio: 0.2")]
CHANGES: Final[Changes] = {
    "governance/policies/reasoning.yaml": [("notional_ratio: 0.95", "notional_ratio: 0.2")],
    "governance/policies/safety.yaml": [("grants_required: 1", "grants_required: 2")],
    "streams/instruments/binance-spot-BTCUSDT.yaml": _ROUGHLY,
    "streams/instruments/binance-spot-ETHUSDT.yaml": _ROUGHLY,
}
"""Much is at stake from a fifth of the cap on, where two are traded at all; two persons approve."""


def paying_declarations(folder: Path) -> Path:
    """Return what is declared for the market; every gate, limit and judge is the shipped one."""
    declared = declare(folder, CHANGES)
    for path in (declared / "streams" / "instruments").glob("*.yaml"):
        if not path.name.startswith("binance-"):
            path.unlink()
    FolderPackageStore(declared / "router" / "baselines").save(router_package())
    return declared


def router_package() -> Package:
    """Return a router's package that knows one regime, and is less sure the more it would cost."""
    model = RegimeModelFile(
        labels=("normal",),
        start=(1.0,),
        transition=((1.0,),),
        mean=((0.0, 0.3, 0.3),),
        variance=((1.0, 1.0, 1.0),),
        confidence=Confidence(bias=1.9, score=0.0, cost=0.15),
    )
    stored = StoredFile(body=regime_model_bytes(model))
    return made_package({MODEL_PATH: stored}, name="crypto-intraday")


@dataclass(slots=True, kw_only=True)
class PayingMarket:
    """The market, offered to a service second by second of its own time.

    Attributes:
        service: That decides on it.
        begun_ns: When it began; it is never ahead of the machine's clock.
    """

    service: LiveService
    begun_ns: int = field(default_factory=lambda: time.time_ns() - _BEFORE_S * NS_PER_S)
    _second: int = 0

    def offer(self, client: SyncClient, *symbols: str) -> None:
        """Offer the prices of the next second, each until it is decided."""
        self._second += 1
        for symbol in symbols:
            client.decide(self._quote(symbol), budget_ms=_BUDGET_MS)

    def alone(self, seconds: int) -> None:
        """Let the unasked one go on by itself."""
        asyncio.run(self._alone(seconds))

    async def _alone(self, seconds: int) -> None:
        url, token = f"unix://{self.service.socket}", self.service.token("report")
        async with connect(url, token=token) as client:
            for begin in range(0, seconds, _TOGETHER):
                quotes = []
                for _ in range(min(_TOGETHER, seconds - begin)):
                    self._second += 1
                    quotes.append(self._quote(UNASKED))
                await asyncio.gather(*(client.decide(one, budget_ms=_BUDGET_MS) for one in quotes))

    def _quote(self, symbol: str) -> Context:
        """Return a symbol's price of this second, once it has come."""
        at_ns = self.begun_ns + self._second * NS_PER_S
        time.sleep(max(0.0, (at_ns - time.time_ns()) / NS_PER_S))
        rises = _RISES[symbol]
        ripple = 1.0 + rises * _RIPPLE * math.sin(_TURN * self._second)
        price = _LEVELS[symbol] * ripple * (1.0 + rises) ** self._second
        return Context(
            feed="test",
            symbol=symbol,
            sequence=self._second,
            bid=price,
            ask=price * 1.00001,
            event_ns=at_ns,
            receive_ns=at_ns,
        )

    def catch_up(self) -> None:
        """Let its time go by until what is decided on is no older than governance takes."""
        now_ns = time.time_ns() - _BEHIND_S * NS_PER_S
        self.alone(max(1, (now_ns - self.begun_ns) // NS_PER_S - self._second))

    def shadow(self, client: SyncClient, *, early: int, late: int) -> None:
        """Let questions be asked to learn from, and others long after, and come out as they do.

        Args:
            client: Of the service.
            early: Questions to learn from, at least.
            late: To judge by.
        """
        self.alone(_ALONE_S)
        self.service.await_asker()
        for _ in range(_WARM_S):
            self.offer(client, UNASKED, *ASKED)
        self._ask(client, early)
        self.alone(_APART_S)
        self._ask(client, late)

    def ask(self, client: SyncClient) -> None:
        """Offer a price of each that questions are asked about, and wait for answers."""
        self.offer(client, UNASKED, *ASKED)
        time.sleep(_ANSWER_S)

    def _ask(self, client: SyncClient, count: int) -> None:
        """Have questions asked until more are on record, and let their horizon go by."""
        before = self._kept()
        for _ in range(_LATE_S):
            self.ask(client)
            if self._kept() - before >= count:
                break
        for second in range(_HORIZON_S):
            due = second % _SPARSE_S == _SPARSE_S - 1 or second == _HORIZON_S - 1
            self.offer(client, UNASKED, *(ASKED if due else ()))

    def _kept(self) -> int:
        """Return how many answers are on record."""
        return len(list((self.service.folder / "var" / "advice").glob("**/*.json")))
