"""A window is measured from the log alone, to the unit, however its blocks were cut."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping

import numpy as np
import pytest

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import COUNT, SYMBOLS, contexts, in_memory
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import RowArray
from tests.support.governance.governing import drift_policy
from tests.support.live.advising import lived
from torghut.decisions.declarations import Declarations
from torghut.drift.verdicts import judge_drift
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.ids import SERVING, symbol_key
from torghut.market.ports import Arrival
from torghut.schemas.codes import Reason, RefusalCode, Stream
from torghut.schemas.control import (
    ControlRecord,
    FillReported,
    ModeChanged,
    ResolutionName,
    RouterModeChanged,
)
from torghut.schemas.declarations.safety import DRIFT_CODES, DriftCode
from torghut.schemas.types import message_digest
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.live.advice.awaiting import Answer
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.slo.walking import count_window

POLICY = drift_policy()


def measured(log: InMemoryLog, *, from_ns: int | None = None, to_ns: int | None = None) -> Measured:
    """Return a window of ``log`` measured."""
    asked = WindowAsked(subject="log", from_ns=from_ns, to_ns=to_ns)
    return asyncio.run(measure(log, asked, POLICY))


@functools.cache
def usual() -> InMemoryLog:
    """Return the usual log."""
    return asyncio.run(in_memory())


def decided(log: InMemoryLog) -> RowArray:
    """Return every decision in a log."""

    async def read() -> RowArray:
        return np.concatenate([rows_of(block, SERVING) async for block in log.blocks(0)])

    return asyncio.run(read())


def values(found: Measured) -> Mapping[DriftCode, float | None]:
    """Return what each check would be told."""
    return {code: reading.value for code, reading in found.window.readings.items()}


async def _written(
    rows: RowArray, controls: list[tuple[int, ControlRecord]], declarations: Declarations
) -> InMemoryLog:
    """Return a log of ``rows`` with control records before some of them."""
    log = InMemoryLog(clock=HandClock())
    setup = Setup(
        kernel=compiled(), declarations=declarations, packages={"fx-intraday": eager_package()}
    )
    opened = await open_fold(log, setup)
    arrivals = [Arrival(row=row, record=record) for row, record in controls]
    await run_loop(
        Run(
            source=ArraySource(rows=rows, symbols=SYMBOLS, arrivals=arrivals),
            log=log,
            fold=opened.fold,
            settings=LoopSettings(batch_records=100),
        )
    )
    return log


def written(
    *controls: tuple[int, ControlRecord], declarations: Declarations | None = None
) -> InMemoryLog:
    """Return a log of the usual contexts."""
    return asyncio.run(_written(contexts(), list(controls), declarations or shipped()))


def test_every_check_has_a_reading() -> None:
    assert set(measured(usual()).window.readings) == set(DRIFT_CODES)


def test_ratios_are_those_of_the_rows() -> None:
    rows, found = decided(usual()), values(measured(usual()))

    assert found["performance_execution_fallback_ratio_exceeded"] == float(
        np.mean(rows["reasons"] & np.uint64(1 << Reason.REASONING_OFF) != 0)
    )
    ages = np.sort(rows["age_ns"][:, 0])
    rank = -(-len(ages) * 95 // 100)
    assert found["data_staleness_p95_exceeded"] == -(-int(ages[rank - 1]) // 1_000_000)


def test_records_are_counted_to_the_unit() -> None:
    log, found = usual(), measured(usual())

    async def refused() -> int:
        return sum(
            [
                int(np.count_nonzero(decode_columns(block.inputs)[1] == RefusalCode.NO_QUOTE))
                async for block in log.blocks(0)
            ]
        )

    nulls, decisions = asyncio.run(refused()), len(decided(log))
    assert (found.contexts, found.decisions) == (COUNT + 1, decisions)
    null_rate = found.window.readings["data_required_null_rate_exceeded"]
    assert (null_rate.value, null_rate.samples) == (
        nulls / (decisions + nulls),
        decisions + nulls,
    )
    assert values(found)["data_schema_mismatch_detected"] == 1.0


def test_profit_and_drawdown_are_of_the_portfolio_in_the_order_decided() -> None:
    rows, found = decided(usual()), values(measured(usual()))
    last: dict[int, float] = {}
    earned, peak, deepest = 0.0, 0.0, 0.0
    for row in rows:
        key, equity = int(row["symbol_key"]), float(row["equity"])
        earned += equity - last.get(key, equity)
        last[key] = equity
        peak = max(peak, earned)
        deepest = max(deepest, peak - earned)

    assert found["performance_net_pnl_below_floor"] == pytest.approx(earned)
    assert earned != 0.0
    # 50,000 are allotted to one symbol; the other was born with its share of the cap.
    assert found["performance_drawdown_exceeded"] == pytest.approx(deepest / 150_000.0)


def test_advice_is_off_by_the_declaration_in_the_log() -> None:
    reading = measured(usual()).window.readings["model_llm_error_ratio_exceeded"]

    assert (reading.status, reading.declaration) == (
        "not-applicable",
        message_digest(shipped().reasoning),
    )


@pytest.mark.parametrize("mode", ["shadow", "active"])
@pytest.mark.parametrize(("how", "value"), [("veto", 0.0), ("defer", 0.0), ("invalid", 1.0)])
def test_errors_of_advice_are_questions_that_ended_without_a_verdict(
    mode: str, how: ResolutionName, value: float
) -> None:
    log = lived(mode, Answer(resolution=how))

    reading = measured(log).window.readings["model_llm_error_ratio_exceeded"]

    assert reading.value == value
    assert reading.samples == asyncio.run(count_window(log)).asked > 20


@pytest.mark.parametrize("batch", [1, 7, 1200])
def test_blocks_cut_elsewhere_give_the_same(batch: int) -> None:
    other = asyncio.run(in_memory(contexts(400), batch=batch))
    usually = asyncio.run(in_memory(contexts(400)))

    found, expected = values(measured(other)), values(measured(usually))
    for code in DRIFT_CODES:
        assert found[code] == (pytest.approx(expected[code]) if expected[code] else expected[code])


def test_window_holds_what_was_received_in_it_and_nothing_else() -> None:
    rows = decided(usual())
    times = np.sort(rows["receive_ns"])
    from_ns, to_ns = int(times[300]), int(times[800])

    found = measured(usual(), from_ns=from_ns, to_ns=to_ns)

    assert found.decisions == np.count_nonzero((times >= from_ns) & (times <= to_ns)) == 501
    assert (found.window.from_ns, found.window.to_ns, found.last_ns) == (from_ns, to_ns, to_ns)


def test_windows_that_follow_each_other_hold_everything_once() -> None:
    times = np.sort(decided(usual())["receive_ns"])
    cut = int(times[500])

    early, late = measured(usual(), to_ns=cut), measured(usual(), from_ns=cut + 1)

    whole = measured(usual())
    assert early.decisions + late.decisions == whole.decisions
    assert early.contexts + late.contexts == whole.contexts


@pytest.mark.parametrize("shift_ns", [-(10**15), 10**15])
def test_window_in_which_nothing_was_received_is_unhealthy(shift_ns: int) -> None:
    time_ns = int(decided(usual())["receive_ns"][0]) + shift_ns

    found = measured(usual(), from_ns=time_ns, to_ns=time_ns + 1)

    verdict = judge_drift(found.window, POLICY)
    assert (verdict.status, found.decisions, found.last_ns) == ("unhealthy", 0, None)
    statuses = {finding.check: finding.status for finding in verdict.findings}
    assert statuses.pop("model_llm_error_ratio_exceeded") == "not-applicable"
    assert set(statuses.values()) == {"unmeasured"}


def test_empty_log_is_unhealthy() -> None:
    found = measured(InMemoryLog(clock=HandClock()))

    assert judge_drift(found.window, POLICY).status == "unhealthy"
    assert (found.contexts, found.decisions, found.window.from_ns) == (0, 0, 0)


def test_log_of_one_decision_is_measured_and_never_stable() -> None:
    quote = contexts()[contexts()["stream"] == Stream.QUOTE][:1]

    found = measured(asyncio.run(_written(quote, [], shipped())))

    verdict = judge_drift(found.window, POLICY)
    assert found.decisions == 1
    assert verdict.status != "stable"
    assert "unmeasured" in {finding.status for finding in verdict.findings}


def test_symbols_declared_not_to_be_routed_have_no_regime_to_drift() -> None:
    declarations = shipped()
    for symbol in SYMBOLS:
        declarations = redeclared(
            lambda body: body.update(risk={**body["risk"], "router_mode": "static"}),  # type: ignore[dict-item]
            symbol,
            declarations,
        )

    readings = measured(written(declarations=declarations)).window.readings

    for code in (
        "regime_transition_shock_ratio_exceeded",
        "regime_stale_or_defensive_ratio_exceeded",
    ):
        assert readings[code].declaration == declarations.digest


def test_regime_that_a_record_switched_off_is_missing_and_not_excused() -> None:
    log = written((0, RouterModeChanged(control_id="r", mode="static")))

    readings = measured(log).window.readings

    assert readings["regime_stale_or_defensive_ratio_exceeded"].status == "missing"


def test_symbol_without_a_required_domain_is_not_asked_for_any() -> None:
    declarations = shipped()
    for symbol in SYMBOLS:
        declarations = redeclared(
            lambda body: body.update(domains=dict.fromkeys(body["domains"], "not-applicable")),  # type: ignore[call-overload]
            symbol,
            declarations,
        )

    readings = measured(written(declarations=declarations)).window.readings

    assert readings["data_staleness_p95_exceeded"].declaration == declarations.digest
    assert readings["data_duplicate_ratio_exceeded"].status == "measured"


def test_live_fills_are_measured_against_the_mid_price_before_them() -> None:
    rows = contexts()
    fill = FillReported(
        control_id="f",
        symbol=SYMBOLS[0],
        fill_id="1",
        quantity=1000.0,
        price=2.0,
        fee=0.5,
    )
    live = ModeChanged(control_id="m", mode="live", notional_cap=1e5)
    log = written((0, live), (600, fill))
    own = decided(log)
    own = own[own["symbol_key"] == np.uint64(symbol_key(SYMBOLS[0]))]
    mid = own["reference_price"][own["receive_ns"] < rows["receive_ns"][600]][-1]

    found = measured(log).window.readings["performance_cost_bps_exceeded"]

    costs = 1000.0 * abs(2.0 - mid) + 0.5
    assert found.value == pytest.approx(costs / 2000.0 * 1e4)
    assert found.samples == 1


def test_declarations_that_change_hold_from_their_decision_on() -> None:
    cheap, dear = shipped(), _with_fee("3")
    log = asyncio.run(_changed(cheap, dear))

    costs = [
        values(measured(one))["performance_cost_bps_exceeded"] or 0.0
        for one in (written(declarations=cheap), log, written(declarations=dear))
    ]

    assert costs[0] < costs[1] < costs[2]


def _with_fee(bps: str) -> Declarations:
    """Return declarations with other fees for both symbols."""
    declarations = shipped()
    for symbol in SYMBOLS:
        declarations = redeclared(
            lambda body: body.update(costs={**body["costs"], "fee_bps": float(bps)}),  # type: ignore[dict-item]
            symbol,
            declarations,
        )
    return declarations


async def _changed(first: Declarations, second: Declarations) -> InMemoryLog:
    """Return the usual contexts, the last of them decided under other declarations."""
    log, rows = InMemoryLog(clock=HandClock()), contexts()
    for declarations, end in ((first, 1000), (second, COUNT)):
        setup = Setup(
            kernel=compiled(),
            declarations=declarations,
            packages={"fx-intraday": eager_package()},
        )
        opened = await open_fold(log, setup)
        await run_loop(
            Run(
                source=ArraySource(rows=rows[:end], symbols=SYMBOLS),
                log=log,
                fold=opened.fold,
                controls=opened.controls,
                settings=LoopSettings(batch_records=100),
            )
        )
    return log
