"""Declarations and router packages into the rows that the kernel reads.

The one place where decimal numbers become float64 and human units become the kernel's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import tau
from typing import ClassVar, Final, Protocol

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations
from torghut.kernel.errors import TorghutError
from torghut.kernel.exact import log
from torghut.kernel.ids import symbol_key
from torghut.kernel.units import NS_PER_MS, NS_PER_S
from torghut.schemas.codes import (
    MAX_REGIMES,
    REGIME_FEATURES,
    REGIME_LABELS,
    Expert,
    Mode,
    OnStop,
    RouterMode,
    published_name,
)
from torghut.schemas.declarations.instruments import DomainRule, Instrument, Required
from torghut.schemas.declarations.router import ExpertShares
from torghut.schemas.rows import PARAMETERS, STATE

Value = float | int | Sequence[float]
Values = dict[str, Value]

_BPS: Final = 10_000.0
_NS_PER_HOUR: Final = 3600 * NS_PER_S


class RegimeNumbers(Protocol):
    """A fitted regime model of k states, in unscaled feature units."""

    @property
    def labels(self) -> tuple[str, ...]:
        """By rising volatility, as in ``codes.REGIME_LABELS``."""
        ...

    @property
    def start(self) -> tuple[float, ...]:
        """Distribution before the first sample, shape (k,)."""
        ...

    @property
    def transition(self) -> tuple[tuple[float, ...], ...]:
        """Row: from, column: to; shape (k, k)."""
        ...

    @property
    def mean(self) -> tuple[tuple[float, ...], ...]:
        """Of each feature in each regime, shape (k, REGIME_FEATURES)."""
        ...

    @property
    def variance(self) -> tuple[tuple[float, ...], ...]:
        """As ``mean``; all above 0."""
        ...

    @property
    def confidence_bias(self) -> float:
        """Log-odds of a gain at score 0 and without cost."""
        ...

    @property
    def confidence_score(self) -> float:
        """Log-odds added by a score of 1."""
        ...

    @property
    def confidence_cost(self) -> float:
        """Log-odds taken by a round trip that costs one sigma."""
        ...


class RegimeLabelsError(TorghutError):
    """A package's regimes are not those that experts declare their affinity for."""

    code: ClassVar[str] = "decisions.regime-labels"

    def __init__(self, *, package: str, labels: Sequence[str]) -> None:
        known = " or ".join(", ".join(names) for names in REGIME_LABELS.values())
        super().__init__(
            f"package {package}: expected the regimes {known}, found {', '.join(labels)}; "
            "fit it again"
        )
        self.package = package
        self.labels = tuple(labels)


