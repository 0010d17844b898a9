"""Live is admitted only where the cycle allows it and this very candidate is approved."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.governing import person
from tests.lanes import SPEC, LaneWorld, made_work
from torghut.governance.approvals.validity import Approved, NotApproved
from torghut.schemas.governing.approvals import Promotion
from torghut.schemas.rollout.phases import Target
from torghut.workflows.lane.desk.admitting import ON_PAPER, Requested, admitting
from torghut.workflows.lane.ports import Admission

APPROVED = Approved(
    promotion=Promotion(
        manifest="ab" * 32, candidate="ca" * 32, target="live", notional_cap=Decimal(5000)
    ),
    approvers=(person("ben"),),
    expires_at_ns=1,
)
REFUSED = NotApproved(code="approvals.expired", says="expired")


def admitted(
    asked: Target, requested: Requested = ON_PAPER, found: Approved | NotApproved = APPROVED
) -> Admission:
    """Return what a candidate is admitted for."""
    wanted: list[str] = []

    async def approving(candidate: str) -> Approved | NotApproved:
        wanted.append(candidate)
        return found

    async def run() -> Admission:
        work = await made_work(LaneWorld(target=asked))
        return await admitting(requested, approving)(work.submission, work)

    admission = asyncio.run(run())
    assert wanted in ([], [SPEC.package])
    return admission


ALLOWED: Requested = {**ON_PAPER, "live": ("live", ())}


def test_paper_is_admitted_without_more() -> None:
    found = admitted("paper", ALLOWED)

    assert (found.target, found.missing) == ("paper", ())
    assert found.rollback_target == "fx-intraday@cbcbcbcbcbcb"


def test_live_that_is_allowed_and_approved_is_admitted_up_to_its_cap() -> None:
    found = admitted("live", ALLOWED)

    assert (found.target, found.missing) == ("live", ())
    assert (found.approver, found.notional_cap) == ("ben", 5000.0)


@pytest.mark.parametrize(
    ("requested", "found", "missing"),
    [
        (ON_PAPER, APPROVED, ("admission-not-decided",)),
        ({**ON_PAPER, "live": ("paper", ("stage-target",))}, APPROVED, ("stage-target",)),
        (ALLOWED, REFUSED, ("approvals-expired",)),
    ],
    ids=["nobody-said", "cycle-says-no", "not-approved"],
)
def test_live_is_lowered_with_what_was_missing(
    requested: Requested, found: Approved | NotApproved, missing: tuple[str, ...]
) -> None:
    admission = admitted("live", requested, found)

    assert (admission.target, admission.missing) == ("paper", missing)
    assert admission.approver is None
