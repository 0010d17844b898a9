"""The baseline of the whole run, in an environment of its own: the same ticks in nautilus_trader.

Run by path: ``.venv-bench/bin/python benchmarks/nautilus_ticks.py FOLDER``. Reads LEAN tick zips as
its documentation shows (data frames through a wrangler), replays them to a strategy that does
nothing, and prints one line of JSON: ticks handled, and CPU and wall seconds of loading and of
both together. Imports are done before the clock starts.
"""

# mypy: disable-error-code="import-not-found,import-untyped,misc"
# What it imports is installed in the baseline's environment alone.

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import InstrumentId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import QuoteTickDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

_VENUE = Venue("SIM")
_ZONE = "Etc/GMT+5"


class Idle(Strategy):
    """Takes every quote of its instruments and does nothing with it."""

    def __init__(self, instruments: list[InstrumentId]) -> None:
        super().__init__()
        self.instruments = instruments

    def on_start(self) -> None:
        """Ask for the quotes."""
        for instrument in self.instruments:
            self.subscribe_quote_ticks(instrument)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Do nothing with a quote."""


def load_ticks(folder: Path, pair: str, instrument: CurrencyPair) -> list[QuoteTick]:
    """Return the quotes of one pair, oldest first."""
    frames = []
    for path in sorted((folder / pair).glob("*_quote.zip")):
        frame = pd.read_csv(path, header=None, names=["ms", "bid_price", "ask_price"])
        midnight = pd.Timestamp(path.name[:8], tz=_ZONE)
        frame.index = midnight.tz_convert("UTC") + pd.to_timedelta(frame.pop("ms"), unit="ms")
        frames.append(frame)
    return list(QuoteTickDataWrangler(instrument).process(pd.concat(frames)))


def run(folder: Path) -> dict[str, float]:
    """Load and replay the ticks below ``folder``; return counts and seconds."""
    begin_cpu, begin_wall = time.process_time(), time.perf_counter()
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    engine.add_venue(
        venue=_VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(1_000_000, USD)],
    )
    instruments = []
    pairs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    for pair in pairs:
        instrument = TestInstrumentProvider.default_fx_ccy(f"{pair[:3]}/{pair[3:]}".upper(), _VENUE)
        engine.add_instrument(instrument)
        engine.add_data(load_ticks(folder, pair, instrument), sort=pair == pairs[-1])
        instruments.append(instrument.id)
    load_cpu, load_wall = time.process_time(), time.perf_counter()
    engine.add_strategy(Idle(instruments))
    engine.run()
    end_cpu, end_wall = time.process_time(), time.perf_counter()
    return {
        "count": engine.iteration,
        "cpu_s": end_cpu - begin_cpu,
        "wall_s": end_wall - begin_wall,
        "loading_cpu_s": load_cpu - begin_cpu,
        "loading_wall_s": load_wall - begin_wall,
    }


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
