"""Declarations and packages become rows in the kernel's units, each conversion at one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.support.decisions.declared import changed, shipped
from torghut.decisions.declarations import SymbolUndeclaredError
from torghut.decisions.parameters import (
    RegimeLabelsError,
    gate_thresholds,
    initial_states,
    parameter_rows,
)
from torghut.kernel.ids import symbol_key
from torghut.market.instruments import parse_instrument
from torghut.router.declarations import parse_expert
from torghut.schemas.codes import (
    MAX_REGIMES,
    REGIME_FEATURES,
    REGIME_LABELS,
    Expert,
    Gate,
    Mode,
    OnStop,
    RouterMode,
)
from torghut.schemas.rows import PARAMETERS, SESSION, STATE

SYMBOLS = tuple(one.symbol for one in shipped().instruments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A regime model with figures that are easy to recognise."""

    labels: tuple[str, ...]
    start: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]
    mean: tuple[tuple[float, ...], ...]
    variance: tuple[tuple[float, ...], ...]
    confidence_bias: float = -0.1
    confidence_score: float = 0.3
    confidence_cost: float = 1.6


def model(count: int) -> Model:
    """Return a model of ``count`` regimes."""
    states = range(count)
    return Model(
        labels=REGIME_LABELS[count],
        start=tuple(1.0 / count for _ in states),
        transition=tuple(tuple(10.0 * i + j for j in states) for i in states),
        mean=tuple(tuple(100.0 * i + f for f in range(REGIME_FEATURES)) for i in states),
        variance=tuple((0.5, 2.0, 4.0 + i) for i in states),
    )


def row(symbol: str, **packages: Model) -> np.void:
    """Return the row of one symbol; packages are named with underscores."""
    named = {name.replace("_", "-"): package for name, package in packages.items()}
    rows, _ = parameter_rows(shipped(), named, [symbol])
    found: np.void = rows[0]
    return found


def test_every_symbol_has_its_row_in_the_order_asked() -> None:
    rows, sessions = parameter_rows(shipped(), {}, SYMBOLS[::-1])

    assert rows.dtype == PARAMETERS
    assert sessions.dtype == SESSION
    assert rows["symbol_key"].tolist() == [symbol_key(symbol) for symbol in SYMBOLS[::-1]]
    assert rows.flags.c_contiguous
    assert rows.flags.writeable


def test_no_symbols_make_no_rows() -> None:
    rows, _ = parameter_rows(shipped(), {}, [])

    assert rows.shape == (0,)
    assert initial_states(shipped(), []).shape == (0,)


def test_undeclared_symbol_is_refused() -> None:
    with pytest.raises(SymbolUndeclaredError):
        parameter_rows(shipped(), {}, ["fxcm:USDJPY"])


def test_human_units_become_the_kernels() -> None:
    found = row("fxcm:EURUSD")

    assert found["lot"] == 1000.0
    assert found["fee_ratio"] == 0.2 / 10_000
    assert found["half_spread_ratio"] == 0.2 / 10_000
    assert found["latency_ns"] == 200_000_000
    assert found["lifetime_ns"] == 10_000_000_000
    assert found["tolerance_ns"] == 250_000_000
    assert found["price_min"] == 0.5
    assert found["sample_ns"] == 30_000_000_000
    assert found["dwell_ns"] == 60_000_000_000
    assert found["trigger_news_ns"] == 300_000_000_000
    assert found["reconcile_quantity"] == 500.0
    assert found["position_age_ns"] == 900_000_000_000
    assert found["receive_leap_ns"] == 168 * 3600 * 10**9
    assert found["alpha_fast"] == 2.0 / 21.0


