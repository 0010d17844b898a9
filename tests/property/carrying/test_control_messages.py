"""A control record is read as it was sent; whatever else a message says, it is told why not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.carrying.carried import WALL_NS, carried_control
from tests.support.decisions.loops import stop_record
from torghut.carrying.contexts import Unreadable
from torghut.carrying.controls import RECORD_BYTES_MAX, control_key, read_control
from torghut.carrying.messages import CORRELATION_ID, INGRESS_WALL_NS, SCHEMA, SPEED, Received
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import CONTROL_RECORD, ControlRecord, DepthSnapshot
from torghut.workflows.carrying.terms import CarriedTopics

GOLDEN: Final = sorted(
    (Path(__file__).parents[2] / "replay/golden/messages/events/control").rglob("*.json")
)


def record_of(path: Path) -> ControlRecord:
    """Return a control record of an earlier time."""
    return CONTROL_RECORD.validate_json(path.read_bytes())


def arrived(value: bytes | None) -> Received:
    """Return a record as it arrives."""
    return Received(4, b"k", value, (), 1)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_kind_of_record_is_read_as_it_was_sent(path: Path) -> None:
    record = record_of(path)
    message = carried_control(record)

    read = read_control(arrived(message.value))

    assert read == record
    headers = dict(message.headers)
    assert headers[SCHEMA] == f"control.{record.kind}.v{record.version}".encode()
    assert headers[CORRELATION_ID] == record.control_id.encode()
    assert (headers[INGRESS_WALL_NS], headers[SPEED]) == (b"%d" % WALL_NS, b"1.0")
    assert carried_control(record) == message


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_record_is_keyed_as_the_topic_that_carries_it_is(path: Path) -> None:
    record, topics = record_of(path), CarriedTopics()
    keyed = topics.of(record) in topics.keyed or isinstance(record, DepthSnapshot)

    assert control_key(record) == (record.symbol if keyed else record.control_id)


def test_stop_of_one_symbol_is_keyed_by_its_id() -> None:
    assert control_key(stop_record("c", "stopped", symbol="fxcm:EURUSD")) == "c"


HOSTILE = {
    "grave": (None, RefusalCode.UNDECODABLE),
    "nothing": (b"", RefusalCode.UNDECODABLE),
    "array": (b"[]", RefusalCode.UNDECODABLE),
    "no UTF-8": (b'{"kind":"\xff"}', RefusalCode.UNDECODABLE),
    "deep": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, RefusalCode.OVERSIZED_LINE),
    "less deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, RefusalCode.UNDECODABLE),
    "long": (b" " * (RECORD_BYTES_MAX + 1), RefusalCode.OVERSIZED_LINE),
    "no record": (b'{"kind":"stop"}', RefusalCode.WRONG_TYPE),
    "unknown kind": (b'{"kind":"go"}', RefusalCode.WRONG_TYPE),
}


@pytest.mark.parametrize(("value", "refusal"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_message_is_told_why_it_is_no_record(
    value: bytes | None, refusal: RefusalCode
) -> None:
    read = read_control(arrived(value))

    assert isinstance(read, Unreadable)
    assert read.refusal is refusal


def test_key_that_comes_twice_is_refused() -> None:
    value = carried_control(stop_record("c", "stopped")).value
    doubled = value.replace(b"{", b'{"state":"released",', 1)

    read = read_control(arrived(doubled))

    assert isinstance(read, Unreadable)
    assert read.refusal is RefusalCode.UNDECODABLE


@given(path=st.sampled_from(GOLDEN), at=st.integers(0, 300), put=st.binary(max_size=8))
def test_whatever_arrives_is_a_record_or_told_why_not(path: Path, at: int, put: bytes) -> None:
    value = carried_control(record_of(path)).value

    read = read_control(arrived(value[:at] + put + value[at + len(put) :]))

    if isinstance(read, Unreadable):
        assert read.refusal is not RefusalCode.NONE
    else:
        carried_control(read)
