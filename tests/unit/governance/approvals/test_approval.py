"""An approval is for one promotion, by somebody else than the author, and not for long."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from tests.support.governance.approving import (
    CANDIDATE,
    DAY_S,
    EVE,
    PROMOTION,
    approval,
    deny,
    grant,
    granted,
    manifest,
    policy,
    request,
    revoke,
    use,
)
from tests.support.governance.governing import ANN, BEN, SECOND_NS, START_NS, person
from torghut.governance.approvals.approval import ApprovalCommand
from torghut.governance.approvals.errors import (
    ApprovalError,
    AuthorApprovesError,
    CandidateMismatchError,
    ContentHashMismatchError,
    DeniedError,
    ExpiredError,
    ExpiryTooLongError,
    GrantsMissingError,
    ManifestNotFinalError,
    ManifestNotPassingError,
    ManifestTargetError,
    ManifestUnsignedError,
    NotionalCapExceededError,
    NotionalCapMismatchError,
    NotRequestedError,
    RequestMismatchError,
    RevokedError,
    RoleMissingError,
    SameKeyError,
    UsedUpError,
)
from torghut.governance.safety.errors import ReasonMissingError
from torghut.schemas.governing.approvals import (
    ApprovalDenied,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalRevoked,
    ApprovalUsed,
    Promotion,
)
from torghut.schemas.governing.fields import Person

OTHER: Final = "00" * 32


def promotion(**changes: str) -> Promotion:
    """Return what is asked for, but for ``changes``."""
    return Promotion.model_validate(PROMOTION.model_dump(mode="json") | changes)


def test_promotion_is_asked_for_granted_and_used_once() -> None:
    stream = approval()

    (asked,) = stream.send(request())
    (allowed,) = stream.send(grant())
    (used,) = stream.send(use())

    assert isinstance(asked, ApprovalRequested)
    assert isinstance(allowed, ApprovalGranted)
    assert isinstance(used, ApprovalUsed)
    assert used.approvers == (BEN,)
    assert used.live_manifest == manifest("live").content_hash
    with pytest.raises(UsedUpError):
        stream.send(use(promotion_id="promotion-2"))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"finalised": False}, ManifestNotFinalError),
        ({"signed": False}, ManifestUnsignedError),
        ({"status": "fail"}, ManifestNotPassingError),
        ({"target": "live"}, ManifestTargetError),
        ({"candidate": OTHER}, CandidateMismatchError),
        ({"content_hash": OTHER}, ContentHashMismatchError),
    ],
)
def test_only_a_final_signed_passing_paper_manifest_of_the_candidate_speaks_for_it(
    change: dict[str, object], refusal: type[ApprovalError]
) -> None:
    with pytest.raises(refusal):
        approval().send(replace(request(), manifest=manifest("paper", **change)))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"finalised": False}, ManifestNotFinalError),
        ({"signed": False}, ManifestUnsignedError),
        ({"status": "fail"}, ManifestNotPassingError),
        ({"target": "paper"}, ManifestTargetError),
        ({"candidate": OTHER}, CandidateMismatchError),
    ],
)
def test_only_the_candidates_own_final_signed_passing_live_manifest_uses_it(
    change: dict[str, object], refusal: type[ApprovalError]
) -> None:
    stream = granted()

    with pytest.raises(refusal):
        stream.send(replace(use(), manifest=manifest("live", **change)))
    assert stream.state.used is None


@pytest.mark.parametrize(
    ("signed", "refusal"),
    [
        (promotion(manifest=OTHER), ContentHashMismatchError),
        (promotion(candidate=OTHER), CandidateMismatchError),
        (promotion(notional_cap="100001"), NotionalCapMismatchError),
        (promotion(notional_cap="99999"), NotionalCapMismatchError),
    ],
)
def test_grant_is_for_exactly_what_was_asked(
    signed: Promotion, refusal: type[ApprovalError]
) -> None:
    stream = approval()
    stream.send(request())

    with pytest.raises(refusal):
        stream.send(replace(grant(), promotion=signed))


@pytest.mark.parametrize("name", ["ann", "ann-under-another-name"])
def test_author_cannot_approve_under_whatever_name(name: str) -> None:
    stream = approval()
    stream.send(request())

    with pytest.raises(AuthorApprovesError):
        stream.send(grant(who=Person(name=name, key=ANN.key)))


def test_signer_needs_a_role_that_may_approve() -> None:
    stream = approval()
    stream.send(request())

    with pytest.raises(RoleMissingError):
        stream.send(replace(grant(), roles=frozenset({"model", "security"})))
    with pytest.raises(RoleMissingError):
        stream.send(replace(grant(), roles=frozenset()))


def test_grant_holds_for_a_day_at_most() -> None:
    stream = approval()
    stream.send(request())

    with pytest.raises(ExpiryTooLongError):
        stream.send(grant(for_s=DAY_S + 1))
    with pytest.raises(ExpiredError):
        stream.send(grant(for_s=0))
    assert len(stream.send(grant(for_s=DAY_S))) == 1


def test_grant_that_has_expired_is_of_no_use() -> None:
    stream = granted(for_s=3600)

    with pytest.raises(ExpiredError):
        stream.send(use(after_s=3600))
    assert len(stream.send(use(after_s=3599))) == 1


def test_clock_that_is_set_back_revives_nothing() -> None:
    stream = granted(for_s=3600)
    stream.send(grant(who=EVE, after_s=3601, for_s=60))

    (used,) = stream.send(use(after_s=0))

    assert isinstance(used, ApprovalUsed)
    assert used.approvers == (EVE,)


def test_grant_by_an_expired_key_can_be_given_anew() -> None:
    stream = granted(for_s=60)

    (again,) = stream.send(grant(after_s=61, for_s=3600))

    assert isinstance(again, ApprovalGranted)
    assert len(stream.send(use(after_s=70))) == 1


def test_two_persons_are_two_keys() -> None:
    two = policy(grants_required=2)
    stream = approval()
    stream.send(request())
    stream.send(grant(for_s=3600))
    same = Person(name="somebody-else", key=BEN.key)
    with pytest.raises(SameKeyError):
        stream.send(grant(who=same, for_s=3000))
    with pytest.raises(GrantsMissingError):
        stream.send(replace(use(), policy=two))

    stream.send(grant(who=EVE))
    (used,) = stream.send(replace(use(), policy=two))

    assert isinstance(used, ApprovalUsed)
    assert {one.key for one in used.approvers} == {BEN.key, EVE.key}


def test_two_keys_under_one_name_are_two_persons() -> None:
    stream = granted()
    stream.send(grant(who=Person(name=BEN.name, key=EVE.key)))

    (used,) = stream.send(replace(use(), policy=policy(grants_required=2)))

    assert isinstance(used, ApprovalUsed)
    assert len(used.approvers) == 2


def test_second_grant_must_hold_too() -> None:
    stream = granted(for_s=60)
    stream.send(grant(who=EVE, for_s=3600))

    with pytest.raises(ExpiredError):
        stream.send(replace(use(after_s=61), policy=policy(grants_required=2)))


def test_promotion_trades_no_more_than_was_approved() -> None:
    stream = granted()

    with pytest.raises(NotionalCapExceededError):
        stream.send(replace(use(), notional_cap=Decimal("100000.01")))
    assert len(stream.send(replace(use(), notional_cap=Decimal(1)))) == 1


def test_without_a_grant_nothing_is_used() -> None:
    stream = approval()
    stream.send(request())

    with pytest.raises(GrantsMissingError):
        stream.send(use())
    with pytest.raises(GrantsMissingError):
        stream.send(revoke())


@pytest.mark.parametrize("command", [grant(), deny(), revoke(), use()])
def test_without_a_request_there_is_nothing_to_answer(command: ApprovalCommand) -> None:
    with pytest.raises(NotRequestedError):
        approval().send(command)


def test_denied_request_is_over() -> None:
    stream = approval()
    stream.send(request())
    (event,) = stream.send(deny())

    assert isinstance(event, ApprovalDenied)
    with pytest.raises(DeniedError):
        stream.send(grant())
    with pytest.raises(DeniedError):
        stream.send(use())


def test_revoked_approval_is_over() -> None:
    stream = granted()
    (event,) = stream.send(revoke())

    assert isinstance(event, ApprovalRevoked)
    with pytest.raises(RevokedError):
        stream.send(use())
    with pytest.raises(RevokedError):
        stream.send(grant(who=EVE))


def test_what_was_used_cannot_be_revoked() -> None:
    stream = granted()
    stream.send(use())

    with pytest.raises(UsedUpError):
        stream.send(revoke())


def test_who_says_no_says_why() -> None:
    stream = granted()

    with pytest.raises(ReasonMissingError):
        stream.send(replace(deny(), reason=" "))
    with pytest.raises(ReasonMissingError):
        stream.send(replace(revoke(), reason="x" * 501))


def test_another_request_has_a_stream_of_its_own() -> None:
    stream = approval()
    stream.send(request())

    with pytest.raises(RequestMismatchError):
        stream.send(replace(request(), author=person("carl")))


def test_commands_that_are_delivered_twice_change_nothing() -> None:
    stream = approval()
    for command in (request(), grant(), use()):
        stream.send(command)
        assert stream.send(command) == []
    ended = granted()
    ended.send(revoke())
    assert ended.send(revoke()) == []
    denied = approval()
    denied.send(request())
    denied.send(deny())
    assert denied.send(deny()) == []


def test_candidate_is_named_in_what_is_used() -> None:
    (used,) = granted().send(use())

    assert isinstance(used, ApprovalUsed)
    assert used.promotion.candidate == CANDIDATE
    assert used.at_ns == START_NS + SECOND_NS