def test_declaration_from_before_the_limits_on_leaps_and_ages_has_the_defaults() -> None:
    file = "streams/instruments/fxcm-EURUSD.yaml"
    text = changed(file, "  receive_leap_hours: 168\n", "")
    text = text.replace("  position_age_limit_ms: 900000\n", "")
    older = parse_instrument(text, file=file)
    rows, _ = parameter_rows(replace(shipped(), instruments=(older,)), {}, ["fxcm:EURUSD"])

    assert rows["receive_leap_ns"].tolist() == [240 * 3600 * 10**9]
    assert rows["position_age_ns"].tolist() == [3600 * 10**9]


def test_recorders_clock_is_judged_by_its_declared_offset() -> None:
    assert row("binance-spot:BTCUSDT")["clock_offset_ns"] == 1_270_000_000
    assert row("fxcm:EURUSD")["clock_offset_ns"] == 0


def test_only_declared_domains_are_required() -> None:
    found = row("fxcm:EURUSD")

    assert found["domain_required"].tolist() == [1, 0, 0]
    assert found["age_limit_ns"].tolist() == [5_000_000_000, 0, 0]


def test_asset_class_limits_reach_their_instruments() -> None:
    assert row("fxcm:EURUSD")["spread_max"] == 0.0003
    assert row("binance-spot:BTCUSDT")["spread_max"] == 0.0005
    assert row("index:SP500")["dwell_ns"] == 129_600 * 10**9


def test_sessions_stand_where_the_row_says() -> None:
    rows, sessions = parameter_rows(shipped(), {}, ["fxcm:EURUSD", "index:SP500"])
    by_name = {one.name: one for one in shipped().calendars}

    for found, name in zip(rows, ("fx-new-york", "xnys"), strict=True):
        own = sessions[found["session_first"] :][: found["session_count"]]
        assert len(own) == len(by_name[name].intervals)
        assert own["open_ns"][0] == by_name[name].intervals[0][0] * 10**9
        assert own["close_ns"][-1] == by_name[name].intervals[-1][1] * 10**9


def test_market_that_never_closes_has_no_sessions() -> None:
    assert row("binance-spot:ETHUSDT")["session_count"] == 0


def test_session_table_does_not_move_when_symbols_are_added() -> None:
    few, before = parameter_rows(shipped(), {}, ["index:SP500"])
    many, after = parameter_rows(shipped(), {}, ["fxcm:EURUSD", "index:SP500"])

    assert few[0]["session_first"] == many[1]["session_first"]
    assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_regime_model_is_padded_to_the_most_regimes(count: int) -> None:
    found = row("fxcm:EURUSD", fx_intraday=model(count))
    transition = found["transition"].reshape(MAX_REGIMES, MAX_REGIMES)
    mean = found["regime_mean"].reshape(MAX_REGIMES, REGIME_FEATURES)

    assert found["regimes"] == count
    assert found["start"].tolist() == [1.0 / count] * count + [0.0] * (MAX_REGIMES - count)
    assert transition[count - 1, 0] == 10.0 * (count - 1)
    assert mean[count - 1, 1] == 100.0 * (count - 1) + 1.0
    assert not transition[count:].any()
    assert not transition[:, count:].any()
    assert not mean[count:].any()


def test_precision_and_norm_are_those_of_the_gaussian() -> None:
    found = row("fxcm:EURUSD", fx_intraday=model(2))

    assert found["regime_precision"].tolist()[:6] == [2.0, 0.5, 0.25, 2.0, 0.5, 0.2]
    assert found["log_norm"][0] == pytest.approx(-0.5 * math.log((2 * math.pi) ** 3 * 4.0))
    assert found["log_norm"][1] == pytest.approx(-0.5 * math.log((2 * math.pi) ** 3 * 5.0))
    assert not found["log_norm"][2:].any()


def test_affinity_follows_the_labels_of_the_model() -> None:
    found = row("fxcm:EURUSD", fx_intraday=model(2))
    affinity = found["affinity"].reshape(MAX_REGIMES, len(Expert))
    trend = shipped().experts[Expert.TREND].affinity

    assert affinity[0, Expert.TREND] == trend.calm
    assert affinity[1, Expert.TREND] == trend.turbulent
    assert not affinity[2:].any()


