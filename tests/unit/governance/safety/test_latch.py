"""The stop latch closes on each declared trigger, and opens only as declared."""

from __future__ import annotations

import math
from typing import Final

import pytest

from tests.support.governance.governing import (
    ANN,
    BEN,
    DIGEST,
    SECOND_NS,
    START_NS,
    Memory,
    readings,
    safety_policy,
)
from torghut.governance.safety.errors import (
    IncidentMismatchError,
    NotStoppedError,
    OutOfOrderError,
    ReasonMissingError,
    SecondPersonNeededError,
    TriggersUnacknowledgedError,
)
from torghut.governance.safety.latch import (
    LATCH,
    EvaluateSafety,
    LatchCommand,
    ReleaseLoop,
    incident_bytes,
    incident_path,
)
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.canonical import parse_json_object
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.fields import Person, Reading, declared_off, reading_of
from torghut.schemas.governing.latch import (
    LATCH_EVENT,
    IncidentExtended,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    ReleaseRequested,
    SafetyReadings,
    StopIncident,
    Trigger,
)

Latch = Memory[LatchCommand, LatchEvent, LatchState]
LAG: Final = readings(lag_ms=reading_of(600_000.0))
FALLBACK: Final = readings(fallback_ratio=reading_of(0.25, samples=8))


def latch() -> Latch:
    """Return a latch of which nothing is known yet."""
    return Memory(LATCH, LATCH_EVENT)


def evaluate(memory: Latch, *told: SafetyReadings) -> list[str]:
    """Evaluate ``told`` one after the other; return the types of the events beside each."""
    types: list[str] = []
    for one in told:
        last = memory.state.last
        number = 1 if last is None else last.evaluation + 1
        command = EvaluateSafety(
            latch="main",
            evaluation=number,
            at_ns=START_NS + number * 60 * SECOND_NS,
            readings=one,
            policy=safety_policy(),
        )
        types += [event.type.split(".")[1] for event in memory.send(command)[1:]]
    return types


def release(
    memory: Latch,
    who: Person,
    *,
    reason: str = "seen and mended",
    triggers: frozenset[Trigger] | None = None,
    after_s: int = 0,
) -> ReleaseLoop:
    """Return the command with which ``who`` releases what stops the loop."""
    incident = memory.state.incident
    return ReleaseLoop(
        incident_id="incident-" + "0" * 64 if incident is None else incident.incident_id,
        triggers=(
            triggers
            if triggers is not None
            else incident.triggers
            if incident is not None
            else frozenset()
        ),
        person=who,
        reason=reason,
        at_ns=memory.state.time_ns + after_s * SECOND_NS,
        policy=safety_policy(),
    )


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("signal-lag", readings(lag_ms=reading_of(600_000.0))),
        ("fallback-ratio", readings(fallback_ratio=reading_of(0.25, samples=4))),
        ("drawdown", readings(drawdown_ratio=reading_of(0.08))),
        ("universe-unavailable", readings(universe="unavailable")),
        ("evidence-corrupt", readings(evidence="corrupt")),
    ],
)
def test_limit_that_is_reached_stops_the_loop(trigger: Trigger, told: SafetyReadings) -> None:
    memory = latch()

    assert evaluate(memory, told) == ["loop-stopped"]
    assert memory.state.incident is not None
    assert memory.state.incident.triggers == {trigger}


@pytest.mark.parametrize(
    "told",
    [
        readings(lag_ms=reading_of(599_999.0)),
        readings(lag_ms=reading_of(600_000.0), session="closed"),
        readings(fallback_ratio=reading_of(0.2499, samples=10_000)),
        readings(fallback_ratio=reading_of(None, samples=0)),
        readings(drawdown_ratio=reading_of(0.0799)),
        readings(lane="failed"),
        readings(signal_age_ms=reading_of(180_001.0)),
        readings(fallback_ratio=declared_off(DIGEST)),
    ],
)
def test_what_stays_below_its_limit_does_not(told: SafetyReadings) -> None:
    assert evaluate(latch(), told) == []


@pytest.mark.parametrize(
    "nothing",
    [reading_of(None), reading_of(math.nan), reading_of(-math.inf), reading_of(-1.0)],
    ids=["missing", "nan", "infinite", "impossible"],
)
@pytest.mark.parametrize("name", ["lag_ms", "fallback_ratio", "drawdown_ratio"])
def test_number_that_is_none_stops_as_if_its_limit_were_reached(
    name: str, nothing: Reading
) -> None:
    assert evaluate(latch(), readings(**{name: nothing})) == ["loop-stopped"]


@pytest.mark.parametrize("name", ["universe", "evidence"])
def test_what_nobody_knows_stops(name: str) -> None:
    assert evaluate(latch(), readings(**{name: "unknown"})) == ["loop-stopped"]


def test_ratio_above_one_is_no_ratio() -> None:
    memory = latch()
    evaluate(memory, readings(drawdown_ratio=reading_of(1.5)))

    assert memory.state.last is not None
    assert [b.reason for b in memory.state.last.breaches] == ["unmeasured"]


