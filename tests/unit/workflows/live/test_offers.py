"""A live context is read in no two ways, and means what the published model means."""

from __future__ import annotations

import json
import math
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes.live import A, context_json
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.schemas.codes import ContextFlag
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.live.offering import ContextOffered
from torghut.schemas.rows import CONTEXT
from torghut.workflows.live.errors import ContextMalformedError
from torghut.workflows.live.offers import (
    LINE_BYTES_MAX,
    OfferedContext,
    OfferedFields,
    parse_offered,
)

NOW_NS = 1_700_000_000_000_000_000

TEXTS = st.sampled_from(
    [
        *("desk", "desk\n", "", "-desk", "a" * 64, "a" * 65, "de sk", "dé", "fxcm:EURUSD", "1"),
        *("fxcm:eurusd", "quote", "bar", "level", "01", "0", "9223372036854775807", " 7", "7 "),
        *("9223372036854775808", "-1", "1e3", "1_0", "\u0667", "live.context-offered.v1", "true"),
    ]
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 0, -0, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.one_of(
    TEXTS, NUMBERS, st.booleans(), st.none(), st.just([]), st.just({}), st.just([1.0])
)
KEYS = st.sampled_from([*ContextOffered.model_fields, "more", "Bid"])


def fields_of(one: OfferedContext) -> dict[str, object]:
    return dict(zip(CONTEXT.names or (), one.row(NOW_NS), strict=True))


def malformed(line: bytes) -> str:
    with pytest.raises(ContextMalformedError) as caught:
        parse_offered(line)
    assert caught.value.retry_after_ms is None
    return str(caught.value)


def test_the_struct_has_the_fields_of_the_published_model() -> None:
    published = {name: one.is_required() for name, one in ContextOffered.model_fields.items()}
    assert {one.name: one.required for one in msgspec.structs.fields(OfferedFields)} == published


def test_every_field_comes_to_stand_in_the_row() -> None:
    body = {
        "type": "live.context-offered.v1",
        "feed": "desk-1",
        "symbol": A,
        "stream": "trade",
        "sequence": "9223372036854775807",
        "sequenced": True,
        "event_ns": "1700000000000000001",
        "receive_ns": 5,
        "bid": 1.5,
        "ask": 2,
        "bid_size": 3.5,
        "ask_size": 4.5,
        "last": 5.5,
        "last_size": None,
    }
    one = parse_offered(json.dumps(body).encode())
    found = fields_of(one)
    assert found["sequence"] == 2**63 - 1
    assert found["marks"] == ContextFlag.SEQUENCED
    assert (found["event_ns"], found["receive_ns"]) == (1_700_000_000_000_000_001, 5)
    sizes = [found[name] for name in ("bid", "ask", "bid_size", "ask_size", "last")]
    assert sizes == [1.5, 2.0, 3.5, 4.5, 5.5]
    assert all(isinstance(size, float) for size in sizes)
    assert math.isnan(one.values[5])
    assert one.context_id == offered_context_id("desk-1", A, "trade", 2**63 - 1)


def test_what_a_sender_leaves_out_is_stamped_assumed_or_unknown() -> None:
    one = parse_offered(b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":0}')
    found = fields_of(one)
    assert (found["event_ns"], found["receive_ns"]) == (NOW_NS, NOW_NS)
    assert found["marks"] == ContextFlag.EVENT_TIME_ASSUMED
    assert found["stream"] == 0
    assert all(math.isnan(value) for value in one.values)


def test_an_event_time_of_the_sender_is_not_assumed() -> None:
    found = fields_of(parse_offered(context_json(1, event_ns=7)))
    assert found["event_ns"] == 7
    assert found["marks"] == 0


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"null", b"[]", b"{", b'{"feed":"d"}', b"\xff", b'"text"', b"{}}"),
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"bid":NaN}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"bid":Infinity}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"bid":1e999}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"sequence":1}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"\\u0066eed":"d"}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"bid":null,"bid":1.5}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"type":"live.decided.v1"}',
        b'{"feed":"d\\n","symbol":"fxcm:EURUSD","sequence":1}',
        b'{"feed":"d","symbol":"fxcm:EURUSD\\n","sequence":1}',
        b'{"feed":"\\ud800","symbol":"fxcm:EURUSD","sequence":1}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":9007199254740993}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":9223372036854775808}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":-1}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1.5}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":true}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":null}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"sequenced":"yes"}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"bid":"1.5"}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1,"more":1}',
        b'{"feed":"d","symbol":"fxcm:EURUSD","sequence":1} {}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_context_or_could_be_two_is_refused(line: bytes) -> None:
    assert "the context" in malformed(line)


def test_a_line_as_long_as_may_be_is_read_and_a_longer_one_is_not_looked_at() -> None:
    line = context_json(1)
    padded = line + b" " * (LINE_BYTES_MAX - len(line))
    assert parse_offered(padded).sequence == 1
    assert "at most" in malformed(padded + b" ")


def test_what_is_told_of_a_bad_line_is_short() -> None:
    assert len(malformed(json.dumps({"feed": "x" * 10_000}).encode())) < 500


def test_a_large_number_comes_as_text() -> None:
    assert parse_offered(context_json(1, event_ns=str(2**53))).event_ns == 2**53
    malformed(context_json(1, event_ns=2**53))


@given(
    body=st.dictionaries(KEYS, VALUES, max_size=6),
    usual=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_a_line_is_taken_exactly_where_the_strict_reader_and_the_model_take_it(
    body: dict[str, object], *, usual: bool, indent: int | None
) -> None:
    merged = {**json.loads(context_json(3)), **body} if usual else body
    line = json.dumps(merged, indent=indent).encode()
    try:
        model = ContextOffered.model_validate(parse_json_object(line))
    except (JsonRefusedError, ValidationError):
        malformed(line)
        return
    one = parse_offered(line)
    assert one.context_id == offered_context_id(
        model.feed, model.symbol, model.stream, model.sequence
    )
    assert (one.event_ns, one.receive_ns) == (model.event_ns, model.receive_ns)
    expected = [
        math.nan if value is None else value
        for value in (
            *(model.bid, model.ask, model.bid_size, model.ask_size, model.last, model.last_size),
        )
    ]
    assert str(list(one.values)) == str([float(value) for value in expected])


@given(key=st.sampled_from(list(ContextOffered.model_fields)), value=VALUES)
def test_a_key_that_comes_twice_is_refused_whatever_it_says(key: str, value: object) -> None:
    line = json.dumps({**json.loads(context_json(1)), key: value}).encode()
    malformed(line[:-1] + f',"{key}":{json.dumps(value)}'.encode() + b"}")


def test_every_stream_that_may_be_named_has_its_number() -> None:
    names = get_args(ContextOffered.model_fields["stream"].annotation)
    assert [parse_offered(context_json(1, stream=name)).stream for name in names] == [0, 1, 2, 3]
