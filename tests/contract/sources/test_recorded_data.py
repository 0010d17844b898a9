"""The recorded markets, to the unit: every record of every file has exactly one outcome."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.contract.sources.examples import INSTRUMENTS, JUDGED, open_example, read
from torghut.market.ports import ContextArray
from torghut.schemas.codes import ContextFlag, Stream

pytestmark = [pytest.mark.data, pytest.mark.timeout(240)]

MINUTE_NS = 60_000_000_000
LATENCY_NS = INSTRUMENTS["fxcm:EURUSD"].latency_ns


def contexts_of(uri: str) -> ContextArray:
    """Return all contexts of a source in which nothing is refused."""
    outcome, _ = read(open_example(uri), max_records=4_096)
    assert outcome.quarantined == []
    assert outcome.refused == []
    return outcome.contexts


def test_ticks_are_counted_to_the_last_line_without_end(recorded_data: Path) -> None:
    rows = contexts_of(f"lean:{recorded_data / 'lean-forex' / 'tick'}")

    assert len(rows) == 1_281_352
    assert int((rows["bid"] > rows["ask"]).sum()) == 82_714
    assert int((rows["bid"] == rows["ask"]).sum()) == 91_445
    assert len(np.unique(rows["source"])) == 16
    for symbol in (0, 1):
        assert (np.diff(rows["receive_ns"][rows["symbol"] == symbol]) >= 0).all()


def test_crypto_messages_and_snapshots_are_all_there(recorded_data: Path) -> None:
    outcome, _ = read(open_example(f"binance:{recorded_data / 'crypto-l2'}"), max_records=4_096)
    rows = outcome.contexts
    timeless = (rows["marks"] & ContextFlag.EVENT_TIME_ASSUMED) > 0

    assert (len(rows), len(outcome.controls)) == (168_818, 3)
    assert outcome.quarantined == outcome.refused == []
    assert Counter(rows["stream"].tolist()) == {
        Stream.QUOTE: 118_206,
        Stream.TRADE: 37_176,
        Stream.DEPTH: 13_436,
    }
    assert int(timeless.sum()) == 52_117
    assert (rows["receive_ns"][~timeless] < rows["event_ns"][~timeless]).all()


@pytest.mark.parametrize("symbol", [0, 1])
def test_minute_bars_close_on_the_last_tick_before_their_event(
    recorded_data: Path, symbol: int
) -> None:
    folder = recorded_data / "lean-forex"
    ticks = contexts_of(f"lean:{folder}?resolution=tick")
    bars = contexts_of(f"lean:{folder}?resolution=minute")
    ticks, bars = ticks[ticks["symbol"] == symbol], bars[bars["symbol"] == symbol]
    last = np.searchsorted(ticks["event_ns"], bars["event_ns"], side="left") - 1
    inside = (last >= 0) & (ticks["event_ns"][last] >= bars["event_ns"] - MINUTE_NS)
    agree = (ticks["bid"][last] == bars["bid"]) & (ticks["ask"][last] == bars["ask"])

    assert inside.mean() > 0.99
    assert agree[inside].mean() > 0.99


def test_hours_of_eleven_years_are_all_bars(recorded_data: Path) -> None:
    rows = contexts_of(f"lean:{recorded_data / 'lean-forex' / 'hour'}")

    assert len(rows) == 139_917
    assert set(rows["stream"].tolist()) == {Stream.BAR}
    assert (np.diff(rows["event_ns"][rows["symbol"] == 0]) > 0).all()


@pytest.mark.parametrize("place", ["crypto-l2", "lean-forex/hour"])
def test_scanner_and_judges_agree_on_every_record(recorded_data: Path, place: str) -> None:
    uri = str(recorded_data / place)
    judged, _ = read(open_example(uri, JUDGED), max_records=65_536)
    scanned, _ = read(open_example(uri), max_records=65_536)

    assert scanned.contexts.tobytes() == judged.contexts.tobytes()
    assert scanned.controls == judged.controls
