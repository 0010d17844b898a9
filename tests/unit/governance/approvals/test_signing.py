"""Only what a declared key signed gets on record, and only what it signed holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest

from tests.support.governance.approving import CANDIDATE, PROMOTION, manifest
from tests.support.governance.promoting import (
    ID,
    ROLES_OF,
    answer,
    key_of,
    keyring,
    later,
    signed_approval,
    someone,
)
from torghut.artifacts.signatures import sign_payload
from torghut.governance.approvals.approval import APPROVAL
from torghut.governance.approvals.errors import (
    ApprovalError,
    AuthorApprovesError,
    ExpiredError,
    KeyUndeclaredError,
    NotRequestedError,
    RevokedError,
    RoleMissingError,
    SameKeyError,
    SignatureInvalidError,
    StatementMismatchError,
)
from torghut.governance.approvals.signing import (
    PAYLOAD_TYPE,
    Answer,
    read_signed,
    sign_statement,
    statement_of,
    verified,
)
from torghut.kernel.canonical import JsonValue, canonical_bytes
from torghut.schemas.governing.approvals import (
    ApprovalEvent,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalSigned,
    Promotion,
    Verb,
)

OTHER: Final = Promotion.model_validate(
    PROMOTION.model_dump(mode="json") | {"notional_cap": "100001"}
)
REQUEST: Final = answer("author", "request")
GRANT: Final = answer("ben", "grant")


def test_each_answer_stands_beside_its_signature() -> None:
    stream = signed_approval(REQUEST, GRANT)

    requested, under_request, granted, under_grant = stream.events()

    assert isinstance(requested, ApprovalRequested)
    assert requested.author == someone("author")
    assert isinstance(granted, ApprovalGranted)
    assert (granted.approver, granted.role) == (someone("ben"), "production")
    for event, given in ((under_request, REQUEST), (under_grant, GRANT)):
        assert isinstance(event, ApprovalSigned)
        assert event.envelope.encode() == given.envelope
        assert read_signed(event.envelope.encode(), keyring())[0].approval == ID


def test_the_same_answer_again_changes_nothing() -> None:
    stream = signed_approval(REQUEST, GRANT)

    assert stream.send(REQUEST) == []
    assert stream.send(GRANT) == []


@pytest.mark.parametrize("verb", ["deny", "revoke"])
def test_anybody_declared_may_end_it(verb: Verb) -> None:
    stream = signed_approval(REQUEST, GRANT)

    stream.send(answer("mel", verb))

    with pytest.raises(ApprovalError):
        stream.send(answer("eve", "grant"))


def test_the_author_cannot_grant_though_their_key_is_declared_in_a_role_that_may() -> None:
    stream = signed_approval(answer("ben", "request"))

    with pytest.raises(AuthorApprovesError):
        stream.send(GRANT)
    stream.send(answer("eve", "grant"))


@pytest.mark.parametrize("who", ["mel", "clock"])
def test_a_role_that_may_not_grant_cannot(who: str) -> None:
    with pytest.raises(RoleMissingError):
        signed_approval(REQUEST).send(answer(who, "grant"))


def test_two_persons_are_two_keys() -> None:
    stream = signed_approval(REQUEST, GRANT)

    with pytest.raises(SameKeyError):
        stream.send(later(answer("ben", "grant", for_s=3600), 1))
    stream.send(answer("eve", "grant"))


def test_a_grant_that_ran_out_before_it_was_handed_in_is_refused() -> None:
    with pytest.raises(ExpiredError):
        signed_approval(REQUEST).send(later(answer("ben", "grant", for_s=60), 60))


def test_a_grant_handed_in_after_the_revocation_is_refused() -> None:
    stream = signed_approval(REQUEST, GRANT, answer("eve", "revoke"))

    with pytest.raises(RevokedError):
        stream.send(GRANT)


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_a_key_that_is_not_declared_says_nothing(who: str) -> None:
    with pytest.raises(KeyUndeclaredError):
        signed_approval(REQUEST).send(answer(who, "grant"))


@pytest.mark.parametrize(
    "given",
    [
        replace(answer("ben", "grant", approval="another-approval"), approval=ID),
        replace(answer("ben", "deny"), reason="another reason"),
        answer("ben", "deny", promotion=OTHER),
        answer("ben", "revoke", promotion=OTHER),
    ],
    ids=["approval", "reason", "denied-promotion", "revoked-promotion"],
)
def test_what_was_signed_about_something_else_does_not_fit(given: Answer) -> None:
    with pytest.raises(StatementMismatchError):
        signed_approval(REQUEST).send(given)


@pytest.mark.parametrize("field", ["manifest", "candidate", "notional_cap"])
def test_a_grant_for_another_promotion_does_not_fit(field: str) -> None:
    changed = {"manifest": "00" * 32, "candidate": "00" * 32, "notional_cap": "1"}[field]
    other = Promotion.model_validate(PROMOTION.model_dump(mode="json") | {field: changed})

    with pytest.raises(ApprovalError):
        signed_approval(REQUEST).send(answer("ben", "grant", promotion=other))


def test_a_request_needs_what_the_manifest_was_verified_to_say() -> None:
    with pytest.raises(NotRequestedError):
        signed_approval(replace(REQUEST, manifest=None))


def forged(**changes: object) -> bytes:
    """Return Ben's grant with something in its envelope changed."""
    envelope = json.loads(GRANT.envelope)
    return canonical_bytes(envelope | changes)


