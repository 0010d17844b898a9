"""Drift leads to one action within a cooldown, and to the candidate's rollback at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from tests.support.governance.governing import (
    SECOND_NS,
    START_NS,
    Memory,
    drift_policy,
    drift_window,
    verdict,
)
from tests.support.governance.spec import Spec
from torghut.drift.verdicts import judge_drift
from torghut.governance.safety.drift_actions import (
    DRIFT_ACTIONS,
    DriftCommand,
    DriftState,
    EndAction,
    TakeVerdict,
)
from torghut.governance.safety.errors import (
    ActionUnknownError,
    OutOfOrderError,
    PolicyMismatchError,
)
from torghut.schemas.declarations.safety import DRIFT_CODES, Cooldowns, DriftCode, DriftPolicy
from torghut.schemas.governing.drift import (
    DRIFT_EVENT,
    ActionTriggered,
    ActionWithheld,
    CandidateRollbackDemanded,
    DriftEvent,
    DriftVerdict,
)
from torghut.schemas.governing.fields import reading_of

Actions = Memory[DriftCommand, DriftEvent, DriftState]
CANDIDATE: Final = "cd" * 32
OTHER: Final = "ef" * 32
SHOCK: Final = verdict("regime_transition_shock_ratio_exceeded")
LOSS: Final = verdict("performance_net_pnl_below_floor")
STABLE: Final = verdict()
actions = Spec(DRIFT_ACTIONS)


def memory() -> Actions:
    """Return drift actions of which nothing is known yet."""
    return Memory(DRIFT_ACTIONS, DRIFT_EVENT)


def take(
    stream: Actions, told: DriftVerdict, *, minute: int, candidate: str | None = None
) -> Sequence[DriftEvent]:
    """Take a verdict at a minute; return what follows it."""
    last = stream.state.last
    command = TakeVerdict(
        evaluation=1 if last is None else last.evaluation + 1,
        at_ns=START_NS + minute * 60 * SECOND_NS,
        verdict=told,
        candidate=candidate,
        policy=drift_policy(),
    )
    return stream.send(command)[1:]


@pytest.mark.parametrize("code", DRIFT_CODES)
def test_each_code_asks_for_its_action(code: DriftCode) -> None:
    (event,) = take(memory(), verdict(code), minute=0)

    assert isinstance(event, ActionTriggered)
    assert event.action == ("reselection" if code.startswith("performance_") else "retrain")
    assert event.codes == (code,)


def test_performance_outranks_everything_else() -> None:
    found = verdict("data_duplicate_ratio_exceeded", "performance_drawdown_exceeded")

    (event,) = take(memory(), found, minute=0)

    assert isinstance(event, ActionTriggered)
    assert event.action == "reselection"


@pytest.mark.parametrize("found", [STABLE, verdict(missing=["data_duplicate_ratio_exceeded"])])
def test_without_drift_there_is_no_action(found: DriftVerdict) -> None:
    assert take(memory(), found, minute=0, candidate=CANDIDATE) == []


def test_bad_ok_bad_every_five_minutes_triggers_once_within_the_cooldown() -> None:
    stream = memory()
    ends: list[str] = []
    for minute in range(0, 360, 5):
        told = STABLE if minute % 10 else SHOCK
        ends += [event.type for event in take(stream, told, minute=minute)]

    assert ends.count("drift.action-triggered.v1") == 1
    assert ends.count("drift.action-withheld.v1") == 35
    (event,) = take(stream, SHOCK, minute=360)
    assert isinstance(event, ActionTriggered)


def test_drift_while_its_action_rests_is_still_drift() -> None:
    stream = memory()
    take(stream, SHOCK, minute=0)
    (event,) = take(stream, SHOCK, minute=5)

    assert isinstance(event, ActionWithheld)
    assert stream.state.last is not None
    assert stream.state.last.verdict.status == "drifted"


def test_each_action_rests_for_itself() -> None:
    stream = memory()
    take(stream, SHOCK, minute=0)
    (event,) = take(stream, LOSS, minute=5)

    assert isinstance(event, ActionTriggered)
    assert event.action == "reselection"


def test_end_of_an_action_does_not_end_its_rest() -> None:
    stream = memory()
    (event,) = take(stream, SHOCK, minute=0)
    assert isinstance(event, ActionTriggered)
    stream.send(EndAction(action_id=event.action_id, outcome="completed", evidence=None, at_ns=0))

    (withheld,) = take(stream, SHOCK, minute=5)

    assert isinstance(withheld, ActionWithheld)


SHORTER: Final = DriftPolicy(
    kind="drift-policy.v1",
    why=drift_policy().why,
    checks=drift_policy().checks,
    cooldowns=Cooldowns(retrain_ms=1, reselection_ms=1),
)


def test_shorter_cooldown_does_not_end_a_rest_that_has_begun() -> None:
    stream = memory()
    take(stream, SHOCK, minute=0)
    window = drift_window({"regime_transition_shock_ratio_exceeded": reading_of(0.5, samples=1000)})
    events = stream.send(
        TakeVerdict(
            evaluation=2,
            at_ns=START_NS + 300 * SECOND_NS,
            verdict=judge_drift(window, SHORTER),
            candidate=None,
            policy=SHORTER,
        )
    )

    assert isinstance(events[1], ActionWithheld)


def test_verdict_under_another_policy_decides_nothing() -> None:
    command = TakeVerdict(
        evaluation=1, at_ns=START_NS, verdict=SHOCK, candidate=None, policy=SHORTER
    )

    with pytest.raises(PolicyMismatchError):
        memory().send(command)


def test_clock_that_is_set_back_does_not_shorten_a_rest() -> None:
    stream = memory()
    take(stream, SHOCK, minute=0)
    take(stream, STABLE, minute=-100_000)
    (event,) = take(stream, SHOCK, minute=359)

    assert isinstance(event, ActionWithheld)


def test_performance_drift_demands_the_candidates_rollback_even_in_cooldown() -> None:
    stream = memory()
    take(stream, LOSS, minute=0)
    events = take(stream, LOSS, minute=5, candidate=CANDIDATE)

    withheld, demanded = events
    assert isinstance(withheld, ActionWithheld)
    assert isinstance(demanded, CandidateRollbackDemanded)
    assert demanded.candidate == CANDIDATE


def test_rollback_is_demanded_once_until_it_has_ended() -> None:
    stream = memory()
    _, demand = take(stream, LOSS, minute=0, candidate=CANDIDATE)
    assert isinstance(demand, CandidateRollbackDemanded)
    assert len(take(stream, LOSS, minute=5, candidate=CANDIDATE)) == 1
    assert len(take(stream, LOSS, minute=10, candidate=OTHER)) == 2

    stream.send(EndAction(action_id=demand.action_id, outcome="failed", evidence=None, at_ns=0))

    assert len(take(stream, LOSS, minute=15, candidate=CANDIDATE)) == 2


def test_performance_drift_demands_every_candidate_that_is_exposed_once() -> None:
    stream = memory()

    def command(evaluation: int) -> TakeVerdict:
        return TakeVerdict(
            evaluation=evaluation,
            at_ns=START_NS + evaluation * SECOND_NS,
            verdict=LOSS,
            candidate=CANDIDATE,
            others=(OTHER, CANDIDATE),
            policy=drift_policy(),
        )

    found = [one for one in stream.send(command(1)) if isinstance(one, CandidateRollbackDemanded)]

    assert [one.candidate for one in found] == [CANDIDATE, OTHER]
    assert len({one.action_id for one in found}) == 2
    assert not any(isinstance(one, CandidateRollbackDemanded) for one in stream.send(command(2)))


def test_other_drift_demands_no_rollback() -> None:
    assert len(take(memory(), SHOCK, minute=0, candidate=CANDIDATE)) == 1


def test_verdict_that_is_delivered_twice_counts_once() -> None:
    command = TakeVerdict(
        evaluation=1, at_ns=START_NS, verdict=LOSS, candidate=CANDIDATE, policy=drift_policy()
    )
    events = actions.given().when(command)

    assert len(events) == 3
    assert actions.given(*events).when(command) == []


def test_another_verdict_under_the_same_number_is_refused() -> None:
    stream = memory()
    take(stream, STABLE, minute=0)
    command = TakeVerdict(
        evaluation=1, at_ns=START_NS, verdict=LOSS, candidate=None, policy=drift_policy()
    )

    with pytest.raises(OutOfOrderError):
        stream.send(command)


def test_end_is_delivered_twice_and_unknown_actions_are_refused() -> None:
    stream = memory()
    (event,) = take(stream, SHOCK, minute=0)
    assert isinstance(event, ActionTriggered)
    end = EndAction(action_id=event.action_id, outcome="completed", evidence=None, at_ns=0)

    assert len(stream.send(end)) == 1
    assert stream.send(end) == []
    with pytest.raises(ActionUnknownError):
        stream.send(
            EndAction(action_id="retrain-" + "0" * 64, outcome="failed", evidence=None, at_ns=0)
        )
