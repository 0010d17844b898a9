"""A stage is left when everything is shown, and holds what it allows until then."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from tests.support.decisions.declared import text_of
from tests.support.governance.governing import BEN
from tests.support.governance.staging import (
    EVIDENCE,
    ROADMAP,
    advance,
    all_shown,
    arrived,
    back,
    built_roadmap,
    review,
    shipped_roadmap,
    stages,
)
from torghut.governance.declarations import parse_stage_roadmap
from torghut.governance.safety.errors import OutOfOrderError, ReasonMissingError
from torghut.governance.stages.errors import (
    StageOrderError,
    StageReviewOutdatedError,
    StageRoadmapError,
    StageStoppedError,
)
from torghut.governance.stages.progress import NOTHING, StageState, capped, exit_standing
from torghut.schemas.declarations.roadmap import StageCaps
from torghut.schemas.governing.fields import Found
from torghut.schemas.governing.stages import CriterionShown, StageEntered, StageReviewed
from torghut.schemas.types import message_digest

EVERYTHING: Final = StageCaps(
    target="live", router_mode="live", reasoning_mode="active", notional_cap=Decimal(10**9)
)


def test_rollout_goes_through_every_stage_in_its_order() -> None:
    stream = arrived(5)
    entered = [event.stage for event in stream.events() if isinstance(event, StageEntered)]

    assert entered == [0, 1, 2, 3, 4, 5]
    with pytest.raises(StageOrderError):
        stream.send(advance(stream, 6))


def test_shipped_roadmap_stops_at_its_first_stage_with_something_not_built() -> None:
    stream = stages()
    stream.send(advance(stream, 0, roadmap=shipped_roadmap()))
    for stage in range(3):
        stream.send(review(stream, all_shown(stage), roadmap=shipped_roadmap()))
        stream.send(advance(stream, stage + 1, roadmap=shipped_roadmap()))
    (reviewed,) = stream.send(review(stream, all_shown(3), roadmap=shipped_roadmap()))

    assert isinstance(reviewed, StageReviewed)
    assert reviewed.status == "fail"
    assert {one.status for one in reviewed.criteria} == {"not-built", "pass"}
    with pytest.raises(StageStoppedError, match="not-built"):
        stream.send(advance(stream, 4, roadmap=shipped_roadmap()))


UNBUILT: Final = [
    stage
    for stage in range(6)
    if any(one.evidence == "not-built" for one in shipped_roadmap().asked_of(stage))
]


@pytest.mark.parametrize("stage", UNBUILT)
def test_stage_with_something_not_built_is_never_left(stage: int) -> None:
    stream = arrived(stage)
    roadmap = shipped_roadmap()
    stream.send(back(stream, stage, roadmap=roadmap))
    asked = roadmap.asked_of(stage)
    (reviewed,) = stream.send(review(stream, all_shown(stage), roadmap=roadmap))

    assert isinstance(reviewed, StageReviewed)
    assert reviewed.status == "fail"
    assert [(one.id, one.status) for one in reviewed.criteria] == [
        (one.id, "not-built" if one.evidence == "not-built" else "pass") for one in asked
    ]
    if stage < 5:
        missing = next(one.id for one in asked if one.evidence == "not-built")
        with pytest.raises(StageStoppedError, match=f"{missing} not-built"):
            stream.send(advance(stream, stage + 1, roadmap=roadmap))


def test_stages_from_the_cutover_on_have_something_that_is_not_built() -> None:
    assert UNBUILT == [3, 4, 5]


def test_last_review_is_also_of_what_the_whole_rollout_ends_by() -> None:
    stream, roadmap = arrived(5), built_roadmap()
    ends = {one.id for one in roadmap.operational_exit}
    own = {name: one for name, one in all_shown(5).items() if name not in ends}
    (short,) = stream.send(review(stream, own))
    standing = {one.id: one.status for one in exit_standing(roadmap, stream.state.reviewed)}
    (whole,) = stream.send(review(stream, all_shown(5)))

    assert isinstance(short, StageReviewed)
    assert isinstance(whole, StageReviewed)
    assert (short.status, whole.status) == ("fail", "pass")
    assert standing == dict.fromkeys(ends, "missing")
    assert {one.status for one in exit_standing(roadmap, stream.state.reviewed)} == {"pass"}


def test_before_the_last_review_nothing_that_the_rollout_ends_by_is_shown() -> None:
    stream = arrived(2)
    stream.send(review(stream, all_shown(2)))
    found = {one.id: one.status for one in exit_standing(shipped_roadmap(), stream.state.reviewed)}

    assert found.pop("evaluation-gates-promotions") == "missing"
    assert set(found.values()) == {"not-built"}
    assert len(found) == 4


def test_review_under_another_roadmap_shows_nothing_of_it() -> None:
    stream = arrived(5)
    stream.send(review(stream, all_shown(5)))
    found = exit_standing(shipped_roadmap(), stream.state.reviewed)

    assert "pass" not in {one.status for one in found}


@pytest.mark.parametrize("to", [1, 2, 5])
def test_first_stage_comes_first(to: int) -> None:
    stream = stages()

    with pytest.raises(StageOrderError):
        stream.send(advance(stream, to))


def test_no_stage_is_left_out() -> None:
    stream = arrived(1)
    stream.send(review(stream, all_shown(1)))

    for to in (0, 1, 3, 5):
        with pytest.raises(StageOrderError):
            stream.send(advance(stream, to))


def test_without_a_review_the_programme_stops() -> None:
    stream = arrived(2)

    with pytest.raises(StageStoppedError, match="no review"):
        stream.send(advance(stream, 3))


@pytest.mark.parametrize("left_out", ["baseline-snapshot", "baseline-frozen"])
def test_criterion_that_nobody_shows_stops_the_stage(left_out: str) -> None:
    stream = arrived(0)
    shown = {name: one for name, one in all_shown(0).items() if name != left_out}
    stream.send(review(stream, shown))

    with pytest.raises(StageStoppedError, match=f"{left_out} missing"):
        stream.send(advance(stream, 1))


@pytest.mark.parametrize(
    ("passed", "found"),
    [(False, "verified"), (True, "missing"), (True, "wrong-digest"), (True, "outside-root")],
)
def test_criterion_that_fails_or_cannot_be_verified_stops_the_stage(
    *, passed: bool, found: Found
) -> None:
    stream = arrived(0)
    bad = CriterionShown(passed=passed, evidence=EVIDENCE, found=found)
    stream.send(review(stream, {**all_shown(0), "baseline-frozen": bad}))

    with pytest.raises(StageStoppedError, match="baseline-frozen fail"):
        stream.send(advance(stream, 1))


def test_later_review_that_fails_takes_back_what_an_earlier_one_allowed() -> None:
    stream = arrived(0)
    stream.send(review(stream, all_shown(0)))
    allowed = advance(stream, 1)
    stream.send(review(stream, {}))

    with pytest.raises(StageStoppedError):
        stream.send(allowed)


def test_step_cites_the_last_review_under_the_same_roadmap() -> None:
    stream = arrived(0)
    stream.send(review(stream, all_shown(0)))

    with pytest.raises(StageReviewOutdatedError):
        stream.send(replace(advance(stream, 1), review=7))
    with pytest.raises(StageReviewOutdatedError):
        stream.send(advance(stream, 1, roadmap=shipped_roadmap()))


def test_review_of_one_stage_does_not_allow_to_leave_the_next() -> None:
    stream = arrived(1)
    stale = replace(advance(stream, 2), review=1)

    with pytest.raises(StageStoppedError):
        stream.send(stale)


def test_going_back_takes_one_person_and_no_review() -> None:
    stream = arrived(4)

    (event,) = stream.send(back(stream, 1, who=BEN))

    assert isinstance(event, StageEntered)
    assert (event.came_from, event.stage, event.review) == (4, 1, None)
    assert capped(EVERYTHING, stream.state) == built_roadmap().stages[1].caps
    with pytest.raises(StageStoppedError):
        stream.send(advance(stream, 2))


def test_roadmap_that_was_changed_asks_for_nothing_before_the_stage_is_entered_again() -> None:
    stream = arrived(2)
    with pytest.raises(StageRoadmapError, match="torghut stage back --to 2"):
        stream.send(review(stream, all_shown(2), roadmap=shipped_roadmap()))

    (entered,) = stream.send(back(stream, 2, roadmap=shipped_roadmap()))
    (reviewed,) = stream.send(review(stream, all_shown(2), roadmap=shipped_roadmap()))

    assert isinstance(entered, StageEntered)
    assert isinstance(reviewed, StageReviewed)
    assert (entered.came_from, entered.stage) == (2, 2)
    assert entered.roadmap == reviewed.roadmap == message_digest(shipped_roadmap())


def test_stage_that_is_entered_again_allows_no_more_than_before() -> None:
    text = text_of(ROADMAP).replace('notional_cap: "0"', 'notional_cap: "50"')
    looser = parse_stage_roadmap(text.replace("target: paper", "target: live"), file=ROADMAP)
    stream = arrived(2)
    before = capped(EVERYTHING, stream.state)

    for to in (2, 1):
        stream.send(back(stream, to, roadmap=looser if to == 2 else built_roadmap()))
        allowed = capped(EVERYTHING, stream.state)
        assert capped(allowed, arrived(2).state) == allowed
        assert (allowed == before) is (to == 2)


@pytest.mark.parametrize("to", [2, 3, -1])
def test_back_is_back(to: int) -> None:
    stream = arrived(2)

    with pytest.raises(StageOrderError):
        stream.send(back(stream, to))


def test_before_the_first_stage_there_is_no_back_and_nothing_to_review() -> None:
    stream = stages()

    with pytest.raises(StageOrderError):
        stream.send(back(stream, 0))
    with pytest.raises(StageOrderError):
        stream.send(review(stream, {}))


def test_step_says_why() -> None:
    stream = arrived(1)

    with pytest.raises(ReasonMissingError):
        stream.send(replace(back(stream, 0), reason=" "))


@pytest.mark.parametrize("stage", range(6))
def test_stage_allows_what_it_declares_and_no_more(stage: int) -> None:
    caps = built_roadmap().stages[stage].caps

    assert capped(EVERYTHING, arrived(stage).state) == caps
    assert capped(NOTHING, arrived(stage).state) == NOTHING


def test_nothing_is_allowed_before_the_first_stage() -> None:
    assert capped(EVERYTHING, StageState()) == NOTHING


def test_each_respect_is_capped_for_itself() -> None:
    asked = StageCaps(
        target="live", router_mode="static", reasoning_mode="shadow", notional_cap=Decimal(5)
    )

    assert capped(asked, arrived(3).state) == StageCaps(
        target="paper", router_mode="static", reasoning_mode="shadow", notional_cap=Decimal(0)
    )


def test_no_stage_before_the_fourth_trades_live() -> None:
    for stage in shipped_roadmap().stages[:4]:
        assert stage.caps.target == "paper"
        assert stage.caps.notional_cap == 0


def test_commands_that_are_delivered_twice_change_nothing() -> None:
    stream = stages()
    for make in (
        lambda: advance(stream, 0),
        lambda: review(stream, all_shown(0)),
        lambda: advance(stream, 1),
        lambda: back(stream, 0),
    ):
        command = make()
        stream.send(command)
        assert stream.send(command) == []


def test_command_that_comes_late_is_refused() -> None:
    stream = arrived(2)
    late = back(stream, 1)
    stream.send(late)
    stream.send(review(stream, all_shown(1)))
    stream.send(advance(stream, 2))

    with pytest.raises(OutOfOrderError):
        stream.send(late)
