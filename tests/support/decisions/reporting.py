"""A fold in live mode, warm and trading, with what a venue may report to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import numpy as np

from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, RowArray, quotes
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.router.package import read_regime_model
from torghut.schemas.control import (
    ControlRecord,
    FillReported,
    GovernanceHeartbeat,
    ModeChanged,
    OrderReported,
    PositionReported,
)
from torghut.schemas.rows import DECISION

A: Final = "fxcm:EURUSD"
TOLERANCE: Final = 500.0
SETTLE_S: Final = 30
YEAR_NS: Final = 365 * 86_400 * SECOND_NS
"""For so long governance is heard in these feeds."""
_SOURCE: Final = "cd" * 32
_WARM: Final = 1500


def report_fill(fill_id: str, quantity: float, **said: object) -> FillReported:
    """Return a fill of A; its control record is named like it unless it says otherwise."""
    return FillReported.model_validate(
        {
            "control_id": f"fill-{fill_id}",
            "symbol": A,
            "fill_id": fill_id,
            "quantity": quantity,
            "price": 1.3,
            **said,
        }
    )


def report_position(
    control_id: str, quantity: float, as_of_ns: int, why: str = ""
) -> PositionReported:
    """Return a snapshot of A; with a reason it writes off what it disagrees with."""
    return PositionReported(
        control_id=control_id,
        symbol=A,
        quantity=quantity,
        as_of_ns=as_of_ns,
        reconciled=bool(why),
        reason=why,
    )


def report_order(control_id: str, row: np.void, status: str) -> OrderReported:
    """Return what became of the order behind the decision in ``row``."""
    return OrderReported.model_validate(
        {"control_id": control_id, "symbol": A, "decision_id": decision_of(row), "status": status}
    )


def decision_of(row: np.void) -> str:
    """Return the id of the decision in ``row``, about a quote of A."""
    return f"{_SOURCE[:32]}:{A}:quote:{row['source_sequence']}/serving"


@dataclass(slots=True, kw_only=True)
class Feed:
    """Contexts of A, one after another, into a fold.

    Attributes:
        fold: Takes them.
        now_ns: Receive time of the last one.
        sequence: Of the next one.
        mid: Its price.
    """

    fold: DecisionFold
    now_ns: int = START_NS
    sequence: int = 0
    mid: float = 1.3
    decided: list[Decided] = field(default_factory=list)

    def batch(self, steps_s: Sequence[float], drift: float = 3e-5) -> RowArray:
        """Return the next quotes, each so many seconds after the one before."""
        rows = quotes(np.full(len(steps_s), 1.3))
        for row, step_s in zip(rows, steps_s, strict=True):
            self.now_ns += round(step_s * SECOND_NS)
            self.mid *= 1.0 + drift
            row["symbol"] = self.fold.symbol_index(A)
            row["receive_ns"] = row["event_ns"] = self.now_ns
            row["sequence"] = self.sequence
            row["bid"], row["ask"] = self.mid, self.mid * (1 + 1e-5)
            self.sequence += 1
        return rows

    def take(
        self, *records: ControlRecord, step_s: float = 1.0, drift: float = 3e-5
    ) -> np.void | None:
        """Let ``records`` come before the next context; return its decision, if there is one."""
        rows = self.batch([step_s], drift)
        decided = self.fold.decide(rows, [Arrival(row=0, record=one) for one in records])
        self.decided.append(decided)
        found = np.frombuffer(decided.arms[SERVING].rows, DECISION)
        return found[0] if len(found) else None

    def decision(
        self, *records: ControlRecord, step_s: float = 1.0, drift: float = 3e-5
    ) -> np.void:
        """Return the decision about the next context."""
        row = self.take(*records, step_s=step_s, drift=drift)
        assert row is not None
        return row

    @property
    def state(self) -> np.void:
        """What the fold knows of A."""
        row: np.void = self.fold.arms[SERVING][self.fold.symbol_index(A)]
        return row


def fresh_fold(declared: Declarations | None = None) -> DecisionFold:
    """Return a fold of an eager package that has taken nothing."""
    package = eager_package()
    genesis = Genesis(declarations=declared or shipped(), packages={"fx-intraday": package.digest})
    fold = DecisionFold(kernel=compiled(), genesis=genesis)
    fold.packages[package.digest] = read_regime_model(package)
    fold.source_index(_SOURCE)
    return fold


def live_feed() -> Feed:
    """Return a feed of a warm fold in live mode whose position was never reported."""
    body, warm = _warm()
    fold = fresh_fold()
    restore_snapshot(fold, body)
    return replace(warm, fold=fold, decided=[])


@cache
def _warm() -> tuple[bytes, Feed]:
    """Return a warm fold in live mode as bytes, and the feed that warmed it."""
    feed = Feed(fold=fresh_fold())
    feed.take(
        ModeChanged(control_id="live", mode="live", notional_cap=1e9),
        GovernanceHeartbeat(control_id="g", epoch=1, expires_ns=START_NS + YEAR_NS),
    )
    feed.fold.decide(feed.batch([20.0] * _WARM))
    return take_snapshot(feed.fold), feed
