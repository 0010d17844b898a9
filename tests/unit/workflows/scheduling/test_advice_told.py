"""Advice is told in each note and each run's manifest, and held to what the stage allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tests.fakes.eventlog import run
from tests.fakes.governance import FakeLadder, lane_commands
from tests.support.scheduling.advising import ACTIVE, OFF, ROLLED_BACK
from tests.support.scheduling.governed import Desk
from torghut.governance.notes.note import note_path, read_note
from torghut.schemas.control import ReasoningModeChanged, ReasoningModeName
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.reasoning.standing import ReasoningChange
from torghut.schemas.rollout.events import RunReassessed
from torghut.schemas.rollout.manifest import Observation
from torghut.workflows.aggregates import rollout_of
from torghut.workflows.scheduling.ports import AdviceSeen
from torghut.workflows.staging.capping import ReasoningAllowed

MEASURED: Final = reading_of(0.25, samples=8)
CHANGED: Final = ReasoningChange.model_validate(
    {
        "what": "mode",
        "symbol": "*",
        "from": "shadow",
        "to": "active",
        "at_ns": 5,
        "control_id": "reasoning-mode:1",
        "reason": "| it [agrees](http://x)",
    }
)


def desk_of(*, ratio: Reading | None = None, cap: ReasoningModeName | None = None) -> Desk:
    """Return a scheduler under a stage that allows some mode at most; None: under no stage."""
    desk = Desk()
    ladder = FakeLadder()
    if ratio is not None:
        ladder.ratio = ratio
    if cap is not None:
        ladder.reasons = ReasoningAllowed(stage=2, name="regime-router-shadow-mode", mode=cap)
    desk.governor.ladder = ladder
    return desk


def ran(desk: Desk, advice: AdviceSeen | None) -> Desk:
    """Let a lane run through while advice stands so."""
    desk.lane.waiting.append(lane_commands())
    desk.cycle(advice=advice)
    return desk


def observed(desk: Desk) -> dict[str, Observation]:
    """Return what the current manifest observes of advice."""
    found = desk.manifest().phases[-2].observations
    return {key: value for key, value in found.items() if key.startswith("advice_")}


def reassessments(desk: Desk) -> int:
    """Return how often a later cycle had something else to say of the run."""
    stream = rollout_of("run-1", 1)
    envelopes = run(desk.log.read_events(stream.stream))
    return sum(isinstance(stream.read(one), RunReassessed) for one in envelopes)


def lowered(desk: Desk) -> list[ReasoningModeChanged]:
    """Return what the loop was told of its reasoning mode."""
    told = desk.loop.recorded.values()
    return [one for one in told if isinstance(one, ReasoningModeChanged)]


def test_note_says_how_advice_stands_and_what_changed_it() -> None:
    desk = Desk()
    note = desk.cycle(advice=replace(ROLLED_BACK, changed=(CHANGED,)))

    assert note.advice is not None
    assert (note.advice.mode, note.advice.deterministic_only) == ("active", True)
    assert note.advice.changes == (CHANGED,)
    text = desk.store.read(note_path(1)).decode()
    assert "| advice | active, overridden by deterministic-only |" in text
    assert "mode from shadow to active at 1970-01-01T00:00:00.000000005Z" in text
    assert "the first decision fell back 0.400 s later" in text
    assert "http://x" in text
    assert "[agrees]" not in text.partition("```")[0]


def test_note_has_room_for_the_newest_changes_and_counts_the_others() -> None:
    changes = [
        CHANGED.model_dump(by_alias=True) | {"control_id": f"mode:{number}"} for number in range(60)
    ]
    many = tuple(ReasoningChange.model_validate(one) for one in changes)
    note = Desk().cycle(advice=replace(ACTIVE, changed=many))

    assert note.advice is not None
    assert note.advice.changes == many[10:]
    assert note.advice.changes_before == 10


def test_note_says_nothing_of_advice_where_nobody_could_look() -> None:
    desk = Desk()
    note = desk.cycle(advice=None)

    assert note.advice is None
    body = desk.store.read(note_path(1))
    assert b"advice" not in body
    assert read_note(body) == note


def test_manifest_says_that_advice_is_off_by_which_declaration() -> None:
    found = observed(ran(desk_of(), OFF))

    assert (found["advice_mode"], found["advice_mode_at_begin"]) == ("off", "off")
    assert found["advice_unanswered_ratio"] == "not-applicable"
    assert found["advice_off_by"] == "0f" * 32
    assert found["advice_recovery_s"] == "none"


def test_manifest_says_mode_switch_share_and_recovery() -> None:
    found = observed(ran(desk_of(ratio=MEASURED), ROLLED_BACK))

    assert found == {
        "advice_mode": "active",
        "advice_mode_at_begin": "active",
        "advice_deterministic_only": "thrown",
        "advice_unanswered_ratio": 0.25,
        "advice_questions": 8.0,
        "advice_off_by": "none",
        "advice_rolled_back_by": "switch:deterministic-only:t:thrown",
        "advice_recovery_s": 0.4,
        "advice_advised_since": 0.0,
    }


def test_share_that_cannot_be_measured_is_missing() -> None:
    found = observed(ran(desk_of(ratio=reading_of(None, samples=0)), ACTIVE))

    assert (found["advice_unanswered_ratio"], found["advice_questions"]) == ("missing", 0.0)


def test_manifest_of_a_time_when_nobody_could_look_is_as_it_always_was() -> None:
    desk = ran(desk_of(), None)

    assert observed(desk) == {}
    assert desk.manifest().status == "pass"


def test_later_cycle_speaks_of_advice_only_where_something_else_is_so() -> None:
    desk = ran(desk_of(ratio=MEASURED), ACTIVE)
    desk.governor.ladder = FakeLadder(ratio=reading_of(0.5, samples=9))
    desk.cycle(advice=ACTIVE)
    desk.cycle(advice=None)
    assert (reassessments(desk), observed(desk)["advice_unanswered_ratio"]) == (0, 0.25)

    desk.cycle(advice=ROLLED_BACK)
    desk.cycle(advice=ROLLED_BACK)

    assert reassessments(desk) == 1
    assert observed(desk)["advice_deterministic_only"] == "thrown"
    assert observed(desk)["advice_unanswered_ratio"] == 0.5
    assert desk.manifest().status == "pass"


@pytest.mark.parametrize(
    ("mode", "cap", "told"),
    [
        ("active", "off", ["off"]),
        ("active", "shadow", ["shadow"]),
        ("shadow", "off", ["off"]),
        ("active", "active", []),
        ("shadow", "active", []),
        ("off", "off", []),
        ("active", None, []),
    ],
)
def test_mode_above_what_the_stage_allows_is_lowered_once_and_never_raised(
    mode: ReasoningModeName, cap: ReasoningModeName | None, told: list[str]
) -> None:
    desk = desk_of(cap=cap)
    stands = replace(ACTIVE, mode=mode, least=mode)

    notes = [desk.cycle(advice=stands) for _ in range(3)]

    assert [one.mode for one in lowered(desk)] == told
    said = f"exposure: stage 2 allows a reasoning mode of {cap} at most, found {mode}"
    assert all((said in one.remarks) == bool(told) for one in notes)
    assert {one.reason for one in lowered(desk)} <= {
        f"stage 2 allows a reasoning mode of {cap} at most"
    }


def test_mode_that_is_raised_again_is_lowered_again() -> None:
    desk = desk_of(cap="off")
    desk.cycle(advice=ACTIVE)
    desk.cycle(advice=replace(OFF, block=8))
    desk.cycle(advice=replace(ACTIVE, block=9))

    assert [one.control_id for one in lowered(desk)] == [
        "exposure:reasoning:7:off",
        "exposure:reasoning:9:off",
    ]


def test_symbol_that_stands_lower_than_the_stage_allows_is_not_raised_by_what_lowers_another() -> (
    None
):
    desk = desk_of(cap="shadow")
    desk.cycle(advice=replace(ACTIVE, least="off"))

    assert [(one.symbol, one.mode) for one in lowered(desk)] == [("*", "off")]


def test_loop_that_has_not_taken_it_is_told_again_and_named() -> None:
    desk = desk_of(cap="off")
    desk.loop.away = True
    note = desk.cycle(advice=ACTIVE)
    desk.loop.away = False
    desk.cycle(advice=ACTIVE)

    assert "exposure: the loop has not taken exposure:reasoning:7:off: unknown" in note.remarks
    assert [one.mode for one in lowered(desk)] == ["off"]


@pytest.mark.parametrize("cap", ["off", "shadow", "active"])
def test_mode_that_nobody_can_see_is_not_lowered_blindly_but_named(cap: ReasoningModeName) -> None:
    desk = desk_of(cap=cap)
    note = desk.cycle(advice=None)

    assert lowered(desk) == []
    said = f"exposure: stage 2 allows a reasoning mode of {cap} at most, and nobody could see"
    assert any(one.startswith(said) for one in note.remarks) == (cap != "active")