def payload(statement: JsonValue) -> bytes:
    """Return a statement that Ben did sign, whatever it is."""
    return sign_payload(canonical_bytes(statement), PAYLOAD_TYPE, key_of("ben"))


STATED: Final = statement_of(ID, "grant", PROMOTION, expires_at_ns=1).model_dump(mode="json")


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        b"no envelope",
        GRANT.envelope[:-1],
        forged(payloadType="application/vnd.in-toto+json"),
        forged(payload=json.loads(answer("ben", "grant", for_s=60).envelope)["payload"]),
        forged(signatures=json.loads(answer("ben", "grant", for_s=60).envelope)["signatures"]),
        forged(signatures=json.loads(GRANT.envelope)["signatures"] * 2),
        forged(signatures=[]),
        sign_payload(b"{}", PAYLOAD_TYPE, key_of("ben")),
        sign_payload(canonical_bytes(STATED) + b" ", PAYLOAD_TYPE, key_of("ben")),
        sign_payload(json.dumps(STATED, indent=1).encode(), PAYLOAD_TYPE, key_of("ben")),
        payload(STATED | {"verb": "allow"}),
        payload(STATED | {"verb": "deny"}),
        payload(STATED | {"expires_at_ns": None}),
        payload(STATED | {"more": "to say"}),
        payload([STATED]),
    ],
)
def test_what_is_no_signed_statement_says_nothing(envelope: bytes) -> None:
    stream = signed_approval(REQUEST)

    with pytest.raises(SignatureInvalidError):
        stream.send(replace(GRANT, envelope=envelope))


def test_a_signature_in_the_name_of_another_key_says_nothing() -> None:
    mine = sign_statement(statement_of(ID, "grant", PROMOTION, expires_at_ns=1), key_of("mel"))
    claimed = json.loads(GRANT.envelope)["signatures"][0]["keyid"]
    signature = {**json.loads(mine)["signatures"][0], "keyid": claimed}

    with pytest.raises(SignatureInvalidError):
        signed_approval(REQUEST).send(replace(GRANT, envelope=forged(signatures=[signature])))


def held(*events: ApprovalEvent, without: str = "", roles: dict[str, str] | None = None) -> int:
    """Return how many grants hold for a reader whose owners do not declare ``without``."""
    known = {name: role for name, role in (roles or ROLES_OF).items() if name != without}
    state = APPROVAL.fold(verified(events, ID, keyring(known)))
    return 0 if state.requested is None else len(state.grants)


def test_whoever_reads_verifies_again() -> None:
    events = signed_approval(REQUEST, GRANT, answer("eve", "grant")).events()

    assert held(*events) == 2
    assert held(*events, without="ben") == 1
    assert held(*events, without="author") == 0
    assert held(*events, roles={**ROLES_OF, "ben": "model"}) == 1


def test_what_somebody_only_wrote_into_the_log_grants_nothing() -> None:
    requested, under_request, granted, under_grant = signed_approval(REQUEST, GRANT).events()
    assert isinstance(granted, ApprovalGranted)
    longer = granted.model_dump() | {"expires_at_ns": granted.expires_at_ns + 1}
    by_eve = granted.model_dump() | {"approver": someone("eve").model_dump()}

    assert held(requested, under_request, granted) == 0
    assert held(requested, under_request, granted, under_request) == 0
    assert held(requested, under_request, ApprovalGranted.model_validate(longer), under_grant) == 0
    assert held(requested, under_request, ApprovalGranted.model_validate(by_eve), under_grant) == 0
    assert held(requested, granted, under_grant) == 0
    assert held(requested, under_request, granted, under_grant) == 1


def test_the_envelope_of_another_approval_does_not_hold_here() -> None:
    requested, under_request, granted, under_grant = signed_approval(REQUEST, GRANT).events()
    elsewhere = list(
        verified([requested, under_request, granted, under_grant], "another-approval", keyring())
    )

    assert not any(isinstance(one, ApprovalRequested | ApprovalGranted) for one in elsewhere)


def test_facts_of_a_manifest_are_about_the_candidate() -> None:
    assert manifest("paper").candidate == CANDIDATE
