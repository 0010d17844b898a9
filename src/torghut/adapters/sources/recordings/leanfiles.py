"""Which zips of a LEAN folder are read, in which order, and what their names say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from torghut.adapters.sources.errors import SourceEmptyError, SourceLayoutError
from torghut.adapters.sources.linewise import LinePart, LineSource
from torghut.adapters.sources.reading.archives import expanded_size, member_name
from torghut.adapters.sources.reading.files import InputFile, check_parts, digest_file, find_files
from torghut.adapters.sources.recordings.lean import (
    BAR_COLUMNS,
    HOUR,
    LENGTH_MS,
    TICK,
    TICK_COLUMNS,
    LeanDecoder,
)
from torghut.adapters.sources.target import Target
from torghut.market.ports import Source, SourceDescription, SourcePart

VENUE: Final = "fxcm"
ZONE: Final = "UTC-05:00 all year: New York's standard time, without daylight saving"

_DAILY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})_quote\.zip", re.ASCII)
_WHOLE: Final = re.compile(r"([a-z0-9]{1,32})\.zip", re.ASCII)
_MEMBER: Final = re.compile(r"[0-9]{8}_([a-z0-9]+)_([a-z]+)_quote\.csv", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Zip:
    """A zip and what its name says; ordered by day, then pair."""

    day: date
    pair: str
    resolution: str
    file: InputFile


def open_lean(target: Target) -> Source:
    """Return the quotes in a LEAN zip or in the zips below a folder.

    Raises:
        SourceError: There are none, their names do not say what they are, or one is broken.
    """
    wanted = target.choose({"resolution": tuple(LENGTH_MS)}).get("resolution")
    zips, others = _find(target, wanted)
    symbols = target.symbols(VENUE)
    latencies = target.latencies(symbols)
    parts = []
    for found in zips:
        symbol = f"{VENUE}:{found.pair.upper()}"
        index = symbols.index(symbol) if symbol in symbols else -1
        decoder = LeanDecoder(
            resolution=found.resolution,
            day=None if found.resolution == HOUR else found.day,
            symbol=index,
            latency_ns=int(latencies[index]) if index >= 0 else 0,
        )
        parts.append(LinePart(file=found.file, decoder=decoder))
    description = _describe(zips, symbols, others)
    return LineSource(description, parts, limits=target.limits, machine_code=target.machine_code)


def _find(target: Target, wanted: str | None) -> tuple[Sequence[_Zip], int]:
    """Return the zips of the one resolution there is or that is wanted, and how many are others."""
    path = target.path
    alone = path.is_file()
    zips: list[_Zip] = []
    others = 0
    for candidate in find_files(path, (".zip",)):
        found = _identify(candidate, wanted, alone=alone)
        if found is None:
            others += 1
        else:
            zips.append(found)
            check_parts(path, len(zips), target.limits)
    if not zips:
        expected = f"LEAN quote zips{f' of resolution {wanted}' if wanted else ''}"
        raise SourceEmptyError(name=str(path), expected=expected)
    resolutions = sorted({found.resolution for found in zips})
    if len(resolutions) > 1:
        expected = "zips of one resolution, or ?resolution= to choose it"
        raise SourceLayoutError(name=str(path), expected=expected, found=", ".join(resolutions))
    return sorted(zips, key=lambda found: (found.day, found.pair)), others


def _identify(path: Path, wanted: str | None, *, alone: bool) -> _Zip | None:
    """Return what a zip is by its names, or None if it is not one of those that are read.

    A file that was named itself must be one; among others in a folder it may be left out.
    """
    daily = _DAILY.fullmatch(path.name)
    whole = _WHOLE.fullmatch(path.name)
    folder = path.parent.parent.name if daily else path.parent.name
    says = folder if folder in LENGTH_MS else None
    if not alone and (not (daily or whole) or (wanted and says and says != wanted)):
        return None
    if whole and (says or wanted) == HOUR:
        file = digest_file(path)
        return _Zip(day=date.min, pair=whole[1], resolution=HOUR, file=file)
    if daily is None:
        expected = "<pair>/<yyyymmdd>_quote.zip, or hour/<pair>.zip"
        raise SourceLayoutError(
            name=path.name, expected=expected, found=f"{path.parent.name}/{path.name}"
        )
    return _daily(path, daily, says, wanted)


def _daily(path: Path, name: re.Match[str], says: str | None, wanted: str | None) -> _Zip | None:
    """Return what the zip of one day is, by its folders and by the file inside."""
    try:
        day = date(int(name[1]), int(name[2]), int(name[3]))
    except ValueError as error:
        raise SourceLayoutError(name=path.name, expected="a date", found=path.name[:8]) from error
    file = digest_file(path)
    member = _MEMBER.fullmatch(member_name(file))
    pair = path.parent.name.lower()
    resolution = says or wanted
    if member is not None:
        if says and (member[1], member[2]) != (pair, says):
            inside = f"{member[0]} inside"
            raise SourceLayoutError(name=path.name, expected=f"{says} of {pair}", found=inside)
        pair, resolution = member[1], member[2]
    if resolution not in LENGTH_MS or resolution == HOUR:
        expected = f"a resolution in folder or file name, or ?resolution= of {', '.join(LENGTH_MS)}"
        raise SourceLayoutError(name=path.name, expected=expected, found=str(resolution))
    if wanted and resolution != wanted:
        return None
    return _Zip(day=day, pair=pair, resolution=resolution, file=file)


def _describe(zips: Sequence[_Zip], symbols: Sequence[str], others: int) -> SourceDescription:
    """Return what is read and what is assumed about it."""
    resolution = zips[0].resolution
    assumptions = {
        "zone": ZONE,
        "time": "yyyymmdd HH:MM" if resolution == HOUR else "ms since midnight of the file's day",
        "event_time": "the tick" if resolution == TICK else f"the label + 1 {resolution}: the end",
        "receive_time": "event time + declared latency",
        "sequence": "the record's ordinal in its file",
        "symbol": f"{VENUE}: + the pair in folder or file name",
    }
    if others:
        assumptions["not read"] = f"{others} zips of another name or resolution"
    return SourceDescription(
        kind=f"lean-{resolution}",
        parts=[
            SourcePart(
                name=found.file.name if resolution == HOUR else f"{found.pair}/{found.file.name}",
                digest=found.file.digest,
                bytes_total=expanded_size(found.file),
            )
            for found in zips
        ],
        symbols=symbols,
        columns=TICK_COLUMNS if resolution == TICK else BAR_COLUMNS,
        assumptions=assumptions,
    )
