"""What every source owes: each record one outcome, the same whatever the batches and restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.contract.sources.examples import (
    EXAMPLES,
    JUDGED,
    SCANNED,
    Outcome,
    joined,
    open_example,
    read,
    same,
)
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.market.ports import Cursor, Source
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.rows import CONTEXT

LINEWISE = sorted(EXAMPLES.keys() - {"parquet", "demo"})
CLEAN = frozenset({"csv-streams", "demo", "lean-minute"})
"""Examples without a record that is no context."""

_LARGE = 1000
"""Records from which on one reading takes longer than all readings of the others."""

Open = Callable[[ReadLimits], Source]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return what writes a small source of a kind, once, and returns its URI."""
    return cache(lambda kind: EXAMPLES[kind](tmp_path_factory.mktemp(kind)))


@pytest.fixture(scope="module")
def read_whole(written: Callable[[str], str]) -> Callable[[str], Outcome]:
    """Return what reads a small source of a kind, once and in one go."""
    return cache(lambda kind: read(open_example(written(kind)))[0])


@pytest.fixture(params=sorted(EXAMPLES))
def kind(request: pytest.FixtureRequest) -> str:
    """Return a kind of source."""
    return str(request.param)


@pytest.fixture
def opened(kind: str, written: Callable[[str], str]) -> Source:
    """Return the small source of a kind, opened anew."""
    return open_example(written(kind))


@pytest.fixture
def whole(kind: str, read_whole: Callable[[str], Outcome]) -> Outcome:
    """Return all that comes of it."""
    return read_whole(kind)


@pytest.fixture(params=LINEWISE)
def opening(request: pytest.FixtureRequest, written: Callable[[str], str]) -> Open:
    """Return what opens one small source of lines under chosen limits."""
    uri = written(request.param)
    return lambda limits: open_example(uri, limits)


def test_rows_are_contexts_of_known_symbols_and_parts(opened: Source, whole: Outcome) -> None:
    contexts = whole.contexts

    assert contexts.dtype == CONTEXT
    assert len(contexts) > 0
    assert contexts["symbol"].max() < len(opened.description.symbols)
    assert contexts["source"].max() < len(opened.description.parts)
    assert set(contexts["stream"].tolist()) <= set(Stream)
    assert int(contexts["marks"].max()) < 2 * max(ContextFlag)


def test_contexts_have_times_in_range(whole: Outcome) -> None:
    contexts = whole.contexts

    for name in ("event_ns", "receive_ns"):
        assert contexts[name].min() > 0
        assert contexts[name].max() < 7_258_118_400_000_000_000


def test_batches_hold_at_most_what_was_asked_for(opened: Source) -> None:
    for batch in read(opened, max_records=7)[1]:
        records = len(batch.contexts) + len(batch.quarantined) + len(batch.controls)
        assert 0 < records <= 7


def test_batches_can_be_handed_to_the_kernel(opened: Source) -> None:
    batches = list(opened.batches(after=Cursor(), max_records=16))

    assert sum(len(batch.contexts) > 0 for batch in batches) > 1
    for batch in batches:
        assert batch.contexts.ndim == 1
        assert batch.contexts.flags.c_contiguous
        assert batch.contexts.flags.writeable


@pytest.mark.parametrize("size", [1, 2, 7, 500, 10_000])
def test_batch_size_changes_nothing(opened: Source, whole: Outcome, size: int) -> None:
    assert same(read(opened, max_records=size)[0], whole)


