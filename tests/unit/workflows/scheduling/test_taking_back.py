"""A rollback reaches the ledger before the loop, and never leaves what is bad trading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import CHAMPION, FakeLoop, lane_commands
from tests.support.governance.approving import CANDIDATE
from tests.support.governance.governing import START_NS
from tests.support.governance.promoting import ROLLED_OUT, facts, office
from tests.support.scheduling.governed import Desk
from torghut.governance.ledger.ledger import LEDGER, Promote, ledger_stream, program_ledger
from torghut.governance.ledger.state import LedgerState
from torghut.schemas.control import ControlRecord, PackageChanged, ReasoningModeChanged
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.ledger import CandidatePromoted, LedgerCandidate, LedgerEvent
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.approving.promoting import register_candidate, revert
from torghut.workflows.scheduling.clearing import RecordedClearances
from torghut.workflows.scheduling.ports import Answer
from torghut.workflows.streams import Streams

ROUTER: Final = "index-daily"
LAG: Final = reading_of(600_000.0)


def promotion_of(command: Promote) -> LedgerEvent:
    """Return the event of a promotion that would be refused now."""
    return CandidatePromoted(
        promotion_id=command.promotion_id,
        digest=command.digest,
        target=command.target,
        manifest=command.manifest.content_hash,
        approval=None,
        replaces=command.replaces,
        version=1,
        at_ns=command.at_ns,
    )


class LedgerDesk(Desk):
    """A scheduler whose candidate serves, as the ledger has it; ``CHAMPION`` did before."""

    def __init__(
        self,
        loop: FakeLoop | None = None,
        *,
        candidate: LedgerCandidate = ROLLED_OUT,
        ledger: str = ROUTER,
    ) -> None:
        super().__init__(loop)
        self.name = ledger
        streams = Streams(self.log)
        run(register_candidate(streams, ledger, candidate, run_id="run-1", at_ns=START_NS))
        shown = facts("it", candidate=candidate.digest)
        promoted = Promote(
            promotion_id="promotion-1",
            digest=candidate.digest,
            target="paper",
            expected_version=0,
            manifest=shown,
            replaces=CHAMPION,
            approval=None,
            at_ns=START_NS,
        )
        if candidate.package is None:  # as it was promoted once
            events = [promotion_of(promoted)]
        else:
            events = list(LEDGER.decide(promoted, self.ledger))
        stream = ledger_stream(ledger)
        run(self.log.append_events(stream, events, expected_version=1, causes=CAUSES))
        self.reopen()
        self.lane.waiting.append(lane_commands())

    def reopen(self) -> None:
        """Let another process go on."""
        self.restart()
        routers = {"fxcm:EURUSD": ROUTER}
        self.governor.clearances = RecordedClearances(office=office(self.log), routers=routers)

    @property
    def ledger(self) -> LedgerState:
        """What the ledger says."""
        return run(office(self.log).ledger(self.name))

    def packages(self) -> list[PackageChanged]:
        """Return the changes of the package that the loop took."""
        return [one for one in self.loop.recorded.values() if isinstance(one, PackageChanged)]


def modes(desk: Desk) -> list[str]:
    """Return how the loop was told to go about advice."""
    recorded = desk.loop.recorded.values()
    return [one.mode for one in recorded if isinstance(one, ReasoningModeChanged)]


def stopped(desk: Desk) -> IterationNote:
    """Run the candidate, and then a cycle that closes the latch."""
    desk.cycle()
    return desk.cycle(lag_ms=LAG)


def test_a_rollback_takes_the_candidate_back_in_the_ledger_too() -> None:
    desk = LedgerDesk()
    assert desk.ledger.digest_of("champion") == CANDIDATE

    stopped(desk)

    assert desk.ledger.digest_of("champion") is None
    assert desk.ledger.serving == CHAMPION
    assert [(one.router, one.package) for one in desk.packages()] == [(ROUTER, CHAMPION)]
    assert desk.manifest().rollback_proof.status == "pass"


def test_the_incident_is_the_cause_and_counts_once() -> None:
    desk = LedgerDesk()
    note = stopped(desk)
    desk.cycle(lag_ms=LAG)
    desk.reopen()
    desk.cycle(lag_ms=LAG)

    assert note.rollback_evidence is not None
    assert desk.ledger.version == 2
    (cause,) = desk.ledger.reverts
    assert cause.startswith("incident-")
    assert len(desk.packages()) == 1


class Killed(BaseException):
    """The process is gone."""


class DyingLoop(FakeLoop):
    """A loop whose caller dies when it is to go back."""

    dies = True

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        if self.dies and any(isinstance(one, PackageChanged) for one in records):
            raise Killed
        return await super().offer(records)


def test_killed_between_the_ledger_and_the_loop_the_next_cycle_goes_on() -> None:
    loop = DyingLoop()
    desk = LedgerDesk(loop)
    with pytest.raises(Killed):
        stopped(desk)
    assert desk.ledger.serving == CHAMPION
    assert desk.packages() == []

    loop.dies = False
    desk.reopen()
    desk.cycle(lag_ms=LAG)

    assert [one.package for one in desk.packages()] == [CHAMPION]
    assert desk.ledger.version == 2
    assert desk.manifest().rollback_proof.status == "pass"


def test_one_that_went_from_paper_to_live_is_not_taken_back_to_itself() -> None:
    desk = LedgerDesk()
    again = Promote(
        promotion_id="promotion-2",
        digest=CANDIDATE,
        target="paper",
        expected_version=1,
        manifest=facts("again", candidate=CANDIDATE),
        replaces=None,
        approval=None,
        at_ns=START_NS,
    )
    events = LEDGER.decide(again, desk.ledger)
    run(desk.log.append_events(ledger_stream(ROUTER), events, expected_version=2, causes=CAUSES))

    stopped(desk)

    assert [one.package for one in desk.packages()] == [CHAMPION]


def test_where_the_loop_refuses_to_go_back_it_is_stopped() -> None:
    desk = LedgerDesk(FakeLoop(refuses=frozenset({"package-changed"})))
    desk.cycle()
    desk.meter.drift("performance_drawdown_exceeded")

    note = desk.cycle()

    assert desk.loop.stopped
    assert any("a file stops it until people release it" in one for one in note.remarks)
    assert desk.manifest().rollback_proof.reason == "rollback-not-in-force"
    desk.loop.refuses = frozenset()
    desk.cycle()
    assert [one.package for one in desk.packages()] == [CHAMPION]
    assert desk.manifest().rollback_proof.status == "pass"


def test_where_no_file_can_stop_it_either_the_cycle_says_so_and_goes_on() -> None:
    desk = LedgerDesk(FakeLoop(refuses=frozenset({"package-changed"}), full=True))
    desk.cycle()
    desk.meter.drift("performance_drawdown_exceeded")

    notes = [desk.cycle() for _ in range(4)]

    assert all(any("no file stops it" in line for line in one.remarks) for one in notes)
    desk.loop.full = False
    desk.cycle()
    assert desk.loop.stopped


def test_where_it_refuses_the_stop_too_a_file_stops_it() -> None:
    desk = LedgerDesk(FakeLoop(refuses=frozenset({"package-changed", "stop"})))
    desk.cycle()
    desk.meter.drift("performance_drawdown_exceeded")

    note = desk.cycle()

    assert desk.loop.thrown
    assert any("a file stops it" in one for one in note.remarks)


@pytest.mark.parametrize("served", [True, False])
def test_a_rollback_of_declarations_proves_nothing_and_says_why(*, served: bool) -> None:
    declared = LedgerCandidate(candidate_id=ROLLED_OUT.candidate_id, digest=CANDIDATE, package=None)
    desk = LedgerDesk(candidate=declared)
    if not served:
        run(revert(office(desk.log), ROUTER, cause="by-hand", reason="news"))
        desk.reopen()

    note = stopped(desk)

    assert desk.packages() == []
    assert desk.loop.stopped
    assert desk.ledger.digest_of("champion") is None
    assert desk.manifest().rollback_proof.status == "fail"
    assert desk.manifest().rollback_proof.reason == "rollback-not-in-force"
    assert any("the candidate is declarations" in one for one in note.remarks)


def test_a_rollback_of_a_program_has_nobody_asked_and_decisions_show_it() -> None:
    desk = LedgerDesk(ledger=program_ledger("committee"))
    desk.cycle()
    desk.meter.drift("performance_drawdown_exceeded")

    desk.cycle()
    desk.cycle()

    assert desk.ledger.digest_of("champion") is None
    assert modes(desk) == ["off"]
    assert desk.packages() == []  # the package that decides is not the program's
    assert desk.manifest().rollback_proof.status == "pass"


def test_a_stop_takes_a_program_back_as_well() -> None:
    desk = LedgerDesk(ledger=program_ledger("committee"))

    stopped(desk)
    desk.cycle(lag_ms=LAG)

    assert desk.ledger.version == 2
    assert (modes(desk), desk.packages()) == (["off"], [])
    assert desk.loop.stopped
    assert desk.manifest().rollback_proof.status == "pass"