def test_session_of_which_nothing_is_known_counts_as_open() -> None:
    told = readings(lag_ms=reading_of(600_000.0), session="unknown")

    assert evaluate(latch(), told) == ["loop-stopped"]


def test_third_stale_evaluation_in_a_row_stops() -> None:
    stale = readings(signal_age_ms=reading_of(180_001.0))

    assert evaluate(latch(), stale, stale, readings(), stale, stale) == []
    assert evaluate(latch(), stale, stale, stale) == ["loop-stopped"]


def test_closed_session_holds_the_staleness_streak() -> None:
    stale = readings(signal_age_ms=reading_of(180_001.0))
    closed = readings(session="closed", signal_age_ms=reading_of(9e9))

    assert evaluate(latch(), stale, stale, closed, closed, closed, stale) == ["loop-stopped"]


def test_signal_age_that_is_unknown_is_stale() -> None:
    unknown = readings(signal_age_ms=reading_of(None))

    assert evaluate(latch(), unknown, unknown, unknown) == ["loop-stopped"]


def test_third_failed_lane_run_stops_however_many_cycles_ran_none() -> None:
    failed, none = readings(lane="failed"), readings(lane="none")

    assert evaluate(latch(), failed, none, failed, none, none, failed) == ["loop-stopped"]
    assert evaluate(latch(), failed, failed, readings(), failed, failed) == []


def test_lag_recovers_after_three_clean_evaluations_in_a_row() -> None:
    memory = latch()

    assert evaluate(memory, LAG, readings(), readings()) == ["loop-stopped"]
    assert evaluate(memory, LAG, readings(), readings()) == []
    assert evaluate(memory, readings()) == ["loop-recovered"]
    assert memory.state.incident is None


@pytest.mark.parametrize(
    "spoilt",
    [
        readings(session="closed"),
        readings(session="unknown"),
        readings(lane="failed"),
        readings(fallback_ratio=reading_of(None, samples=0)),
        readings(signal_age_ms=reading_of(180_001.0)),
    ],
)
def test_evaluation_that_is_not_clean_begins_the_recovery_anew(spoilt: SafetyReadings) -> None:
    memory = latch()

    assert evaluate(memory, LAG, readings(), readings(), spoilt, readings(), readings()) == [
        "loop-stopped"
    ]
    assert evaluate(memory, readings()) == ["loop-recovered"]


def test_other_triggers_never_recover() -> None:
    memory = latch()
    evaluate(memory, FALLBACK)

    assert evaluate(memory, *[readings()] * 20) == []
    assert memory.state.incident is not None


def test_trigger_that_comes_later_ends_the_recovery_for_good() -> None:
    memory = latch()

    assert evaluate(memory, LAG, FALLBACK) == ["loop-stopped", "incident-extended"]
    assert evaluate(memory, *[readings()] * 20) == []
    assert memory.state.incident is not None
    assert memory.state.incident.triggers == {"signal-lag", "fallback-ratio"}


def test_evidence_is_the_file_that_the_event_names() -> None:
    memory = latch()
    evaluate(memory, LAG)
    (stopped,) = [event for event in memory.events() if isinstance(event, LoopStopped)]
    assert memory.state.last is not None
    assert memory.state.incident is not None

    body = incident_bytes(memory.state.last, latch="main", incident=memory.state.incident)

    assert stopped.rollback_incident_evidence_path == incident_path(memory.state.incident)
    assert stopped.rollback_incident_evidence_sha256 == sha256_hex(body)
    assert StopIncident.model_validate(parse_json_object(body)).evaluated == memory.state.last


def test_extension_has_an_evidence_file_of_its_own() -> None:
    memory = latch()
    evaluate(memory, LAG, FALLBACK)
    first, second = (
        event for event in memory.events() if isinstance(event, LoopStopped | IncidentExtended)
    )

    assert first.incident_id == second.incident_id
    assert first.rollback_incident_evidence_path != second.rollback_incident_evidence_path
    assert first.rollback_incident_evidence_sha256 != second.rollback_incident_evidence_sha256


def test_the_same_stop_again_is_another_incident() -> None:
    memory = latch()
    evaluate(memory, FALLBACK)
    memory.send(release(memory, ANN))
    evaluate(memory, FALLBACK)

    ids = [event.incident_id for event in memory.events() if isinstance(event, LoopStopped)]

    assert len(set(ids)) == 2


def test_latches_of_two_loops_have_incidents_of_their_own() -> None:
    ids: set[str] = set()
    for name in ("main", "other"):
        command = EvaluateSafety(
            latch=name, evaluation=1, at_ns=START_NS, readings=LAG, policy=safety_policy()
        )
        stopped = latch().send(command)[1]
        assert isinstance(stopped, LoopStopped)
        ids.add(stopped.incident_id)

    assert len(ids) == 2


