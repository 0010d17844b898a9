"""What a run showed once earns nothing where governance has found otherwise since."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.approving import CANDIDATE
from tests.support.governance.governing import SECOND_NS, START_NS, safety_policy
from tests.support.governance.promoting import (
    ROLLED_OUT,
    Grounds,
    claim,
    fingerprint_of,
    office,
    run_for,
    shown,
    signing,
)
from tests.support.governance.releasing import FALLBACK, LatchLog
from tests.support.lane.rollouts import RUN_ID, examined, incident, reassess
from tests.unit.workflows.approving.test_answering import ask, grant, log_with_candidate
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.safety.continuity import ObserveCycle
from torghut.kernel.errors import TorghutError
from torghut.workflows.aggregates import SIGNALS, Governance, rollout_of
from torghut.workflows.approving.answering import promotion_asked, request_approval
from torghut.workflows.approving.errors import (
    ManifestDiffersError,
    RunFailedSinceError,
    RunRefusedError,
    RunTooOldError,
    RunUnrecordedError,
    SignalsMissingError,
    StopHoldsError,
)
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import promote, register_candidate
from torghut.workflows.streams import Streams

ROUTER: Final = "index-daily"
WEEK_S: Final = 7 * 86_400
FINAL_S: Final = 8
"""Into it the runs are final."""

ROLLED_BACK: Final = RollbackFacts(triggered=True, in_force=True, incident=examined(incident()))
Asking = Callable[[Office], object]


def to_paper(place: Office) -> object:
    """Promote the candidate to paper."""
    return run(promote(place, shown(), grounds=Grounds(), approval=None))


def for_live(place: Office) -> object:
    """Ask for the candidate's promotion to live."""
    manifest = shown()
    return run(
        request_approval(
            place,
            manifest,
            promotion_asked(manifest, CANDIDATE, Decimal(1000)),
            author=fingerprint_of("author"),
            reason="better",
            sign=signing("author"),
        )
    )


BOTH: Final = pytest.mark.parametrize("asking", [to_paper, for_live])


def refused(place: Office, asking: Asking, kind: type[TorghutError]) -> str:
    """Return why something is refused that leaves no trace."""
    names = run(place.events.streams(""))
    with pytest.raises(kind) as error:
        asking(place)
    assert run(place.events.streams("")) == names
    assert run(place.ledger(ROUTER)).champion is None
    return str(error.value)


@BOTH
def test_a_run_that_failed_since_earns_nothing(asking: Asking) -> None:
    log = log_with_candidate()
    governance = Governance(streams=Streams(log), causes=CAUSES)
    run(governance.run(rollout_of(RUN_ID), reassess(ROLLED_BACK)))

    said = refused(office(log), asking, RunFailedSinceError)

    assert "rollback-triggered" in said
    assert "run the lane again" in said


@BOTH
def test_a_run_that_recovered_earns_what_it_earned(asking: Asking) -> None:
    log = log_with_candidate()
    governance = Governance(streams=Streams(log), causes=CAUSES)
    run(governance.run(rollout_of(RUN_ID), reassess(drift="unhealthy")))
    refused(office(log), asking, RunFailedSinceError)

    run(governance.run(rollout_of(RUN_ID), reassess(late=2)))

    assert asking(office(log))


@BOTH
def test_a_run_that_governance_does_not_know_earns_nothing(asking: Asking) -> None:
    log = InMemoryLog(clock=HandClock())
    run(register_candidate(Streams(log), ROUTER, ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    claim(log)

    assert RUN_ID in refused(office(log), asking, RunUnrecordedError)


@BOTH
def test_a_file_that_is_not_what_the_events_come_to_earns_nothing(asking: Asking) -> None:
    log = InMemoryLog(clock=HandClock())
    run(register_candidate(Streams(log), ROUTER, ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    claim(log)
    governance = Governance(streams=Streams(log), causes=CAUSES)
    for command in run_for("paper")[:-1]:
        run(governance.run(rollout_of(RUN_ID), command))

    refused(office(log), asking, ManifestDiffersError)


@BOTH
def test_while_the_loop_is_stopped_nothing_is_earned(asking: Asking) -> None:
    log = log_with_candidate()
    latch = LatchLog(events=log)
    latch.evaluate(FALLBACK)
    stopped = latch.latch.incident
    assert stopped is not None

    assert stopped.incident_id in refused(office(log), asking, StopHoldsError)

    latch.release("ben")
    assert asking(office(log))


@BOTH
def test_a_run_is_worth_something_for_as_long_as_is_declared(asking: Asking) -> None:
    assert safety_policy().approvals.run_age_max_ms == WEEK_S * 1000
    log = log_with_candidate()

    refused(office(log, after_s=WEEK_S + FINAL_S + 1), asking, RunTooOldError)

    assert asking(office(log, after_s=WEEK_S + FINAL_S))


def test_what_is_on_record_already_stays_so_at_any_age() -> None:
    log = log_with_candidate()
    to_paper(office(log))

    again = run(promote(office(log, after_s=2 * WEEK_S), shown(), grounds=Grounds(), approval=None))

    assert again.again


def test_without_signals_nothing_goes_to_live() -> None:
    log = log_with_candidate()
    approval = ask(office(log), shown())
    grant(office(log), approval)
    governance = Governance(streams=Streams(log), causes=CAUSES)
    for cycle in range(1, safety_policy().continuity.no_signal_streak + 1):
        command = ObserveCycle(
            cycle=cycle,
            at_ns=START_NS + (3600 + 60 * cycle) * SECOND_NS,
            session="open",
            signals=0,
            reason="source-silent",
            policy=safety_policy().continuity,
        )
        run(governance.run(SIGNALS, command))

    with pytest.raises(SignalsMissingError):
        run(promote(office(log), shown("live"), grounds=Grounds(), approval=approval))

    assert run(office(log).approval(approval)).used is None
    assert to_paper(office(log))


def test_every_refusal_is_one_of_a_run() -> None:
    kinds = RunRefusedError.__subclasses__()

    assert len({kind.code for kind in kinds}) == len(kinds) == 7
