"""What was asked and answered is kept under its digest, and answers for the endpoint later."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.artifacts import InMemoryArtifacts
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.reasoning.record import AdviceRecord, ModelParameters
from torghut.workflows.reasoning.ports import Call
from torghut.workflows.reasoning.probing import PROBE
from torghut.workflows.reasoning.recording import (
    AdviceRecordAlteredError,
    AdviceRecordMissingError,
    CallUnrecordedError,
    NoReplyRecordedError,
    RecordedCaller,
    keep_record,
    load_record,
    record_path,
    recorded_calls,
)

BODY: Final[JsonObject] = {"model": "m1", "messages": [{"role": "user", "content": "?"}]}


def call(reply: bytes | None, code: str = "") -> Call:
    """Return a call of the first step."""
    request = sha256_hex(canonical_bytes(BODY))
    return Call(
        step="signal", request=request, reply=reply, tokens=None, elapsed_ns=1_000_000, code=code
    )


def record(*calls: Call) -> AdviceRecord:
    """Return the record of a question."""
    return AdviceRecord(
        context_id=f"{'cd' * 16}:binance-spot:ETHUSDT:quote:7",
        program=None,
        parameters=ModelParameters(model="m1"),
        confidence_min=0.5,
        shown=PROBE,
        calls=recorded_calls(calls),
        resolution="approve",
        factor=None,
        confidence=0.8,
        code="",
    )


def replied(kept: AdviceRecord, body: JsonObject = BODY) -> bytes:
    """Return what a record replies."""
    return asyncio.run(
        RecordedCaller(kept.calls).call(canonical_bytes(body), step="signal", deadline_ns=0)
    )


@given(st.binary(max_size=200))
def test_whatever_came_is_replied_again_to_the_byte(reply: bytes) -> None:
    store = InMemoryArtifacts()

    digest = keep_record(store, record(call(reply)))

    assert replied(load_record(store, digest)) == reply


def test_request_of_other_words_is_a_miss() -> None:
    with pytest.raises(CallUnrecordedError) as miss:
        replied(record(call(b"{}")), {**BODY, "seed": 1})
    assert miss.value.code == "reasoning.call-unrecorded"


def test_call_without_a_reply_has_none_again_and_says_why() -> None:
    with pytest.raises(NoReplyRecordedError) as none:
        replied(record(call(None, "reasoning.deadline")))
    assert none.value.found == "reasoning.deadline"


def test_record_that_is_kept_twice_is_one() -> None:
    store = InMemoryArtifacts()

    digests = {keep_record(store, record(call(b"{}"))) for _ in range(2)}

    assert store.paths() == [record_path(digests.pop())]


def test_record_that_is_not_here_is_missing_with_its_name() -> None:
    with pytest.raises(AdviceRecordMissingError, match="ab" * 32):
        load_record(InMemoryArtifacts(), "ab" * 32)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff"])
def test_other_bytes_are_no_record(body: bytes) -> None:
    digest = sha256_hex(body)
    store = InMemoryArtifacts({record_path(digest): body, record_path("ab" * 32): body})

    for cited in (digest, "ab" * 32):
        with pytest.raises(AdviceRecordAlteredError):
            load_record(store, cited)
