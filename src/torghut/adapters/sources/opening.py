"""From a URI to a source: its kind by the scheme, or by what the path holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from torghut.adapters.sources.errors import (
    SourceExtraMissingError,
    SourceKindError,
    SourceOptionError,
    SourceUnreadableError,
)
from torghut.adapters.sources.reading.files import digest_file
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.reading.lines import first_lines
from torghut.adapters.sources.target import InstrumentTiming, Target
from torghut.kernel.native.ports import CodeStore
from torghut.market.ports import Source

SUPPORTED: Final = (
    "csv:PATH[?time=ns|us|ms|s|rfc3339][&sequence=gapless]",
    "parquet:PATH[?time=...][&sequence=gapless]",
    "lean:PATH[?resolution=tick|second|minute|hour]",
    "binance:PATH[?market=spot|usdm]",
    "demo:[sp500|nasdaq]",
)
"""Every kind of source, as its URI is written."""

_PACKAGE: Final = "torghut.adapters.sources"
# The one table of lazy imports: pyarrow is an extra, and no kind should load what another needs.
_OPENERS: Final[Mapping[str, tuple[str, str]]] = {
    "csv": ("tables.csvfiles", "open_csv"),
    "parquet": ("tables.parquet", "open_parquet"),
    "lean": ("recordings.leanfiles", "open_lean"),
    "binance": ("recordings.binancefiles", "open_binance"),
    "demo": ("recordings.demo", "open_demo"),
}
_SUFFIXES: Final[Mapping[str, Sequence[str]]] = {
    "csv": (".csv", ".csv.gz"),
    "parquet": (".parquet",),
    "lean": (".zip",),
    "binance": (".gz",),
}
_PARQUET_MAGIC: Final = b"PAR1"
_ZIP_MAGIC: Final = b"PK"
_RECORDED: Final = re.compile(rb"[0-9]{16,19} [{\[]")
_HEADER: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:[^,]*,)*\"?symbol\"?(?:,[^,]*)*\r?")
_OPTION: Final = re.compile(r"([a-z_]+)=([^=&]*)")


def open_source(
    uri: str,
    instruments: Mapping[str, InstrumentTiming],
    *,
    limits: ReadLimits | None = None,
    machine_code: CodeStore | None = None,
) -> Source:
    """Return the source that ``uri`` names, one of ``SUPPORTED`` or a bare path.

    Args:
        uri: What to read.
        instruments: The declared instruments by symbol; records of others are refused.
        limits: Bounds on what is read.
        machine_code: For compiled code; None keeps it in memory.

    Raises:
        SourceError: No kind fits, the path cannot be read, or an option cannot be.
    """
    bounds = limits or ReadLimits()
    scheme, colon, rest = uri.partition(":")
    known = colon and scheme in _OPENERS
    path, options = _split_options(rest if known else uri)
    kind = scheme if known else _detect(uri, path, bounds)
    target = Target(
        path=path,
        options=options,
        instruments=instruments,
        limits=bounds,
        machine_code=machine_code,
    )
    return _opener(kind)(target)


def _opener(kind: str) -> Callable[[Target], Source]:
    """Return what opens sources of one kind."""
    module, name = _OPENERS[kind]
    try:
        found = getattr(import_module(f"{_PACKAGE}.{module}"), name)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise SourceExtraMissingError(kind=kind, package=package, extra=kind) from error
    return cast("Callable[[Target], Source]", found)


def _split_options(text: str) -> tuple[Path, Mapping[str, str]]:
    """Return path and options; a ``?`` in the name of a file that exists belongs to the name."""
    before, mark, after = text.rpartition("?")
    if not mark or Path(text).exists():
        return Path(text), {}
    options: dict[str, str] = {}
    for item in filter(None, after.split("&")):
        match = _OPTION.fullmatch(item)
        if match is None or match[1] in options:
            raise SourceOptionError(option=item, expected="name=value, each name once", found=after)
        options[match[1]] = match[2]
    return Path(before), options


def _detect(uri: str, path: Path, limits: ReadLimits) -> str:
    """Return the kind of what ``path`` holds."""
    if not path.exists():
        if re.match(r"[a-z][a-z0-9+-]*:", uri):
            raise SourceKindError(uri=uri, supported=SUPPORTED)
        raise SourceUnreadableError(name=str(path), reason="no such file or folder")
    kinds = _kinds_below(path) if path.is_dir() else _kinds_of(path, limits)
    if len(kinds) != 1:
        raise SourceKindError(uri=uri, supported=SUPPORTED)
    return kinds[0]


def _kinds_below(folder: Path) -> Sequence[str]:
    """Return the kinds of source that the names below a folder point to."""
    names = [path.name for path in folder.rglob("*") if path.is_file()]
    found = {
        next((kind for kind, ends in _SUFFIXES.items() if name.endswith(tuple(ends))), None)
        for name in names
    }
    return sorted(kind for kind in found if kind is not None)


def _kinds_of(path: Path, limits: ReadLimits) -> Sequence[str]:
    """Return the kind of source that a file's first bytes show."""
    file = digest_file(path)
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == _PARQUET_MAGIC:
        return ["parquet"]
    if magic.startswith(_ZIP_MAGIC):
        return ["lean"]
    first = next(first_lines(file, limits), b"")
    if _RECORDED.match(first):
        return ["binance"]
    return ["csv"] if _HEADER.fullmatch(first) else []