def parameter_rows(
    declarations: Declarations, packages: Mapping[str, RegimeNumbers], symbols: Sequence[str]
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
    """Return one ``PARAMETERS`` row for each symbol, and the ``SESSION`` table they point into.

    The table holds every declared calendar, so it does not move when symbols are added.

    Args:
        declarations: What has been declared.
        packages: The regime model that serves, by the package name that instruments cite; an
            instrument whose package is absent gets no regimes and no confidence.
        symbols: In the order of the run's symbol table.

    Raises:
        SymbolUndeclaredError: A symbol is not declared.
        RegimeLabelsError: A package's regimes are unknown.
    """
    rows = np.zeros(len(symbols), PARAMETERS)
    for index, symbol in enumerate(symbols):
        model = packages.get(declarations.instrument(symbol).router)
        rows[index : index + 1] = parameter_row(declarations, model, symbol)
    return rows, declarations.sessions.copy()


def parameter_row(
    declarations: Declarations, model: RegimeNumbers | None, symbol: str
) -> npt.NDArray[np.void]:
    """Return the ``PARAMETERS`` row of one symbol, shape (1,).

    Args:
        declarations: What has been declared.
        model: The regime model that serves; None gives no regimes and no confidence.
        symbol: Declared.

    Raises:
        SymbolUndeclaredError: It is not declared.
        RegimeLabelsError: The model's regimes are unknown.
    """
    instrument = declarations.instrument(symbol)
    values = {
        **_router_values(declarations),
        **_expert_values(declarations),
        **_trigger_values(declarations),
        **_market_values(instrument),
        **_sampling_values(instrument, declarations),
        **_session_values(instrument, declarations),
        **_regime_values(instrument, declarations, model),
        **_limit_values(instrument, declarations),
    }
    rows = np.zeros(1, PARAMETERS)
    for name in PARAMETERS.names or ():
        rows[name][0] = values[name]
    return rows


def initial_states(declarations: Declarations, symbols: Sequence[str]) -> npt.NDArray[np.void]:
    """Return the ``STATE`` row that each symbol is born with, before any control record.

    Raises:
        SymbolUndeclaredError: A symbol is not declared.
    """
    states = np.zeros(len(symbols), STATE)
    for state, symbol in zip(states, symbols, strict=True):
        risk = declarations.instrument(symbol).risk
        state["allotment"] = float(declarations.default_allotment)
        state["notional_cap"] = float(risk.notional_cap)
        state["mode"] = Mode[risk.mode.upper()]
        state["router_mode"] = RouterMode[risk.router_mode.upper()]
        state["on_stop"] = OnStop[risk.on_stop.upper().replace("-", "_")]
    return states


def gate_thresholds(
    parameters: np.void, *, allotment: float, notional_cap: float
) -> tuple[float, ...]:
    """Return every gate's threshold, in the order and in the units of ``gate_value``."""
    return (
        0.0,
        1.0,
        1.0,
        float(parameters["warm_up_samples"]),
        float(parameters["spread_max"]),
        float(parameters["volatility_max"]),
        float(parameters["drawdown_max"]),
        float(parameters["confidence_min"]),
        float(parameters["reconcile_quantity"]),
        float(parameters["turnover_max"]),
        float(parameters["dwell_ns"]) / NS_PER_S,
        allotment,
        notional_cap,
    )


def _market_values(instrument: Instrument) -> Values:
    """Return identity, costs, times and plausible values."""
    costs, timing, plausible = instrument.costs, instrument.timing, instrument.plausible
    domains = (instrument.domains.market, instrument.domains.news, instrument.domains.fundamentals)
    return {
        "symbol_key": symbol_key(instrument.symbol),
        "lot": float(instrument.lot),
        "multiplier": float(instrument.multiplier),
        "fee_ratio": costs.fee_bps / _BPS,
        "slippage_ratio": costs.slippage_bps / _BPS,
        "half_spread_ratio": costs.half_spread_bps / _BPS,
        "latency_ns": timing.fill_latency_ms * NS_PER_MS,
        "lifetime_ns": timing.decision_lifetime_ms * NS_PER_MS,
        "tolerance_ns": timing.event_after_receive_tolerance_ms * NS_PER_MS,
        "clock_offset_ns": timing.event_clock_ahead_ms * NS_PER_MS,
        "price_min": float(plausible.price_min),
        "price_max": float(plausible.price_max),
        "jump_ratio": plausible.jump_ratio,
        "jump_confirmations": plausible.jump_confirmations,
        "receive_leap_ns": plausible.receive_leap_hours * _NS_PER_HOUR,
        "age_limit_ns": [_age_limit_ns(rule) for rule in domains],
        "domain_required": [isinstance(rule, Required) for rule in domains],
    }


def _age_limit_ns(rule: DomainRule) -> int:
    """Return a domain's age limit; 0 where the domain does not apply."""
    return rule.age_limit_ms * NS_PER_MS if isinstance(rule, Required) else 0


def _sampling_values(instrument: Instrument, declarations: Declarations) -> Values:
    """Return when features move and how much they remember."""
    sampling = instrument.sampling
    gap_ns = sampling.longest_pause_s * NS_PER_S
    interval_ns = sampling.sample_interval_ms * NS_PER_MS
    if interval_ns > 0:
        patience = min(expert.stale_after_samples for expert in declarations.experts)
        gap_ns = min(gap_ns, patience * interval_ns)
    return {
        "sample_ns": interval_ns,
        "sample_gap_ns": gap_ns,
        "horizon_samples": sampling.horizon_samples,
        "warm_up_samples": sampling.warm_up_samples,
        "alpha_fast": _alpha(sampling.fast_samples),
        "alpha_slow": _alpha(sampling.slow_samples),
        "alpha_channel": _alpha(sampling.channel_samples),
    }


def _alpha(samples: int) -> float:
    """Return the weight of the newest sample in a mean whose centre is ``samples`` / 2 back."""
    return 2.0 / (samples + 1.0)


def _session_values(instrument: Instrument, declarations: Declarations) -> Values:
    """Return where the instrument's calendar stands in the session table."""
    first = 0
    for calendar in declarations.calendars:
        if calendar.name == instrument.calendar:
            return {"session_first": first, "session_count": len(calendar.intervals)}
        first += len(calendar.intervals)
    raise AssertionError(instrument.calendar)  # Declarations refuses an unknown calendar


def _regime_values(
    instrument: Instrument, declarations: Declarations, model: RegimeNumbers | None
) -> Values:
    """Return the regime model, padded to ``MAX_REGIMES`` states; none without a package."""
    start = np.zeros(MAX_REGIMES)
    transition = np.zeros((MAX_REGIMES, MAX_REGIMES))
    mean = np.zeros((MAX_REGIMES, REGIME_FEATURES))
    precision = np.zeros((MAX_REGIMES, REGIME_FEATURES))
    log_norm = np.zeros(MAX_REGIMES)
    affinity = np.zeros((MAX_REGIMES, len(Expert)))
    count = 0
    unfitted = declarations.router.confidence_without_package
    bias, score, cost = unfitted.bias, unfitted.score, unfitted.cost
    if model is not None:
        count = len(model.labels)
        if model.labels != REGIME_LABELS.get(count):
            raise RegimeLabelsError(package=instrument.router, labels=model.labels)
        bias, score, cost = model.confidence_bias, model.confidence_score, model.confidence_cost
        start[:count] = model.start
        transition[:count, :count] = model.transition
        mean[:count] = model.mean
        precision[:count] = [[1.0 / v for v in row] for row in model.variance]
        log_norm[:count] = [_log_norm(row) for row in model.variance]
        affinity[:count] = [_affinities(label, declarations) for label in model.labels]
    return {
        "regimes": count,
        "start": start.tolist(),
        "transition": transition.ravel().tolist(),
        "regime_mean": mean.ravel().tolist(),
        "regime_precision": precision.ravel().tolist(),
        "log_norm": log_norm.tolist(),
        "affinity": affinity.ravel().tolist(),
        "confidence_bias": bias,
        "confidence_score": score,
        "confidence_cost": cost,
    }


def _log_norm(variances: Sequence[float]) -> float:
    """Return the log of a diagonal Gaussian's normalising factor, alike on every machine."""
    total = 0.0
    for variance in variances:
        total += log(tau * variance)
    return -0.5 * total


def _affinities(label: str, declarations: Declarations) -> list[float]:
    """Return every expert's affinity for the regime ``label``, in the order of ``Expert``."""
    return [float(getattr(expert.affinity, label)) for expert in declarations.experts]


def _expert_values(declarations: Declarations) -> Values:
    """Return the experts' bounds and gains, in the order of ``Expert``."""
    return {
        "score_gain": [expert.score_gain for expert in declarations.experts],
        "weight_min": [expert.weight_min for expert in declarations.experts],
        "weight_max": [expert.weight_max for expert in declarations.experts],
    }


def _router_values(declarations: Declarations) -> Values:
    """Return when regime weights may serve, and the weights that serve otherwise."""
    router = declarations.router
    return {
        "static_weights": _shares(router.static_weights),
        "defensive_weights": _shares(router.defensive_weights),
        "entropy_max": router.entropy_max_ratio,
        "shock_max": router.shock_max_ratio,
    }


def _shares(shares: ExpertShares) -> list[float]:
    """Return the shares in the order of ``Expert``."""
    return [float(getattr(shares, published_name(expert))) for expert in Expert]


def _trigger_values(declarations: Declarations) -> Values:
    """Return what asks for advice, what the fallback may add, and what advice may.

    Where nothing is declared of advice, it may add nothing and comes too late at once.
    """
    triggers, bounds = declarations.reasoning.triggers, declarations.reasoning.bounds
    return {
        "trigger_entropy": triggers.entropy_ratio,
        "trigger_disagreement": triggers.disagreement_ratio,
        "trigger_transition": triggers.transition_probability,
        "trigger_news_ns": triggers.news_age_ms * NS_PER_MS,
        "trigger_notional_ratio": triggers.notional_ratio,
        "fallback_raise_ratio": declarations.reasoning.fallback.exposure_raise_ratio,
        "advised_raise_ratio": bounds.exposure_raise_ratio if bounds else 0.0,
        "superseded_move_ratio": bounds.superseded_move_ratio if bounds else 0.0,
        "advice_budget_ns": bounds.budget_ms * NS_PER_MS if bounds else 0,
    }


def _limit_values(instrument: Instrument, declarations: Declarations) -> Values:
    """Return sizing, and every limit that the gate policy declares."""
    gates, risk, asset_class = declarations.gates, instrument.risk, instrument.asset_class
    dwell_s = Decimal(str(gates.threshold("dwell", asset_class)))
    return {
        "risk_ratio": risk.risk_ratio,
        "minimum_change_ratio": risk.minimum_change_ratio,
        "spread_max": gates.threshold("spread", asset_class),
        "volatility_max": gates.threshold("volatility", asset_class),
        "drawdown_max": gates.threshold("drawdown", asset_class),
        "turnover_max": gates.threshold("turnover", asset_class),
        "dwell_ns": int(dwell_s * NS_PER_S),
        "confidence_min": gates.threshold("confidence-floor", asset_class),
        "reconcile_ns": risk.reconcile_settle_ms * NS_PER_MS,
        "reconcile_quantity": float(risk.reconcile_tolerance),
        "position_age_ns": risk.position_age_limit_ms * NS_PER_MS,
    }
