"""An instrument is declared completely and consistently, or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.decisions.declared import changed, text_of
from torghut.market.instruments import parse_instrument, receive_latency_ns
from torghut.schemas.declarations.errors import DeclarationContentError
from torghut.schemas.declarations.instruments import Required

EURUSD = "streams/instruments/fxcm-EURUSD.yaml"


def test_instrument_is_read() -> None:
    eurusd = parse_instrument(text_of(EURUSD), file=EURUSD)

    assert eurusd.symbol == "fxcm:EURUSD"
    assert (eurusd.base, eurusd.quote) == ("EUR", "USD")
    assert eurusd.tick == Decimal("0.00001")
    assert eurusd.lot == Decimal(1000)
    assert isinstance(eurusd.domains.market, Required)
    assert eurusd.domains.news == "not-applicable"


def test_receive_latency_is_in_nanoseconds() -> None:
    eurusd = parse_instrument(
        changed(EURUSD, "receive_latency_ms: 50", "receive_latency_ms: 7"), file=EURUSD
    )

    assert receive_latency_ns(eurusd) == 7_000_000


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("instrument.v1", "instrument.v2", "kind"),
        ("fxcm:EURUSD", "EURUSD", "symbol"),
        ("fxcm:EURUSD", "FXCM:EURUSD", "symbol"),
        ("asset_class: fx", "asset_class: bonds", "asset_class"),
        ('tick: "0.00001"', "tick: 0.00001", "tick"),
        ('lot: "1000"', 'lot: "0"', "lot"),
        ("fee_bps: 0.2", "fee_bps: -0.2", "costs.fee_bps"),
        ("decision_lifetime_ms: 10000", "decision_lifetime_ms: 0", "timing.decision_lifetime_ms"),
        ("fast_samples: 20", "fast_samples: 120", "sampling"),
        ("warm_up_samples: 240", "warm_up_samples: 100", "sampling"),
        ("longest_pause_s: 900", "longest_pause_s: 30", "sampling"),
        ('price_min: "0.5"', 'price_min: "2.5"', "plausible"),
        ("jump_ratio: 0.03", "jump_ratio: 0.0", "plausible.jump_ratio"),
        ("jump_confirmations: 5", "jump_confirmations: 0", "plausible.jump_confirmations"),
        ("mode: paper", "mode: turbo", "risk.mode"),
        ("on_stop: reduce-only", "on_stop: ignore", "risk.on_stop"),
        ("news: not-applicable\n", "", "domains.news"),
    ],
)
def test_wrong_instrument_is_refused_at_its_key(old: str, new: str, key: str) -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse_instrument(changed(EURUSD, old, new), file=EURUSD)

    assert key in {problem.key for problem in refused.value.problems}


@pytest.mark.parametrize("silent", ["news: off", "news: {age_limit_ms: 0}", "news: optional"])
def test_domain_is_required_with_a_limit_or_declared_not_applicable(silent: str) -> None:
    with pytest.raises(DeclarationContentError, match=r"domains\.news"):
        parse_instrument(changed(EURUSD, "news: not-applicable", silent), file=EURUSD)
