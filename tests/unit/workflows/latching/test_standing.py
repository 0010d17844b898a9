"""How the latch stands is told out of its events, with the evidence looked at again."""

from __future__ import annotations

from typing import Final

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.eventlog import run
from tests.support.governance.governing import SECOND_NS, readings, safety_policy
from tests.support.governance.promoting import keyring, someone
from tests.support.governance.releasing import FALLBACK, LAG, LatchLog
from torghut.governance.safety.latch import LATCH, ReleaseLoop, incident_bytes, incident_path
from torghut.schemas.governing.fields import reading_of
from torghut.workflows.aggregates import LATCH_NAME, STOP_LATCH
from torghut.workflows.latching.standing import ClosedLatch, LatchStanding, latch_standing

DRAWDOWN: Final = readings(drawdown_ratio=reading_of(0.09))


def kept(log: LatchLog) -> InMemoryArtifacts:
    """Return the artifact root of whoever governed ``log``."""
    latch = log.latch
    if latch.incident is None or latch.caused_by is None:
        return InMemoryArtifacts()
    body = incident_bytes(latch.caused_by, latch=LATCH_NAME, incident=latch.incident)
    return InMemoryArtifacts({incident_path(latch.incident): body})


def standing(log: LatchLog, store: InMemoryArtifacts | None = None) -> LatchStanding:
    """Return how the latch of ``log`` stands."""
    stop = safety_policy().stop
    root = kept(log) if store is None else store
    return run(latch_standing(log.events, root, keyring(), stop, now_ns=log.now_ns))


def closed(log: LatchLog, store: InMemoryArtifacts | None = None) -> ClosedLatch:
    """Return what keeps the latch of ``log`` closed."""
    found = standing(log, store).closed
    assert found is not None
    return found


def test_latch_that_nobody_evaluated_is_known_of_by_nobody() -> None:
    found = standing(LatchLog())

    assert (found.evaluated, found.closed) == (None, None)


def test_open_latch_has_nothing_that_closes_it() -> None:
    log = LatchLog()
    log.evaluate(readings())
    found = standing(log)

    assert found.closed is None
    assert found.evaluated is not None


def test_closed_latch_is_told_with_the_reading_that_closed_it() -> None:
    log = LatchLog()
    log.evaluate(readings(), LAG)
    since = log.now_ns
    log.evaluate(readings())
    found = closed(log)
    (one,) = found.triggers

    assert found.since_ns == since
    assert (one.trigger, one.breach.value, one.breach.threshold, one.breach.unit) == (
        "signal-lag",
        600_000.0,
        600_000.0,
        "ms",
    )
    assert (one.recovers, one.now, one.at_ns) == (True, None, since)
    assert (found.clean, found.clean_needed) == (1, 3)
    assert found.found == "as-written"


def test_what_was_added_later_keeps_its_own_time_and_reading() -> None:
    log = LatchLog()
    log.evaluate(LAG)
    since = log.now_ns
    log.evaluate(DRAWDOWN)
    found = closed(log)

    assert found.since_ns == since
    assert [(one.trigger, one.at_ns) for one in found.triggers] == [
        ("signal-lag", since),
        ("drawdown", since + 60 * SECOND_NS),
    ]
    assert found.triggers[1].now is not None
    assert found.clean_needed is None
    assert found.evidence.path.endswith("-1.json")


def test_evidence_is_looked_at_again() -> None:
    log = LatchLog()
    log.evaluate(FALLBACK)
    path = closed(log).evidence.path

    assert closed(log, InMemoryArtifacts()).found == "missing"
    assert closed(log, InMemoryArtifacts({path: b"{}"})).found == "altered"
    assert closed(log, InMemoryArtifacts({f"{path}/x": b"{}"})).found == "unreadable"


def test_first_half_of_a_release_is_told_while_it_holds() -> None:
    log = LatchLog()
    log.evaluate(readings(mode="live", drawdown_ratio=reading_of(0.09)))
    log.release("ben")
    asked = closed(log).request

    assert asked is not None
    assert asked.person == someone("ben")
    assert closed(log).live
    log.now_ns = asked.expires_at_ns + 1
    assert closed(log).request is None


def test_release_that_people_signed_opens_it() -> None:
    log = LatchLog()
    log.evaluate(FALLBACK)
    log.release("ben")
    found = standing(log)

    assert (found.closed, found.unproven) == (None, "")
    assert found.state.released is not None


def test_release_that_somebody_wrote_is_said_to_be_unproven() -> None:
    log = LatchLog()
    log.evaluate(FALLBACK)
    incident = log.latch.incident
    assert incident is not None
    release = ReleaseLoop(
        incident_id=incident.incident_id,
        triggers=incident.triggers,
        person=someone("ben"),
        reason="because",
        at_ns=log.now_ns,
        policy=safety_policy(),
    )
    run(log.governance.run(STOP_LATCH, release))

    assert "no signature" in standing(log).unproven
    log.evaluate(LAG, *[readings()] * 3)  # what recovers afterwards needs nobody's signature
    assert log.latch == LATCH.fold(
        [STOP_LATCH.read(one) for one in run(log.events.read_events(STOP_LATCH.stream))]
    )
    assert standing(log).unproven == ""