def test_every_cursor_takes_up_where_its_batch_ended(opened: Source, whole: Outcome) -> None:
    cuts = 25 if whole.records < _LARGE else 8
    _, batches = read(opened, max_records=max(1, whole.records // cuts))

    for cut in range(1, len(batches) + 1):
        rest, later = read(opened, after=batches[cut - 1].cursor, max_records=17)
        assert same(joined([*batches[:cut], *later]), whole)
        assert rest.records == whole.records - joined(batches[:cut]).records


def test_cursors_only_go_forward(opened: Source) -> None:
    _, batches = read(opened, max_records=3)
    places = [(batch.cursor.part, batch.cursor.record) for batch in batches]

    assert places == sorted(set(places))
    assert batches[-1].cursor == Cursor(part=len(opened.description.parts))


def test_offsets_are_bytes_read_of_the_part(opened: Source) -> None:
    parts = opened.description.parts
    _, batches = read(opened, max_records=3)

    for batch in batches:
        if batch.cursor.part < len(parts):
            assert batch.cursor.offset <= parts[batch.cursor.part].bytes_total


def test_reading_twice_gives_the_same(opened: Source) -> None:
    assert same(read(opened)[0], read(opened)[0])


def test_two_readers_do_not_disturb_each_other(opened: Source, whole: Outcome) -> None:
    _, batches = read(opened, max_records=5)
    first = opened.batches(after=Cursor(), max_records=5)
    second = opened.batches(after=Cursor(), max_records=5)

    for expected, one, other in zip(batches, first, second, strict=True):
        assert one.contexts.tobytes() == other.contexts.tobytes() == expected.contexts.tobytes()
    assert whole.records == sum(
        len(b.contexts) + len(b.quarantined) + len(b.controls) for b in batches
    )


def test_quarantined_records_say_which_they_are(kind: str, opened: Source, whole: Outcome) -> None:
    quarantined = whole.quarantined

    assert bool(quarantined) == (kind not in CLEAN)
    for item in quarantined:
        assert 0 <= item.part < len(opened.description.parts)
        assert item.refusal is not RefusalCode.NONE
        assert len(item.digest) == 64
        assert len(item.excerpt) <= 120
        assert item.excerpt.isprintable()


def test_refused_contexts_can_be_shown(whole: Outcome) -> None:
    refused = whole.contexts[whole.contexts["refusal"] != RefusalCode.NONE]

    assert [item.refusal for item in whole.refused] == refused["refusal"].tolist()
    assert [item.part for item in whole.refused] == refused["source"].tolist()
    assert np.isnan(refused["bid"]).all()


def test_context_ids_are_unique_where_the_source_repeats_none(
    opened: Source, whole: Outcome
) -> None:
    contexts = whole.contexts
    ids = {tuple(c[n] for n in ("source", "symbol", "stream", "sequence")) for c in contexts}

    repeats = 0 if opened.description.kind != "binance-recording" else 8  # planted
    assert len(contexts) - len(ids) == repeats


def test_part_digests_name_the_bytes_of_the_files(tmp_path: Path) -> None:
    source = open_example(EXAMPLES["lean-tick"](tmp_path))
    digests = [
        hashlib.sha256((tmp_path / "tick" / part.name).read_bytes()).hexdigest()
        for part in source.description.parts
    ]

    assert [part.digest for part in source.description.parts] == digests


def test_description_tells_what_is_assumed(opened: Source) -> None:
    description = opened.description

    assert description.columns
    assert {"zone", "event_time", "receive_time"} <= description.assumptions.keys()
    assert all(
        "/" not in part.name.removeprefix(part.name.split("/")[0] + "/")
        for part in description.parts
    )


@pytest.mark.parametrize("size", [1, 9, 4_096])
def test_scanner_and_judges_agree_to_the_last_bit(opening: Open, size: int) -> None:
    judged, _ = read(opening(JUDGED), max_records=size)
    scanned, _ = read(opening(SCANNED), max_records=size)

    assert same(judged, scanned)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1_000])
@pytest.mark.parametrize("scanner_from_bytes", [0, 1 << 60])
def test_chunk_size_changes_nothing(
    opening: Open, chunk_bytes: int, scanner_from_bytes: int
) -> None:
    whole, _ = read(opening(JUDGED))
    limits = ReadLimits(chunk_bytes=chunk_bytes, scanner_from_bytes=scanner_from_bytes)

    assert same(read(opening(limits))[0], whole)


@pytest.mark.parametrize(
    ("kind", "line_bytes"),
    [
        ("lean-tick", 20),
        ("lean-minute", 46),
        ("lean-hour", 41),
        ("binance", 150),
        ("csv", 60),
        ("csv-streams", 61),
        ("csv-rfc3339", 40),
    ],
)
def test_longer_lines_than_allowed_are_quarantined_and_no_others(
    kind: str, line_bytes: int, tmp_path: Path
) -> None:
    uri = EXAMPLES[kind](tmp_path) + ("?time=ns" if kind == "csv" else "")
    whole, _ = read(open_example(uri))
    limited = [
        read(open_example(uri, replace(limits, line_bytes=line_bytes, chunk_bytes=chunk_bytes)))[0]
        for chunk_bytes in (3, 100_000)
        for limits in (SCANNED, JUDGED)
    ]
    oversized = [
        item for item in limited[0].quarantined if item.refusal is RefusalCode.OVERSIZED_LINE
    ]

    assert all(same(outcome, limited[0]) for outcome in limited)
    assert limited[0].records == whole.records
    assert 0 < len(oversized) < whole.records
