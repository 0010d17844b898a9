"""What somebody only wrote into the latch's stream opens it no sooner than it would have opened."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.governance.governing import (
    ANN,
    SECOND_NS,
    START_NS,
    Memory,
    readings,
    safety_policy,
)
from torghut.governance.safety.latch import LATCH, EvaluateSafety, LatchCommand
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.latch import (
    LATCH_EVENT,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    SafetyEvaluated,
    SafetyReadings,
    Trigger,
)

LAG: Final = readings(lag_ms=reading_of(600_000.0))
DRAWDOWN: Final = readings(drawdown_ratio=reading_of(0.5))


def after(*told: SafetyReadings) -> LatchState:
    """Return a latch after evaluations, a minute apart."""
    memory: Memory[LatchCommand, LatchEvent, LatchState] = Memory(LATCH, LATCH_EVENT)
    for number, one in enumerate(told, start=1):
        at_ns = START_NS + number * 60 * SECOND_NS
        memory.send(
            EvaluateSafety(
                latch="main",
                evaluation=number,
                at_ns=at_ns,
                readings=one,
                policy=safety_policy(),
            )
        )
    return memory.state


def recovered(state: LatchState, *, evaluation: int | None = None) -> LoopRecovered:
    """Return a recovery of what is open that nobody decided."""
    assert state.incident is not None
    assert state.last is not None
    return LoopRecovered(
        incident_id=state.incident.incident_id,
        evaluation=state.last.evaluation if evaluation is None else evaluation,
        at_ns=state.time_ns,
    )


def is_open(state: LatchState) -> bool:
    """Say whether nothing stops the loop."""
    return state.incident is None


@pytest.mark.parametrize(
    "told",
    [
        (DRAWDOWN, *[readings()] * 3),
        (LAG, DRAWDOWN, *[readings()] * 3),
        (LAG,),
        (LAG, readings(), LAG),
    ],
    ids=["recovers-never", "extended", "at-once", "spoilt"],
)
def test_recovery_that_evaluations_do_not_show_opens_nothing(
    told: tuple[SafetyReadings, ...],
) -> None:
    state = after(*told)

    assert not is_open(LATCH.evolve(state, recovered(state)))


def test_recovery_by_another_evaluation_or_of_another_incident_opens_nothing() -> None:
    state = after(LAG, readings(), readings())
    of_another = recovered(state).model_dump(mode="json") | {"incident_id": "incident-" + "0" * 64}

    assert not is_open(LATCH.evolve(state, recovered(state, evaluation=1)))
    assert not is_open(LATCH.evolve(state, LoopRecovered.model_validate(of_another)))


def test_evaluation_that_claims_a_row_of_clean_ones_is_one_more() -> None:
    state = after(LAG, readings())
    assert state.last is not None
    claimed = SafetyEvaluated.model_validate(
        state.last.model_dump(mode="json") | {"evaluation": 3, "clean_streak": 99}
    )

    assert LATCH.evolve(state, claimed).streaks.clean == 2


def test_stop_that_names_fewer_triggers_takes_none_away() -> None:
    state = after(DRAWDOWN)
    lag: Trigger = "signal-lag"
    narrower = LoopStopped(
        incident_id="incident-" + "0" * 64,
        evaluation=1,
        at_ns=state.time_ns,
        triggers=(lag,),
        rollback_incident_evidence_path="incidents/x.json",
        rollback_incident_evidence_sha256="0" * 64,
    )

    written = LATCH.evolve(state, narrower)

    assert state.incident is not None
    assert written.incident is not None
    assert written.incident.incident_id == state.incident.incident_id
    assert written.incident.triggers == {"drawdown", "signal-lag"}


@pytest.mark.parametrize(
    "other", [{"triggers": ["signal-lag"]}, {"incident_id": "incident-" + "0" * 64}]
)
def test_release_of_anything_but_what_is_open_opens_nothing(other: dict[str, object]) -> None:
    state = after(LAG, DRAWDOWN)
    assert state.incident is not None
    whole = LoopReleased(
        incident_id=state.incident.incident_id,
        triggers=tuple(sorted(state.incident.triggers)),
        persons=(ANN,),
        reason="because",
        at_ns=state.time_ns,
    )
    written = LoopReleased.model_validate(whole.model_dump(mode="json") | other)

    assert is_open(LATCH.evolve(state, whole))
    assert not is_open(LATCH.evolve(state, written))
    assert LATCH.evolve(state, written).released is None
