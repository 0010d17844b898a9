"""What is declared for the made market: its instrument, and what each expert is good for in it."""

from __future__ import annotations

from typing import Final

INSTRUMENT: Final = """\
kind: instrument.v1
symbol: made:REGIMES
why: >-
  Made prices of the demo, drawn by a generator; nobody trades them. Every context is a sample, so
  that they can be fed as fast as they are decided.
asset_class: crypto
base: REGIMES
quote: USD
tick: "0.0001"
lot: "1"
multiplier: "1"
calendar: always-open
router: made-regimes

costs:
  fee_bps: 0.05
  slippage_bps: 0.05
  half_spread_bps: 0.05

timing:
  receive_latency_ms: 0
  fill_latency_ms: 0
  decision_lifetime_ms: 1000
  event_after_receive_tolerance_ms: 1000
  event_clock_ahead_ms: 0

sampling:
  sample_interval_ms: 0
  longest_pause_s: 900
  fast_samples: 10
  slow_samples: 40
  channel_samples: 40
  warm_up_samples: 80
  horizon_samples: 10

plausible:
  price_min: "1"
  price_max: "10000"
  jump_ratio: 0.5
  jump_confirmations: 1
  receive_leap_hours: 87600

domains:
  market:
    age_limit_ms: 60000
  news: not-applicable
  fundamentals: not-applicable

risk:
  notional_cap: "100000"
  risk_ratio: 0.002
  minimum_change_ratio: 0.03
  reconcile_tolerance: "0.5"
  reconcile_settle_ms: 30000
  position_age_limit_ms: 900000
  mode: paper
  router_mode: live
  on_stop: reduce-only
"""

_EXPERT: Final = """\
kind: expert.v1
expert: {name}
why: {why}
affinity:
  calm: {calm}
  normal: {normal}
  elevated: {normal}
  turbulent: {wild}
weight_min: 0.0
weight_max: 1.0
score_gain: {gain}
inputs: {inputs}
stale_after_samples: 30
"""


def _expert(
    name: str, why: str, weights: tuple[float, float, float], *, gain: float, inputs: str
) -> str:
    """Return an expert's declaration; weights in calm, normal and wild markets."""
    calm, normal, wild = weights
    return _EXPERT.format(
        name=name, why=why, calm=calm, normal=normal, wild=wild, gain=gain, inputs=inputs
    )


EXPERTS: Final = {
    "trend": _expert(
        "trend",
        "Earns where the made market goes on, and serves alone where no regime is known.",
        (0.05, 0.95, 0.85),
        gain=1.0,
        inputs="[fast, slow, variance_slow]",
    ),
    "reversal": _expert(
        "reversal",
        "Earns where the made market comes back to where it was.",
        (0.8, 0.0, 0.05),
        gain=1.0,
        inputs="[mid, fast, variance_slow]",
    ),
    "breakout": _expert(
        "breakout",
        "Left out of the made market, which has no channels to leave.",
        (0.0, 0.0, 0.0),
        gain=1.0,
        inputs="[mid, channel_high, channel_low, variance_slow]",
    ),
    "defensive": _expert(
        "defensive",
        "Stays flat; its weight is the share of the position that is given up.",
        (0.15, 0.05, 0.1),
        gain=0.0,
        inputs="[]",
    ),
}
"""By name; they hold for every arm of a comparison alike."""
