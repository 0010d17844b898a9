"""Decoding apart: the same plain bytes through a source and through a bare reader.

The recordings are unpacked first, so that neither side unpacks anything while the clock runs. A
source does more than its baseline: it turns local times into instants, judges every record and
keeps what it refuses.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
from pyarrow import csv

from benchmarks.figures import Comparison, Cost, Result, rate_line
from benchmarks.recordings import MESSAGES, TICKS, absent, recordings
from benchmarks.rounds import Effort, interleave, scratch_folder, timed
from torghut.composition.deciding import declarations, source
from torghut.market.ports import Cursor

_BATCH: Final = 4_000
_TICKS: Final = "decoding LEAN ticks, unpacked before"
_MESSAGES: Final = "decoding Binance messages, unpacked before"


def measure_decoding(effort: Effort) -> Iterator[Result]:
    """Measure sources alone, unpacked before: LEAN beside pyarrow, Binance beside msgspec."""
    with scratch_folder() as folder:
        for name, where, measure in (
            (_TICKS, TICKS, _measure_ticks),
            (_MESSAGES, MESSAGES, _measure_messages),
        ):
            found = recordings(where)
            yield absent(name, where) if found is None else measure(effort, found, folder)


def _measure_ticks(effort: Effort, ticks: Path, folder: Path) -> Result:
    """Compare the LEAN source with pyarrow's CSV reader."""
    plain = folder / "lean" / "tick"
    bodies = [
        _store(path, plain / path.relative_to(ticks)) for path in sorted(ticks.rglob("*.zip"))
    ]
    costs = interleave(
        effort.rounds,
        {
            "source": partial(_decode, f"lean:{plain}?resolution=tick"),
            "pyarrow": partial(_read_csv, bodies),
        },
    )
    return rate_line(
        _TICKS,
        "rows",
        Comparison(
            ours=costs["source"],
            theirs=costs["pyarrow"],
            baseline="pyarrow.csv.read_csv, one thread",
        ),
    )


def _measure_messages(effort: Effort, messages: Path, folder: Path) -> Result:
    """Compare the Binance source with msgspec, which decodes each line into dictionaries."""
    plain = folder / "binance"
    for path in sorted(messages.rglob("*.gz")):
        target = plain / path.relative_to(messages)
        target.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path) as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    bodies = [path.read_bytes() for path in sorted(plain.rglob("*.gz"))]
    costs = interleave(
        effort.rounds,
        {
            "source": partial(_decode, f"binance:{plain}"),
            "msgspec": partial(_decode_json, bodies),
        },
    )
    return rate_line(
        _MESSAGES,
        "lines",
        Comparison(
            ours=costs["source"],
            theirs=costs["msgspec"],
            baseline="msgspec.json.decode of each line",
        ),
    )


def _store(path: Path, target: Path) -> bytes:
    """Write a zip anew without compression and return the bytes inside."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path) as packed, zipfile.ZipFile(target, "w") as stored:
        (name,) = packed.namelist()
        body = packed.read(name)
        stored.writestr(name, body)
    return body


def _decode(uri: str) -> Cost:
    """Read a source to its end; opening, with its digests, is not counted."""
    opened = source(uri, declarations())
    with timed() as watch:
        records = sum(
            len(batch.contexts) + len(batch.quarantined) + len(batch.controls)
            for batch in opened.batches(after=Cursor(), max_records=_BATCH)
        )
    return watch.cost(records)


def _read_csv(bodies: Sequence[bytes]) -> Cost:
    """Read the same bytes into arrow tables."""
    options = csv.ReadOptions(column_names=["ms", "bid", "ask"], use_threads=False)
    with timed() as watch:
        rows = sum(csv.read_csv(pa.BufferReader(b), read_options=options).num_rows for b in bodies)
    return watch.cost(rows)


def _decode_json(bodies: Sequence[bytes]) -> Cost:
    """Decode the JSON of each line of the same bytes."""
    decode = msgspec.json.Decoder().decode
    lines = 0
    with timed() as watch:
        for body in bodies:
            for line in body.splitlines():
                decode(line.partition(b" ")[2])
                lines += 1
    return watch.cost(lines)
