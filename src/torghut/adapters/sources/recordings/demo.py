"""Daily prices of two indices that ship inside the arch package, read without importing it.

The close of the New York session is the one instant at which a daily bar is known. It is taken as
16:00; on the few half days the real close was earlier, so nothing is ever seen too soon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from typing_extensions import override

from torghut.adapters.sources.decoding.linetext import decode_fields
from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.decoding.templates import Program, Scanned, build_program
from torghut.adapters.sources.decoding.times import in_range
from torghut.adapters.sources.decoding.verdicts import (
    Decoded,
    RefusedError,
    Verdict,
    numbers_in,
)
from torghut.adapters.sources.errors import (
    SourceExtraMissingError,
    SourceKindError,
    SourceLayoutError,
    SourceZoneError,
)
from torghut.adapters.sources.linewise import LineDecoder, LinePart, LineSource
from torghut.adapters.sources.reading.archives import expanded_size
from torghut.adapters.sources.reading.files import InputFile, digest_file
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.reading.lines import first_lines
from torghut.adapters.sources.target import Target
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import ContextArray, Source, SourceDescription, SourcePart
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream

PACKAGE: Final = "arch"
SYMBOLS: Final[Mapping[str, str]] = {"sp500": "index:SP500", "nasdaq": "index:NASDAQ"}
"""The data sets, in reading order, and what they are called here."""

ZONE: Final = "America/New_York"
"""Whose clock the sessions keep."""

_CLOSE_AT: Final = time(16)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = ("Date", "Open", "High", "Low", "Close", "Adj Close", "Volume")
_CLOSE: Final = _COLUMNS.index("Close") - 1
_VOLUME: Final = _COLUMNS.index("Volume") - 1
_DATE: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)
_MARKS: Final = ContextFlag.RECEIVE_TIME_ASSUMED | ContextFlag.QUOTE_ASSUMED
_PROGRAM: Final = build_program([])  # ten thousand lines are not worth a compiler
_ASSUMPTIONS: Final = {
    "zone": ZONE,
    "event_time": "16:00 of the day, when the session closes; earlier on half days, never later",
    "receive_time": "event time + declared latency",
    "bid, ask": "the close, unadjusted: what was known on the day; costs use declared spreads",
    "sequence": "the record's ordinal in its file",
}
_LICENCE: Final = "University of Illinois/NCSA Open Source License, as part of the package arch"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyDecoder(LineDecoder):
    """How the lines of one data set become bars.

    Attributes:
        symbol: Index of the index, -1 if it is not declared.
        latency_ns: Its declared latency.
        zone: Whose clock the sessions keep.
    """

    symbol: int
    latency_ns: int
    zone: ZoneInfo

    @property
    @override
    def header_lines(self) -> int:
        return 1

    @property
    @override
    def program(self) -> Program:
        return _PROGRAM

    @override
    def compose(self, scanned: Scanned, rows: ContextArray) -> Mask:
        return np.zeros(len(rows), np.bool_)

    @override
    def judge(self, line: bytes, record: int) -> Verdict:
        fields = decode_fields(line, len(_COLUMNS))
        if self.symbol < 0:
            raise RefusedError(RefusalCode.INSTRUMENT_UNDECLARED)
        close = datetime.combine(_date(fields[0]), _CLOSE_AT, self.zone)
        event = in_range((close - _EPOCH) // timedelta(seconds=1) * NS_PER_S)
        refusal, values = numbers_in(fields[1:])
        return Decoded(
            symbol=self.symbol,
            stream=Stream.BAR,
            marks=_MARKS,
            refusal=refusal,
            sequence=record,
            event_ns=event,
            receive_ns=in_range(event + self.latency_ns),
            bid=values[_CLOSE],
            ask=values[_CLOSE],
            last=values[_CLOSE],
            last_size=values[_VOLUME],
        )


def open_demo(target: Target) -> Source:
    """Return one of the data sets, or all where none is named.

    Raises:
        SourceError: There is no such data set, or the package or the zone is not installed.
    """
    target.choose({})
    wanted = target.path.as_posix().removeprefix(".")
    if wanted and wanted not in SYMBOLS:
        supported = ["demo:", *(f"demo:{name}" for name in SYMBOLS)]
        raise SourceKindError(uri=f"demo:{wanted}", supported=supported)
    names = [wanted] if wanted else list(SYMBOLS)
    symbols = [symbol for symbol in target.symbols("index") if symbol in _symbols(names)]
    files = [digest_file(_folder() / name / f"{name}.csv.gz") for name in names]
    zone = _find_zone()
    parts = []
    for name, file in zip(names, files, strict=True):
        _check_header(file, target.limits)
        index = symbols.index(SYMBOLS[name]) if SYMBOLS[name] in symbols else -1
        latency_ns = target.instruments[SYMBOLS[name]].latency_ns if index >= 0 else 0
        decoder = DailyDecoder(symbol=index, latency_ns=latency_ns, zone=zone)
        parts.append(LinePart(file=file, decoder=decoder))
    description = SourceDescription(
        kind="demo",
        parts=[
            SourcePart(name=file.name, digest=file.digest, bytes_total=expanded_size(file))
            for file in files
        ],
        symbols=symbols,
        columns=_COLUMNS,
        assumptions=_ASSUMPTIONS,
        licence=_LICENCE,
    )
    return LineSource(description, parts, limits=target.limits, machine_code=target.machine_code)


def _symbols(names: Sequence[str]) -> frozenset[str]:
    """Return what the data sets are called here."""
    return frozenset(SYMBOLS[name] for name in names)


def _folder() -> Path:
    """Return where the package keeps its data sets, without importing it."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SourceExtraMissingError(kind="demo", package=PACKAGE, extra="demo")
    return Path(spec.submodule_search_locations[0]) / "data"


def _find_zone() -> ZoneInfo:
    """Return the zone whose clock the sessions keep."""
    try:
        return ZoneInfo(ZONE)
    except ZoneInfoNotFoundError as error:
        raise SourceZoneError(zone=ZONE) from error


def _check_header(file: InputFile, limits: ReadLimits) -> None:
    """Refuse a data set of another package version, laid out in another way."""
    header = next(first_lines(file, limits), b"").decode("utf-8", "replace")
    found = header.removesuffix("\r")
    if found != ",".join(_COLUMNS):
        raise SourceLayoutError(name=file.name, expected=",".join(_COLUMNS), found=repr(found[:80]))


def _date(text: str) -> date:
    """Return the date that ``month/day/year`` spells."""
    if not text:
        raise RefusedError(RefusalCode.MISSING_FIELD)
    match = _DATE.fullmatch(text)
    if match is None:
        raise RefusedError(RefusalCode.WRONG_TYPE)
    try:
        return date(int(match[3]), int(match[1]), int(match[2]))
    except ValueError as error:
        raise RefusedError(RefusalCode.WRONG_TYPE) from error
