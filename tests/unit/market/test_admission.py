"""Which contexts are refused, with which code, and what that leaves behind."""

from __future__ import annotations

import math

import pytest

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import SECOND_NS, RowArray, decide, quotes, state_rows, tables
from torghut.schemas.codes import ContextFlag, Reason, RefusalCode, Stream

_SEQUENCED = ContextFlag.SEQUENCED


def _outcomes(rows: RowArray) -> list[RefusalCode]:
    _, outcomes = decide(compiled(), rows, state_rows(), tables())
    return [RefusalCode(code) for code in outcomes]


def _with(position: int, **fields: float) -> RowArray:
    rows = quotes([1.3] * (position + 2))
    for name, value in fields.items():
        rows[name][position] = value
    return rows


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"bid": math.nan}, RefusalCode.NOT_FINITE),
        ({"ask": math.inf}, RefusalCode.NOT_FINITE),
        ({"bid": -math.inf}, RefusalCode.NOT_FINITE),
        ({"bid": 0.0}, RefusalCode.NON_POSITIVE_PRICE),
        ({"ask": -1.3}, RefusalCode.NON_POSITIVE_PRICE),
        ({"bid": 1.31}, RefusalCode.CROSSED_BOOK),
        ({"bid": 13000.0, "ask": 13000.1}, RefusalCode.WRONG_UNIT),
        ({"bid": 1.5, "ask": 1.5}, RefusalCode.ABSURD_JUMP),
        ({"bid_size": -1.0}, RefusalCode.NEGATIVE_SIZE),
        ({"ask_size": math.inf}, RefusalCode.NOT_FINITE),
        ({"receive_ns": 0}, RefusalCode.TIME_OUT_OF_RANGE),
        ({"event_ns": -5}, RefusalCode.TIME_OUT_OF_RANGE),
        ({"receive_ns": 2**63 - 1}, RefusalCode.TIME_OUT_OF_RANGE),
        ({"stream": 9}, RefusalCode.UNKNOWN_MESSAGE),
        ({"refusal": RefusalCode.UNDECODABLE}, RefusalCode.UNDECODABLE),
    ],
)
def test_a_wrong_row_is_refused_and_the_next_is_decided(
    fields: dict[str, float], code: RefusalCode
) -> None:
    outcomes = _outcomes(_with(2, **fields))

    assert outcomes == [RefusalCode.NONE, RefusalCode.NONE, code, RefusalCode.NONE]


def test_equal_bid_and_ask_are_decided() -> None:
    assert _outcomes(quotes([1.3, 1.3], spread=0.0)) == [RefusalCode.NONE] * 2


def test_a_repeated_sequence_is_a_duplicate() -> None:
    rows = quotes([1.3] * 4)
    rows["sequence"] = [5, 6, 5, 7]

    assert _outcomes(rows)[2] is RefusalCode.DUPLICATE


def test_a_sequence_that_was_skipped_and_comes_late_is_out_of_order() -> None:
    rows = quotes([1.3] * 4)
    rows["sequence"] = [5, 8, 6, 9]

    assert _outcomes(rows)[2] is RefusalCode.OUT_OF_ORDER


def test_a_receive_time_that_goes_back_is_out_of_order() -> None:
    rows = quotes([1.3] * 3)
    rows["receive_ns"][1] -= 5 * SECOND_NS

    assert _outcomes(rows) == [RefusalCode.NONE, RefusalCode.OUT_OF_ORDER, RefusalCode.NONE]


def test_an_event_time_that_goes_back_never_refuses() -> None:
    rows = quotes([1.3] * 3)
    rows["event_ns"][1] -= 5 * SECOND_NS

    assert _outcomes(rows) == [RefusalCode.NONE] * 3


def test_order_is_judged_within_one_stream() -> None:
    rows = quotes([1.3] * 3)
    rows["stream"][1] = Stream.DEPTH
    rows["sequence"] = [100, 3, 101]

    assert _outcomes(rows) == [RefusalCode.NONE] * 3


def test_sequences_of_different_sources_are_not_compared() -> None:
    rows = quotes([1.3] * 3)
    rows["source"][2] = 1
    rows["sequence"] = [100, 101, 0]

    assert _outcomes(rows) == [RefusalCode.NONE] * 3


@pytest.mark.parametrize("stream", [Stream.TRADE, Stream.DEPTH])
def test_before_the_first_quote_a_trade_or_depth_is_refused(stream: Stream) -> None:
    rows = quotes([1.3] * 3)
    rows["stream"] = [stream, Stream.QUOTE, stream]
    rows["last"] = 1.3

    outcomes = _outcomes(rows)

    assert outcomes == [RefusalCode.NO_QUOTE, RefusalCode.NONE, RefusalCode.NONE]


def test_a_leap_is_believed_once_enough_contexts_agree() -> None:
    rows = quotes([1.3, 1.6, 1.6, 1.6, 1.6, 1.6])

    decisions, outcomes = decide(compiled(), rows, state_rows(), tables())

    assert outcomes.tolist() == [0, *[RefusalCode.ABSURD_JUMP] * 3, 0, 0]
    assert int(decisions["reasons"][1]) >> Reason.LEVEL_SHIFT & 1
    assert not int(decisions["reasons"][2]) >> Reason.LEVEL_SHIFT & 1


def test_leaps_that_disagree_are_never_believed() -> None:
    rows = quotes([1.3, 1.6, 2.0, 2.6, 1.6, 2.0, 1.3])

    assert _outcomes(rows)[1:] == [*[RefusalCode.ABSURD_JUMP] * 5, RefusalCode.NONE]


def test_a_gap_in_the_sources_own_sequence_is_noted_and_decided() -> None:
    rows = quotes([1.3] * 3)
    rows["marks"] = _SEQUENCED
    rows["sequence"] = [1, 2, 5]

    decisions, _ = decide(compiled(), rows, state_rows(), tables())

    noted = [int(bits) >> Reason.SEQUENCE_GAP & 1 for bits in decisions["reasons"]]
    assert noted == [0, 0, 1]


def test_an_ordinal_that_skips_refused_records_is_no_gap() -> None:
    rows = quotes([1.3] * 3)
    rows["sequence"] = [1, 2, 5]

    decisions, _ = decide(compiled(), rows, state_rows(), tables())

    assert not any(int(bits) >> Reason.SEQUENCE_GAP & 1 for bits in decisions["reasons"])
