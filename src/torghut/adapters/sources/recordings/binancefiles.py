"""Which recordings of a folder are read, in which order, and what their names say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.sources.errors import SourceLayoutError
from torghut.adapters.sources.linewise import LinePart, LineSource
from torghut.adapters.sources.reading.archives import expanded_size
from torghut.adapters.sources.reading.files import InputFile, digest_file, find_parts
from torghut.adapters.sources.recordings.binance import SPOT, USDM, BinanceDecoder
from torghut.adapters.sources.target import Target
from torghut.market.ports import Source, SourceDescription, SourcePart

VENUES: Final[Mapping[str, str]] = {SPOT: "binance-spot", USDM: "binance-usdm"}
"""What qualifies a pair of each market into a symbol."""

SUFFIXES: Final = (".gz",)

_NAMED: Final = re.compile(r"([a-z0-9]{1,32})_[0-9]{8}\b.*", re.ASCII)
_COLUMNS: Final = (
    *("receive time", "stream", "e", "E", "s", "u", "t"),
    *("b", "B", "a", "A", "p", "q", "lastUpdateId", "bids", "asks"),
)
_ASSUMPTIONS: Final = {
    "zone": "UTC",
    "receive_time": "integer ns before the message, by the recorder's clock",
    "event_time": "E in ms; a message without it happened on receipt",
    "sequence": "u of bookTicker and depthUpdate, t of trade; only those of trades have no gaps",
    "depth": "bid_size and ask_size are the summed quantities of the levels that changed",
    "snapshot": "a message without stream; of the pair that its file is named after",
    "symbol": "the folder's market (spot, usdm) + s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """A file and what its folder and name say."""

    market: str
    pair: str
    file: InputFile


def open_binance(target: Target) -> Source:
    """Return the messages in a recording or in the recordings below a folder.

    Raises:
        SourceError: There are none, or their folders do not say which market they are of.
    """
    wanted = target.choose({"market": tuple(VENUES)}).get("market")
    paths = find_parts(target.path, SUFFIXES, target.limits)
    found = [_identify(path, wanted) for path in paths]
    found.sort(key=lambda recording: (recording.market, recording.file.path))
    markets = sorted({recording.market for recording in found})
    symbols = target.symbols(*(VENUES[market] for market in markets))
    parts = [LinePart(file=r.file, decoder=_decoder(r, symbols)) for r in found]
    return LineSource(
        _describe(found, symbols), parts, limits=target.limits, machine_code=target.machine_code
    )


def _identify(path: Path, wanted: str | None) -> _Recording:
    """Return what a recording is by its names."""
    market = wanted or next((p for p in reversed(path.parent.parts) if p in VENUES), None)
    if market is None:
        expected = f"a folder named {' or '.join(VENUES)}, or ?market="
        raise SourceLayoutError(name=path.name, expected=expected, found=path.parent.name)
    named = _NAMED.fullmatch(path.name)
    pair = named[1].upper() if named else ""
    return _Recording(market=market, pair=pair, file=digest_file(path))


def _decoder(recording: _Recording, symbols: Sequence[str]) -> BinanceDecoder:
    """Return how one recording is read."""
    venue = VENUES[recording.market]
    numbers = {
        symbol.removeprefix(f"{venue}:"): number
        for number, symbol in enumerate(symbols)
        if symbol.startswith(f"{venue}:")
    }
    return BinanceDecoder(
        market=recording.market, venue=venue, numbers=numbers, pair=recording.pair
    )


def _describe(found: Sequence[_Recording], symbols: Sequence[str]) -> SourceDescription:
    """Return what is read and what is assumed about it."""
    return SourceDescription(
        kind="binance-recording",
        parts=[
            SourcePart(
                name=f"{recording.market}/{recording.file.name}",
                digest=recording.file.digest,
                bytes_total=expanded_size(recording.file),
            )
            for recording in found
        ],
        symbols=symbols,
        columns=_COLUMNS,
        assumptions=_ASSUMPTIONS,
    )