def test_packages_confidence_replaces_the_declared_one() -> None:
    fitted = row("fxcm:EURUSD", fx_intraday=model(3))
    unfitted = row("fxcm:EURUSD", index_daily=model(3))

    assert fitted["confidence_bias"] == -0.1
    assert unfitted["regimes"] == 0
    assert unfitted["confidence_bias"] == shipped().router.confidence_without_package.bias


def test_without_a_package_confidence_is_below_every_floor() -> None:
    rows, _ = parameter_rows(shipped(), {}, SYMBOLS)
    best = 1.0 / (1.0 + np.exp(-(rows["confidence_bias"] + rows["confidence_score"])))

    assert (best < rows["confidence_min"]).all()


@pytest.mark.parametrize("labels", [("calm", "normal"), (), ("a", "b", "c", "d", "e")])
def test_package_with_other_regimes_is_refused(labels: tuple[str, ...]) -> None:
    odd = replace(model(2), labels=labels)

    with pytest.raises(RegimeLabelsError, match="package fx-intraday: expected the regimes"):
        row("fxcm:EURUSD", fx_intraday=odd)


def test_impatient_expert_shortens_the_pause_that_is_still_a_return() -> None:
    file = "router/experts/trend.yaml"
    text = changed(file, "stale_after_samples: 30", "stale_after_samples: 2")
    hasty = (parse_expert(text, file=file), *shipped().experts[1:])
    rows, _ = parameter_rows(replace(shipped(), experts=hasty), {}, ["fxcm:EURUSD", "index:SP500"])

    assert row("fxcm:EURUSD")["sample_gap_ns"] == 900 * 10**9
    assert rows["sample_gap_ns"].tolist() == [60 * 10**9, 518_400 * 10**9]


def test_symbols_are_born_with_the_declared_limits_and_modes() -> None:
    states = initial_states(shipped(), SYMBOLS)

    assert states.dtype == STATE
    assert states["allotment"].tolist() == [100_000.0] * len(SYMBOLS)
    assert states["notional_cap"].tolist() == [100_000.0] * len(SYMBOLS)
    assert set(states["mode"].tolist()) == {Mode.PAPER}
    assert set(states["router_mode"].tolist()) == {RouterMode.LIVE}
    assert set(states["on_stop"].tolist()) == {OnStop.REDUCE_ONLY}
    assert not states["target"].any()


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        ("mode: paper", "mode: shadow", "mode", Mode.SHADOW),
        ("router_mode: live", "router_mode: static", "router_mode", RouterMode.STATIC),
        ("on_stop: reduce-only", "on_stop: flatten", "on_stop", OnStop.FLATTEN),
        ("on_stop: reduce-only", "on_stop: freeze", "on_stop", OnStop.FREEZE),
    ],
)
def test_declared_mode_is_the_one_born_with(old: str, new: str, field: str, value: int) -> None:
    file = "streams/instruments/fxcm-EURUSD.yaml"
    instrument = parse_instrument(changed(file, old, new), file=file)

    states = initial_states(replace(shipped(), instruments=(instrument,)), ["fxcm:EURUSD"])

    assert states[field][0] == value


def test_thresholds_stand_in_the_order_and_units_of_the_gates() -> None:
    thresholds = gate_thresholds(row("fxcm:EURUSD"), allotment=7.0, notional_cap=8.0)

    assert len(thresholds) == len(Gate)
    assert thresholds[Gate.WARM_UP] == 240.0
    assert thresholds[Gate.SPREAD] == 0.0003
    assert thresholds[Gate.DWELL] == 60.0
    assert thresholds[Gate.RECONCILIATION] == 500.0
    assert thresholds[Gate.ALLOTMENT] == 7.0
    assert thresholds[Gate.NOTIONAL] == 8.0
