"""Memory does not depend on the input: not on a line's length, nor on what an archive holds."""

from __future__ import annotations

import hashlib
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.sources.examples import (
    EXAMPLES,
    SCANNED,
    open_example,
    read,
    spot_messages,
    ticks,
)
from torghut.adapters.sources.errors import SourceExpansionError
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.market.ports import Cursor, Quarantined
from torghut.schemas.codes import RefusalCode

_MIB = 1 << 20
_BOUND = 12 * _MIB


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load modules and compiled code, which are not what is measured."""
    folder = tmp_path_factory.mktemp("loaded")
    for name in ("binance", "csv", "lean-tick"):
        read(open_example(EXAMPLES[name](folder / name), SCANNED))


def write_line(path: Path, before: bytes, mebibytes: int, after: bytes) -> str:
    """Write a gzip whose second line is so long; return that line's sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packer = zlib.compressobj(1, wbits=31)
    digest = hashlib.sha256()
    with path.open("wb") as out:
        out.write(packer.compress(before + b"\n"))
        for _ in range(mebibytes):
            piece = b"x" * _MIB
            digest.update(piece)
            out.write(packer.compress(piece))
        out.write(packer.compress(b"\n" + after) + packer.flush())
    return digest.hexdigest()


@contextmanager
def bounded(bound: int = _BOUND) -> Iterator[None]:
    """Fail if more memory is taken inside than the bound."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bound, f"{peak / _MIB:.1f} MiB"


def read_long_line(path: Path, mebibytes: int) -> tuple[int, list[Quarantined], str]:
    """Read a recording with a long line within bounded memory."""
    messages = spot_messages(2)
    digest = write_line(path, messages[0], mebibytes, messages[1])
    contexts = 0
    quarantined: list[Quarantined] = []
    with bounded():
        for batch in open_example(f"binance:{path}").batches(after=Cursor(), max_records=10):
            contexts += len(batch.contexts)
            quarantined += batch.quarantined
    return contexts, quarantined, digest


def read_to_the_fault(uri: str, limits: ReadLimits) -> tuple[int, SourceExpansionError]:
    """Return how many contexts came before a bomb was noticed, and the notice."""
    contexts = 0
    try:
        for batch in open_example(uri, limits).batches(after=Cursor(), max_records=2):
            contexts += len(batch.contexts)
    except SourceExpansionError as error:
        return contexts, error
    pytest.fail("nothing was noticed")


def test_line_longer_than_the_bound_is_passed_over_within_it(tmp_path: Path) -> None:
    path = tmp_path / "spot/btcusdt_20240808.gz"
    contexts, quarantined, digest = read_long_line(path, 4 * _BOUND // _MIB)

    assert contexts == 2
    assert [(q.record, q.refusal, q.digest) for q in quarantined] == [
        (1, RefusalCode.OVERSIZED_LINE, digest)
    ]
    assert quarantined[0].excerpt == "x" * 120


def test_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "tick/eurusd/20140501_quote.zip"
    path.parent.mkdir(parents=True)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w") as f,
    ):
        f.write(ticks(3) + b"\r\n")
        for _ in range(30):
            f.write(bytes(_MIB))
    limits = ReadLimits(expansion_floor_bytes=8 * _MIB)

    with bounded():
        contexts, refused = read_to_the_fault(f"lean:{path}", limits)
    assert contexts == 3
    assert refused.expanded_bytes <= 9 * _MIB


@pytest.mark.slow
def test_many_records_take_no_more_memory_than_few(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    with path.open("wb") as out:
        out.write(b"symbol,receive_time,bid,ask\n")
        for index in range(20_000):
            out.write(b"fxcm:EURUSD,%d,1.38,x\n" % (1_398_916_800_000 + index))

    records = 0
    with bounded(_BOUND // 2):  # what refused records say of themselves would take more than that
        for batch in open_example(f"csv:{path}").batches(after=Cursor(), max_records=1_000):
            records += len(batch.contexts)
    assert records == 20_000
