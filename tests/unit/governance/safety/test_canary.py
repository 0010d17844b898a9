"""A paper promotion needs its patch as it was written; a live one may go without any."""

from __future__ import annotations

from typing import Final, get_args

import pytest

from tests.support.governance.governing import START_NS
from tests.support.governance.spec import Spec
from torghut.governance.safety.canary import CANARY, JudgeCanary, ProducePatch
from torghut.governance.safety.errors import CanaryMismatchError, OutOfOrderError
from torghut.schemas.governing.canary import CanaryEvent, CanaryJudged, PatchProduced
from torghut.schemas.governing.fields import Evidence, Found
from torghut.schemas.rollout.phases import Target

CANDIDATE: Final = "cd" * 32
PATCH: Final = Evidence(path="runs/run-1/strategy-patch.json", sha256="ef" * 32)
canary = Spec(CANARY)
PRODUCED: Final = PatchProduced(run_id="run-1", candidate=CANDIDATE, patch=PATCH, at_ns=START_NS)


def judge(
    target: Target, found: Found | None, *given: CanaryEvent, number: int = 1
) -> CanaryJudged:
    """Return what the phase shows."""
    (event,) = canary.given(*given).when(command(target, found, number=number))
    assert isinstance(event, CanaryJudged)
    return event


def command(target: Target, found: Found | None, *, number: int = 1) -> JudgeCanary:
    """Return the command that judges."""
    return JudgeCanary(
        run_id="run-1",
        candidate=CANDIDATE,
        judgement=number,
        target=target,
        found=found,
        at_ns=START_NS,
    )


def test_paper_without_a_patch_fails() -> None:
    assert judge("paper", None).status == "fail"
    assert judge("paper", None).reason == "patch-missing"


def test_live_without_a_patch_is_skipped() -> None:
    assert judge("live", None).status == "skip"
    assert judge("live", None).completion is None


@pytest.mark.parametrize("target", get_args(Target))
def test_patch_as_it_was_written_passes_and_is_cited(target: Target) -> None:
    event = judge(target, "verified", PRODUCED)

    assert (event.status, event.completion) == ("pass", PATCH)


@pytest.mark.parametrize("target", get_args(Target))
@pytest.mark.parametrize("found", [*(f for f in get_args(Found) if f != "verified"), None])
def test_patch_that_was_produced_and_is_not_as_it_was_fails(
    target: Target, found: Found | None
) -> None:
    event = judge(target, found, PRODUCED)

    assert (event.status, event.reason) == ("fail", "patch-unverified")
    assert event.completion is None


def test_patch_that_was_never_produced_is_not_believed_to_be_there() -> None:
    assert judge("paper", "verified").status == "fail"


def test_every_judgement_looks_again() -> None:
    first = judge("paper", "verified", PRODUCED)

    assert judge("paper", "wrong-digest", PRODUCED, first, number=2).status == "fail"


def test_judgement_that_is_delivered_twice_is_judged_once() -> None:
    first = judge("paper", "verified", PRODUCED)

    assert canary.given(PRODUCED, first).when(command("paper", "verified")) == []
    with pytest.raises(OutOfOrderError):
        canary.given(PRODUCED, first).when(command("paper", "missing"))


def test_run_has_one_patch() -> None:
    again = ProducePatch(run_id="run-1", candidate=CANDIDATE, patch=PATCH, at_ns=0)
    other = ProducePatch(
        run_id="run-1",
        candidate=CANDIDATE,
        patch=Evidence(path=PATCH.path, sha256="00" * 32),
        at_ns=0,
    )

    assert canary.given().when(again) == [
        PatchProduced(run_id="run-1", candidate=CANDIDATE, patch=PATCH, at_ns=0)
    ]
    assert canary.given(PRODUCED).when(again) == []
    with pytest.raises(CanaryMismatchError):
        canary.given(PRODUCED).when(other)


def test_canary_is_of_one_run_and_one_candidate() -> None:
    other = ProducePatch(run_id="run-1", candidate="00" * 32, patch=PATCH, at_ns=0)

    with pytest.raises(CanaryMismatchError):
        canary.given(PRODUCED).when(other)