def test_one_person_releases_on_paper() -> None:
    memory = latch()
    evaluate(memory, FALLBACK)

    (event,) = memory.send(release(memory, ANN))

    assert isinstance(event, LoopReleased)
    assert event.persons == (ANN,)
    assert memory.state.incident is None


def test_live_needs_two_people() -> None:
    memory = latch()
    evaluate(memory, readings(mode="live", drawdown_ratio=reading_of(0.5)))

    (first,) = memory.send(release(memory, ANN))
    assert isinstance(first, ReleaseRequested)
    assert memory.state.incident is not None
    (second,) = memory.send(release(memory, BEN))

    assert isinstance(second, LoopReleased)
    assert second.persons == (ANN, BEN)


def test_one_key_under_two_names_is_one_person() -> None:
    memory = latch()
    evaluate(memory, readings(mode="live", evidence="corrupt"))
    memory.send(release(memory, ANN))

    with pytest.raises(SecondPersonNeededError):
        memory.send(release(memory, Person(name="ann-again", key=ANN.key)))


def test_incident_once_live_stays_one_that_needs_two() -> None:
    memory = latch()
    evaluate(memory, FALLBACK, readings(mode="live"), readings(mode="paper"))

    (first,) = memory.send(release(memory, ANN))

    assert isinstance(first, ReleaseRequested)


def test_second_person_must_come_in_time() -> None:
    memory = latch()
    evaluate(memory, readings(mode="live", evidence="corrupt"))
    memory.send(release(memory, ANN))

    (late,) = memory.send(release(memory, BEN, after_s=901))

    assert isinstance(late, ReleaseRequested)
    assert late.person == BEN
    assert memory.state.incident is not None


def test_first_persons_word_does_not_cover_what_came_later() -> None:
    memory = latch()
    evaluate(memory, readings(mode="live", evidence="corrupt"))
    memory.send(release(memory, ANN))
    evaluate(memory, readings(mode="live", universe="unavailable"))

    (event,) = memory.send(release(memory, BEN))

    assert isinstance(event, ReleaseRequested)


def test_release_names_what_it_releases() -> None:
    memory = latch()
    with pytest.raises(NotStoppedError):
        memory.send(release(memory, ANN))
    evaluate(memory, FALLBACK)
    seen = release(memory, ANN)
    evaluate(memory, readings(evidence="corrupt"))

    with pytest.raises(TriggersUnacknowledgedError):
        memory.send(seen)
    memory.send(release(memory, ANN))
    evaluate(memory, FALLBACK)
    with pytest.raises(IncidentMismatchError):
        memory.send(seen)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_release_says_why(reason: str) -> None:
    memory = latch()
    evaluate(memory, FALLBACK)

    with pytest.raises(ReasonMissingError):
        memory.send(release(memory, ANN, reason=reason))


def test_release_forgets_the_streaks_that_it_answers_for() -> None:
    memory = latch()
    evaluate(memory, *[readings(lane="failed")] * 3)
    memory.send(release(memory, ANN))

    assert evaluate(memory, readings(lane="none"), readings(lane="failed")) == []


def test_release_that_is_delivered_twice_releases_once() -> None:
    memory = latch()
    evaluate(memory, readings(mode="live", evidence="corrupt"))
    first = release(memory, ANN)
    memory.send(first)
    assert memory.send(first) == []
    second = release(memory, BEN)
    memory.send(second)

    assert memory.send(second) == []
    assert memory.send(first) == []


def test_evaluation_that_is_delivered_twice_counts_once() -> None:
    memory = latch()
    stale = EvaluateSafety(
        latch="main",
        evaluation=1,
        at_ns=START_NS,
        readings=readings(signal_age_ms=reading_of(1e9)),
        policy=safety_policy(),
    )

    assert len(memory.send(stale)) == 1
    assert memory.send(stale) == []
    assert memory.state.streaks.stale == 1


@pytest.mark.parametrize("number", [1, 3, 0])
def test_evaluation_that_is_not_the_next_one_is_refused(number: int) -> None:
    memory = latch()
    evaluate(memory, readings())
    command = EvaluateSafety(
        latch="main", evaluation=number, at_ns=START_NS, readings=LAG, policy=safety_policy()
    )

    with pytest.raises(OutOfOrderError):
        memory.send(command)


def test_time_never_runs_back() -> None:
    memory = latch()
    evaluate(memory, readings(), readings())
    before = memory.state.time_ns
    command = EvaluateSafety(
        latch="main", evaluation=3, at_ns=0, readings=readings(), policy=safety_policy()
    )

    memory.send(command)

    assert memory.state.time_ns == before


def test_recovered_event_names_its_incident() -> None:
    memory = latch()
    evaluate(memory, LAG, *[readings()] * 3)
    stopped, recovered = (
        event for event in memory.events() if isinstance(event, LoopStopped | LoopRecovered)
    )

    assert stopped.incident_id == recovered.incident_id
