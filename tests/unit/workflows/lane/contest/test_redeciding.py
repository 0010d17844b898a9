"""Arms re-decided from a log: each with its own book, and nothing recorded crosses into them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import RowArray
from tests.support.lane.planted import market, regimes
from torghut.eventlog.memory import InMemoryLog
from torghut.market.ports import Arrival
from torghut.router.package import read_regime_model
from torghut.schemas.codes import Expert
from torghut.schemas.control import (
    ControlRecord,
    FillReported,
    LimitsAllotted,
    ModeChanged,
    NewsArrived,
    OrderReported,
    PositionReported,
    RouterModeChanged,
    StopChanged,
    SwitchThrown,
)
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.lane.contest.arms import Arm, ArmPlan, KernelArm
from torghut.workflows.lane.contest.cutting import Window
from torghut.workflows.lane.contest.redeciding import (
    ArmColumns,
    Reading,
    Redecided,
    Sampling,
    redecide,
)
from torghut.workflows.opening import Setup, open_fold

A, B = "fxcm:EURUSD", "fxcm:NZDUSD"
ROWS: Final = market(3000)
WHOLE: Final = Window(first_ns=0, last_ns=2**62)


def arm(bias: float = 2.0, *, only: Expert | None = None) -> Arm:
    """Return a kernel arm."""
    model = read_regime_model(regimes(bias))
    plan = ArmPlan(declarations=shipped(), packages={"fx-intraday": model}, only=only)
    return KernelArm(compiled(), plan)


async def written(
    rows: RowArray, controls: Sequence[tuple[int, ControlRecord]] = (), *, batch: int = 500
) -> InMemoryLog:
    """Return a log of ``rows`` with control records, each by the row that it comes before."""
    log = InMemoryLog(clock=HandClock())
    setup = Setup(kernel=compiled(), declarations=shipped(), packages={"fx-intraday": regimes()})
    opened = await open_fold(log, setup)
    source = ArraySource(
        rows=rows, symbols=(A, B), arrivals=[Arrival(row=row, record=one) for row, one in controls]
    )
    run = Run(
        source=source,
        log=log,
        fold=opened.fold,
        controls=opened.controls,
        settings=LoopSettings(batch_records=batch),
    )
    await run_loop(run)
    return log


def found(
    rows: RowArray = ROWS,
    controls: Sequence[tuple[int, ControlRecord]] = (),
    *,
    window: Window = WHOLE,
    batch: int = 500,
    fresh_ns: Sequence[int] = (),
    sampling: Sampling = Sampling(first_ns=0, most=0),  # noqa: B008 - frozen
    **arms: Arm,
) -> Redecided:
    """Return what arms make of rows that were decided into a log."""

    async def run() -> Redecided:
        reading = Reading(log=await written(rows, controls, batch=batch))
        return await redecide(
            reading,
            arms or {"champion": arm()},
            window,
            fresh_ns=fresh_ns,
            sampling=sampling,
        )

    return asyncio.run(run())


def same(one: ArmColumns, other: ArmColumns) -> bool:
    """Say whether two arms came to the same, to the last byte."""
    pairs = [(one.net, other.net), (one.cost, other.cost), (one.turnover, other.turnover)]
    return one.digest == other.digest and all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_gains_add_up_to_the_equity_of_the_kernels_own_book() -> None:
    born = arm().newborn()
    born.meet((A,), ("ab" * 32,))
    rows = born.decide(ROWS.copy()).rows

    champion = found().arms["champion"]

    assert champion.turnover.sum() > 0.0
    assert champion.net.sum() * rows["allotment"][-1] == pytest.approx(rows["equity"][-1], abs=1e-6)


def test_costs_are_what_fills_paid_to_the_far_side_and_in_fees() -> None:
    champion = found().arms["champion"]
    traded = champion.turnover > 0.0

    assert (champion.cost[~traded] == 0.0).all()
    bps = 1e4 * champion.cost[traded] / champion.turnover[traded]
    # 0.2 bps of fees, 0.1 bps of slippage, half of a spread of 1e-5 on 1.3
    assert bps == pytest.approx(0.2 + 0.1 + 0.5 * 1e-5 / 1.3 * 1e4, rel=0.01)


RECORDED: Final[Sequence[ControlRecord]] = (
    ModeChanged(control_id="mode", mode="live", notional_cap=1000.0),
    RouterModeChanged(control_id="router", mode="static"),
    SwitchThrown(control_id="switch", name="defensive-weights", state="thrown", reason="r"),
    StopChanged(control_id="stop", state="stopped", reason="r"),
    FillReported(control_id="fill", symbol=A, fill_id="f1", quantity=5000.0, price=1.3),
    PositionReported(control_id="position", symbol=A, quantity=9000.0, as_of_ns=1),
    OrderReported(control_id="order", symbol=A, decision_id="d", status="rejected"),
)


@pytest.mark.parametrize("record", RECORDED, ids=lambda one: one.kind)
def test_what_was_recorded_of_the_serving_arm_never_crosses_into_another(
    record: ControlRecord,
) -> None:
    quiet, told = found(), found(controls=[(700, record)])

    assert same(quiet.arms["champion"], told.arms["champion"])


def test_limits_hold_for_every_arm_from_where_they_applied() -> None:
    halved = LimitsAllotted(control_id="l", symbol=A, allotment=50_000.0)

    told = found(controls=[(1500, halved)], champion=arm(), candidate=arm(1.5))

    for one in told.arms.values():
        quiet = found(champion=arm()).arms["champion"]
        assert same(one, quiet) is False
        assert (one.net[:1500] == quiet.net[:1500]).all()
    assert [budget.capital for budget in told.budgets.values()] == [50_000.0, 50_000.0]


def test_news_is_heard_by_every_arm() -> None:
    news = NewsArrived(control_id="n", symbol=A, item_id="i", published_at_ns=1, relevant=True)
    heard: list[str] = []

    class Listening(KernelArm):
        def newborn(self) -> KernelArm:
            return self

        def hear(self, record: object, symbol: int, now_ns: int) -> None:
            heard.append(f"{record.control_id} {symbol} {now_ns}")  # type: ignore[attr-defined]

    model = read_regime_model(regimes())
    plan = ArmPlan(declarations=shipped(), packages={"fx-intraday": model})
    found(controls=[(40, news)], champion=arm(), listening=Listening(compiled(), plan))

    assert heard == [f"n 0 {ROWS['receive_ns'][40]}"]


@pytest.mark.parametrize("batch", [7, 64, 3000])
def test_how_the_log_is_cut_into_blocks_changes_nothing(batch: int) -> None:
    limits = LimitsAllotted(control_id="l", symbol=A, allotment=60_000.0)

    one, other = found(controls=[(900, limits)]), found(controls=[(900, limits)], batch=batch)

    assert same(one.arms["champion"], other.arms["champion"])
    assert one.contexts == other.contexts


def test_other_arms_change_nothing_of_an_arm() -> None:
    alone = found(champion=arm())
    beside = found(champion=arm(), candidate=arm(0.5), trend=arm(only=Expert.TREND))

    assert same(alone.arms["champion"], beside.arms["champion"])


def test_books_are_empty_where_the_window_begins_and_the_market_is_known() -> None:
    window = Window(first_ns=int(ROWS["receive_ns"][1000]), last_ns=int(ROWS["receive_ns"][1999]))

    part = found(window=window)

    assert len(part.receive_ns) == 1000
    assert (part.receive_ns[0], part.receive_ns[-1]) == (window.first_ns, window.last_ns)
    assert part.fed == 2000
    champion = part.arms["champion"]
    assert champion.exposure[0] == 0.0
    first = int(np.flatnonzero(champion.exposure)[0])
    assert (champion.net[:first] == 0.0).all()
    assert first < 240, "warmed up before the window"


@pytest.mark.parametrize("batch", [7, 500, 3000])
def test_a_piece_that_is_begun_afresh_is_as_if_the_window_began_there(batch: int) -> None:
    middle, later = (int(ROWS["receive_ns"][row]) for row in (1000, 1500))

    whole = found(fresh_ns=(middle, later), batch=batch).arms["champion"]

    apart = found(window=replace(WHOLE, first_ns=later), batch=batch).arms["champion"]
    assert whole.exposure[999] != 0.0, "it held something"
    assert (whole.net[1500:] == apart.net).all()
    assert (whole.exposure[1500:] == apart.exposure).all()
    before = found(batch=batch).arms["champion"]
    assert (whole.net[:1000] == before.net[:1000]).all()


def test_nothing_after_the_window_matters() -> None:
    last_ns = int(ROWS["receive_ns"][1499])
    window = Window(first_ns=0, last_ns=last_ns)

    assert same(
        found(window=window).arms["champion"], found(rows=ROWS[:1500].copy()).arms["champion"]
    )


def test_a_context_that_one_arm_refuses_is_a_step_without_gain_and_counted() -> None:
    class Refusing(KernelArm):
        def newborn(self) -> KernelArm:
            return Refusing(self._kernel, self._plan)

        def decide(self, contexts: RowArray):  # type: ignore[no-untyped-def] # noqa: ANN202
            spoiled = contexts.copy()
            spoiled["bid"][::10] = np.nan
            return super().decide(spoiled)

    model = read_regime_model(regimes())
    plan = ArmPlan(declarations=shipped(), packages={"fx-intraday": model})

    told = found(champion=arm(), candidate=Refusing(compiled(), plan))

    assert told.unmatched == told.arms["candidate"].refused > 200
    assert told.decided == len(ROWS)
    assert len(told.arms["candidate"].net) == len(told.arms["champion"].net)


def test_symbols_keep_their_own_books() -> None:
    rows = ROWS.copy()
    rows["symbol"] = np.arange(len(rows)) % 2
    rows["bid"][1::2] *= 0.6
    rows["ask"][1::2] *= 0.6

    both = found(rows=rows)

    assert both.symbols == (A, B)
    for number in (0, 1):
        own = rows[rows["symbol"] == number].copy()
        own["symbol"] = 0
        born = arm().newborn()
        born.meet((A, B)[number : number + 1], ("ab" * 32,))
        book = born.decide(own).rows
        net = both.arms["champion"].net[both.symbol == number]
        assert net.sum() * book["allotment"][-1] == pytest.approx(book["equity"][-1], abs=1e-6)


def test_sample_is_the_first_contexts_from_a_time_on() -> None:
    sampling = Sampling(first_ns=int(ROWS["receive_ns"][700]), most=900)

    told = found(sampling=sampling)

    assert told.sample.tobytes() == ROWS[700:1600].tobytes()


def test_regime_of_a_step_was_known_before_it() -> None:
    born = arm().newborn()
    born.meet((A,), ("ab" * 32,))
    regime = born.decide(ROWS.copy()).rows["regime"]

    assert (found().regime[1:] == regime[:-1]).all()


def test_arms_are_named_by_what_they_decide_by() -> None:
    digests = {
        one.digest for one in (arm(), arm(1.0), arm(only=Expert.TREND), arm(only=Expert.REVERSAL))
    }

    assert len(digests) == 4
    assert arm().digest == arm().newborn().digest
