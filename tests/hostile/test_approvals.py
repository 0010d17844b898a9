"""Whatever becomes of an envelope on its way, it says what was signed, or it says nothing."""

from __future__ import annotations

import base64
import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.governance.approving import PROMOTION
from tests.support.governance.promoting import (
    ID,
    answer,
    fingerprint_of,
    key_of,
    keyring,
    signed_approval,
)
from torghut.governance.approvals.approval import APPROVAL
from torghut.governance.approvals.errors import ApprovalError
from torghut.governance.approvals.signing import (
    PAYLOAD_TYPE,
    read_signed,
    sign_statement,
    statement_of,
    verified,
)
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.governing.approvals import APPROVAL_EVENT, ApprovalEvent

ENVELOPE: Final = answer("ben", "grant").envelope
MEANT: Final = read_signed(ENVELOPE, keyring())[0]
EVENTS: Final = signed_approval(answer("author", "request"), answer("ben", "grant")).events()


def says_nothing_else(envelope: bytes) -> None:
    """Check that an envelope says what Ben signed, or nothing."""
    try:
        statement, holder = read_signed(envelope, keyring())
    except ApprovalError:
        return
    assert (statement, holder.person.key) == (MEANT, fingerprint_of("ben"))


@pytest.mark.slow
def test_no_single_changed_byte_says_something_else() -> None:
    for place in range(len(ENVELOPE)):
        for byte in (ENVELOPE[place] ^ 1, ENVELOPE[place] ^ 0x20, 0):
            says_nothing_else(ENVELOPE[:place] + bytes([byte]) + ENVELOPE[place + 1 :])


@given(cut=st.integers(0, len(ENVELOPE)), more=st.binary(max_size=40))
def test_no_cut_or_longer_envelope_says_something_else(cut: int, more: bytes) -> None:
    says_nothing_else(ENVELOPE[:cut] + more + ENVELOPE[cut:])
    says_nothing_else(ENVELOPE[:cut] + more)


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_bytes_from_nowhere_say_nothing(body: bytes) -> None:
    says_nothing_else(body)


@given(seed=st.binary(min_size=32, max_size=32), claimed=st.sampled_from(["ben", "eve", "clock"]))
def test_no_other_key_signs_in_a_declared_name(seed: bytes, claimed: str) -> None:
    statement = statement_of(ID, "grant", PROMOTION, expires_at_ns=1)
    envelope = json.loads(sign_statement(statement, key_of(seed.hex())))
    envelope["signatures"][0]["keyid"] = fingerprint_of(claimed)

    says_nothing_else(canonical_bytes(envelope))


def test_a_payload_that_reads_in_two_ways_says_nothing() -> None:
    stated = MEANT.model_dump(mode="json")
    twice = json.dumps(stated)[:-1] + ', "approval": "another"}'
    signature = json.loads(ENVELOPE)["signatures"]
    payload = base64.b64encode(twice.encode()).decode()

    says_nothing_else(
        canonical_bytes({"payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": signature})
    )


@given(order=st.permutations(range(len(EVENTS))), length=st.integers(0, len(EVENTS)))
def test_no_other_order_of_recorded_events_grants_more(order: list[int], length: int) -> None:
    shuffled: list[ApprovalEvent] = [EVENTS[place] for place in order[:length]]

    state = APPROVAL.fold(verified(shuffled, ID, keyring()))

    assert len(state.grants) <= 1
    for grant in state.grants:
        assert grant in EVENTS


@given(field=st.sampled_from(["expires_at_ns", "role", "approver", "promotion"]))
def test_no_field_of_a_recorded_grant_can_be_another(field: str) -> None:
    requested, under_request, granted, under_grant = EVENTS
    other: dict[str, object] = {
        "expires_at_ns": "1700000000000000001",
        "role": "model",
        "approver": {"name": "production", "key": fingerprint_of("eve")},
        "promotion": {**PROMOTION.model_dump(mode="json"), "notional_cap": "999999999"},
    }
    changed = APPROVAL_EVENT.validate_python(
        granted.model_dump(mode="json") | {field: other[field]}
    )

    state = APPROVAL.fold(verified([requested, under_request, changed, under_grant], ID, keyring()))

    assert state.grants == ()
