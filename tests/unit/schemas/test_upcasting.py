"""Messages of any version are read as the newest; nothing else is taken for a message."""

from __future__ import annotations

import json
from typing import Final, Literal

import pytest

from tests.fakes.eventlog import make_block
from torghut.eventlog.block import Head
from torghut.kernel.canonical import JsonObject, JsonRefusedError
from torghut.schemas.block import (
    BlockRecords,
    RepeatedControl,
    read_block_header,
    read_block_records,
)
from torghut.schemas.types import Message
from torghut.schemas.upcasting import (
    STEPS,
    MessageContentError,
    MessageTypeError,
    read_message,
    upcast,
)


class Observed(Message):
    """A made-up event in its third version."""

    type: Literal["probe.observed.v3"] = "probe.observed.v3"
    price_usd: float
    venue: str


def _v1_to_v2(old: JsonObject) -> JsonObject:
    rest = {key: value for key, value in old.items() if key != "price"}
    return {**rest, "type": "probe.observed.v2", "price_usd": old["price"]}


def _v2_to_v3(old: JsonObject) -> JsonObject:
    return {**old, "type": "probe.observed.v3", "venue": "fxcm"}


MADE_UP: Final = {"probe.observed.v1": _v1_to_v2, "probe.observed.v2": _v2_to_v3}
MODELS: Final = {"probe.observed.v3": Observed}


@pytest.mark.parametrize(
    "stored",
    [
        b'{"type": "probe.observed.v1", "price": 1.5}',
        b'{"type": "probe.observed.v2", "price_usd": 1.5}',
        b'{"type": "probe.observed.v3", "price_usd": 1.5, "venue": "fxcm"}',
    ],
)
def test_every_version_is_read_as_the_newest(stored: bytes) -> None:
    assert read_message(stored, MODELS, MADE_UP) == Observed(price_usd=1.5, venue="fxcm")


def test_newest_message_is_left_as_it_is() -> None:
    payload: JsonObject = {"type": "probe.observed.v3"}

    assert upcast(payload, MADE_UP) is payload


def test_step_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="next version"):
        upcast({"type": "probe.observed.v1"}, {"probe.observed.v1": dict})


@pytest.mark.parametrize("stored", [b"{}", b'{"type": "probe.observed.v9"}', b'{"type": null}'])
def test_unknown_type_is_refused(stored: bytes) -> None:
    with pytest.raises(MessageTypeError):
        read_message(stored, MODELS, MADE_UP)


@pytest.mark.parametrize(
    "change", [{"price_usd": "1.5 USD"}, {"more": 1}, {"venue": None}, {"price_usd": None}]
)
def test_content_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    stored = {"type": "probe.observed.v3", "price_usd": 1.5, "venue": "fxcm", **change}

    with pytest.raises(MessageContentError) as refused:
        read_message(json.dumps(stored).encode(), MODELS, MADE_UP)
    (place,) = change
    found = str(change[place])
    assert (refused.value.place, refused.value.found) == (place, found)
    assert f"{place}: expected what the schema of probe.observed.v3 says, found {found}" in str(
        refused.value
    )


@pytest.mark.parametrize("stored", [b"[]", b"{", b'{"type": 1, "type": 2}', b'{"a": NaN}'])
def test_ambiguous_json_is_refused(stored: bytes) -> None:
    with pytest.raises(JsonRefusedError):
        read_message(stored, MODELS, MADE_UP)


def test_header_is_read_alike_by_the_short_way_and_by_the_long_one() -> None:
    stored = make_block(Head(partition=0)).header
    spaced = json.dumps(json.loads(stored)).encode()

    assert read_block_header(spaced) == read_block_header(stored)


def test_block_records_of_version_1_had_no_clashes() -> None:
    stored = b'{"type": "eventlog.block-records.v1", "repeated": [{"row": 3, "control_id": "s"}]}'

    records = read_block_records(stored)

    assert (len(records.repeated), records.refused) == (1, ())
    assert set(STEPS) == {"eventlog.block-records.v1", "eventlog.block-records.v2"}


def test_block_records_of_version_2_say_the_same_in_version_3() -> None:
    stored = b'{"type": "eventlog.block-records.v2", "repeated": [{"row": 3, "control_id": "s"}]}'

    records = read_block_records(stored)

    assert records == BlockRecords(repeated=(RepeatedControl(row=3, control_id="s"),))
