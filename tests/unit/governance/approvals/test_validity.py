"""The approval that holds now, or the code why there is none."""

from __future__ import annotations

import pytest

from tests.support.governance.approving import CANDIDATE, DAY_S, PROMOTION, manifest, policy
from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.governance.promoting import answer, later, signed_approval, someone
from torghut.governance.approvals.approval import UseApproval
from torghut.governance.approvals.state import ApprovalState
from torghut.governance.approvals.validity import (
    Approved,
    NotApproved,
    best_approval,
    valid_approval,
)


def at(state: ApprovalState, after_s: int, *, needed: int = 1) -> Approved | NotApproved:
    return valid_approval(
        state, START_NS + after_s * SECOND_NS, policy(grants_required=needed), CANDIDATE
    )


def code(found: Approved | NotApproved) -> str:
    return found.code if isinstance(found, NotApproved) else "approved"


def test_a_grant_holds_until_it_expires() -> None:
    state = signed_approval(answer("author", "request"), answer("ben", "grant")).state

    found = at(state, DAY_S - 1)

    assert isinstance(found, Approved)
    assert (found.promotion, found.approvers) == (PROMOTION, (someone("ben"),))
    assert found.expires_at_ns == START_NS + DAY_S * SECOND_NS
    assert code(at(state, DAY_S)) == "approvals.expired"


def test_with_two_needed_it_holds_until_the_first_of_the_last_two_expires() -> None:
    stream = signed_approval(answer("author", "request"), answer("ben", "grant", for_s=3600))
    assert code(at(stream.state, 0, needed=2)) == "approvals.grants-missing"
    stream.send(answer("eve", "grant"))

    both = at(stream.state, 0, needed=2)

    assert isinstance(both, Approved)
    assert both.expires_at_ns == START_NS + 3600 * SECOND_NS
    assert code(at(stream.state, 3600, needed=2)) == "approvals.expired"
    assert code(at(stream.state, 3600, needed=1)) == "approved"


def test_a_clock_that_runs_back_brings_nothing_back() -> None:
    stream = signed_approval(answer("author", "request"), answer("ben", "grant", for_s=60))
    stream.send(later(answer("eve", "grant"), 61))

    found = at(stream.state, 0)

    assert isinstance(found, Approved)
    assert found.approvers == (someone("eve"),)


def test_it_is_for_one_candidate() -> None:
    state = signed_approval(answer("author", "request"), answer("ben", "grant")).state

    found = valid_approval(state, START_NS, policy(), "00" * 32)

    assert code(found) == "approvals.candidate-mismatch"


def test_nothing_asked_is_nothing_approved() -> None:
    assert code(at(ApprovalState(), 0)) == "approvals.not-requested"


@pytest.mark.parametrize(
    ("verb", "expected"), [("deny", "approvals.denied"), ("revoke", "approvals.revoked")]
)
def test_what_is_over_holds_no_more(verb: str, expected: str) -> None:
    stream = signed_approval(answer("author", "request"), answer("ben", "grant"))
    stream.send(answer("eve", "deny") if verb == "deny" else answer("eve", "revoke"))

    assert code(at(stream.state, 0)) == expected


def test_what_served_its_promotion_holds_no_more() -> None:
    stream = signed_approval(answer("author", "request"), answer("ben", "grant"))
    stream.send(
        UseApproval(
            promotion_id="promotion-1",
            manifest=manifest("live"),
            notional_cap=PROMOTION.notional_cap,
            at_ns=START_NS,
            policy=policy(),
        )
    )

    assert code(at(stream.state, 0)) == "approvals.used-up"


def test_of_several_the_one_that_holds_longest_is_found() -> None:
    request = answer("author", "request")
    short = signed_approval(request, answer("ben", "grant", for_s=60)).state
    long = signed_approval(request, answer("ben", "grant", for_s=3600)).state
    over = signed_approval(request, answer("ben", "deny")).state

    found = best_approval({"a": short, "b": long, "c": over}, START_NS, policy(), CANDIDATE)

    assert not isinstance(found, NotApproved)
    assert found[0] == "b"


def test_where_none_holds_the_newest_reason_is_told() -> None:
    request = answer("author", "request")
    denied = signed_approval(request, answer("ben", "deny")).state
    asked = signed_approval(request).state

    def reason(states: dict[str, ApprovalState], candidate: str = CANDIDATE) -> str:
        found = best_approval(states, START_NS, policy(), candidate)
        return found.code if isinstance(found, NotApproved) else "approved"

    assert reason({}) == "approvals.not-requested"
    assert reason({"a": denied}, "00" * 32) == "approvals.not-requested"
    assert reason({"a": denied, "b": asked}) == "approvals.grants-missing"
    assert reason({"a": asked, "b": denied}) == "approvals.denied"
