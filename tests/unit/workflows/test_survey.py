"""A survey says what deciding would do, and the sum is right."""

from __future__ import annotations

import numpy as np

from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.rows import quotes
from torghut.market.ports import Arrival, Cursor, Quarantined, SourceDescription, SourcePart
from torghut.schemas.codes import ContextFlag, RefusalCode
from torghut.schemas.control import LagBegan
from torghut.workflows.survey import Refused, bytes_read, bytes_total, survey

_UNDECODABLE = Quarantined(
    part=1, record=7, refusal=RefusalCode.UNDECODABLE, digest="0" * 64, excerpt="rubbish"
)


def source() -> ArraySource:
    """Return ten quotes: one crossed, one refused by its source, one repeated; and rubbish."""
    rows = quotes(np.full(10, 1.3))
    rows["bid"][2], rows["ask"][2] = 1.31, 1.30
    rows["refusal"][4] = RefusalCode.WRONG_TYPE
    rows["sequence"][6] = 5
    rows["marks"][8:] = ContextFlag.RECEIVE_TIME_ASSUMED
    return ArraySource(
        rows=rows,
        symbols=("fxcm:EURUSD", "fxcm:NZDUSD"),
        arrivals=[Arrival(row=3, record=LagBegan(control_id="late"))],
        quarantined=[(9, _UNDECODABLE)],
    )


def test_every_record_has_one_outcome() -> None:
    found = survey(source(), reference(), shipped())

    assert (found.contexts, found.decided, found.refused, found.undecodable) == (11, 7, 4, 1)
    assert found.contexts == found.decided + found.refused
    assert found.controls == {"lag-begin": 1}
    assert found.whole


def test_refusals_name_their_judge_and_show_examples() -> None:
    found = {one.code: one for one in survey(source(), reference(), shipped()).refusals}

    assert {code: one.judge for code, one in found.items()} == {
        "market.crossed-book": "kernel",
        "market.wrong-type": "source",
        "market.duplicate": "kernel",
        "market.undecodable": "source",
    }
    assert found["market.undecodable"] == Refused(
        code="market.undecodable",
        judge="source",
        count=1,
        examples=("part-1, record 7: rubbish",),
    )
    assert found["market.crossed-book"].examples == (
        "part-0, fxcm:EURUSD quote 2: bid 1.31, ask 1.3",
    )


def test_only_symbols_that_were_seen_are_told() -> None:
    (symbol,) = survey(source(), reference(), shipped()).symbols

    assert (symbol.symbol, symbol.contexts, symbol.decided) == ("fxcm:EURUSD", 10, 7)
    assert symbol.streams == {"quote": 10}


def test_marks_are_counted() -> None:
    assert survey(source(), reference(), shipped()).marks == {"receive-time-assumed": 2}


def test_limit_leaves_the_rest_unread() -> None:
    found = survey(source(), reference(), shipped(), limit=4)

    assert found.contexts == 4
    assert not found.whole


def test_progress_is_told_by_bytes() -> None:
    description = SourceDescription(
        kind="k",
        parts=[SourcePart(name="a", digest="a", bytes_total=100)] * 2,
        symbols=(),
        columns=(),
        assumptions={},
    )

    assert bytes_total(description) == 200
    assert bytes_read(description, Cursor(part=1, record=3, offset=40)) == 140
    assert bytes_read(description, Cursor(part=2)) == 200
