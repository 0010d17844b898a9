"""What serves is governed until it is gone, whatever the lane does and whoever dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest
from typing_extensions import override

from tests.fakes.eventlog import run
from tests.fakes.governance import CHAMPION, FakeLane
from tests.support.lane.queueing import asked
from tests.support.scheduling.serving import (
    BESIDE,
    CALM,
    ROUTER,
    A,
    B,
    C,
    DeskClock,
    ServingDesk,
    Tried,
    serving,
)
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import DRIFT, STOP_LATCH, rollout_of
from torghut.workflows.approving.current import check_current
from torghut.workflows.approving.errors import RunFailedSinceError
from torghut.workflows.lane.desk.scheduled import QueuedLane
from torghut.workflows.lane.ports import Admission, LanePorts
from torghut.workflows.lane.running import lane_command
from torghut.workflows.rollout.places import run_folder
from torghut.workflows.scheduling import cycle as cycles


def drifts(desk: ServingDesk) -> IterationNote:
    """Let performance drift for two cycles."""
    desk.meter.drift("performance_net_pnl_below_floor")
    desk.cycle()
    return desk.cycle()


def stops(desk: ServingDesk) -> IterationNote:
    """Let the latch close, for two cycles."""
    desk.stopped()
    return desk.stopped()


def fails(desk: ServingDesk, tried: Tried) -> None:
    """Let a lane break off."""
    desk.lane.breaks_after = 2
    desk.ran(tried)
    desk.lane.breaks_after = None


def passes(desk: ServingDesk, tried: Tried) -> None:
    """Let a lane run through."""
    desk.ran(tried)


def nothing(desk: ServingDesk, tried: Tried) -> None:
    """Let no other run end."""


@pytest.mark.parametrize("meanwhile", [nothing, passes, fails])
@pytest.mark.parametrize("happens", [drifts, stops])
def test_what_serves_is_taken_back_whatever_run_ended_last(
    happens: Callable[[ServingDesk], IterationNote],
    meanwhile: Callable[[ServingDesk, Tried], None],
) -> None:
    desk = serving(A)
    shown = desk.checked(A)
    meanwhile(desk, B)

    happens(desk)

    assert desk.ledger().digest_of("champion") is None
    assert desk.package() == CHAMPION
    assert desk.rollback(A).effective is not None
    assert (desk.says(A).status, desk.says(A).runtime_governance.reason) == (
        "fail",
        "rollback-triggered",
    )
    assert desk.says(A).rollback_proof.status == "pass"
    desk.released()
    with pytest.raises(RunFailedSinceError):
        run(check_current(desk.office, shown, target="paper"))


def test_the_note_names_what_serves_and_the_current_manifest_is_of_the_run_that_ended_last() -> (
    None
):
    desk = serving(A)
    desk.ran(B)
    desk.meter.drift("performance_net_pnl_below_floor")
    note = desk.cycle()

    assert desk.manifest().run_id == B.run_id
    assert note.phase_manifest is not None
    assert note.phase_manifest.path.startswith(run_folder(B.run_id, 1))
    assert note.rollback_evidence is not None
    (line,) = [one for one in note.remarks if one.startswith("run-a of router-a")]
    assert "fail, rollback-triggered" in line
    assert note.rollback_evidence.path in line
    proof = desk.says(A).rollback_proof
    assert proof.drift_last_detection_path is not None
    assert proof.drift_last_detection_path.startswith("drift/run-a/")


def test_a_run_beside_what_serves_is_rolled_back_to_what_that_leaves_in_force() -> None:
    desk = serving(A)
    desk.ran(B)

    stops(desk)

    assert desk.rollback(B).triggered is not None
    assert desk.says(B).rollback_proof.status == "pass"
    assert desk.package() == CHAMPION


def test_every_router_is_looked_after() -> None:
    desk = serving(A, C)
    desk.ran(B)

    drifts(desk)
    desk.cycle()

    assert desk.ledger(ROUTER).digest_of("champion") is None
    assert desk.ledger(BESIDE).digest_of("champion") is None
    assert {desk.says(one).status for one in (A, C)} == {"fail"}
    assert run(desk.governor.governance.state(DRIFT)).rollbacks == ()


def test_a_rollback_under_way_goes_on_after_another_run_ended_and_after_a_restart() -> None:
    desk = serving(A)
    desk.meter.drift("performance_net_pnl_below_floor")
    desk.loop.away = True
    desk.cycle()
    assert desk.ledger().digest_of("champion") is None
    assert desk.package() == A.candidate.package

    desk.well()
    desk.ran(B)
    desk.reopen()
    desk.loop.away = False
    for _ in range(3):
        desk.cycle()

    assert desk.package() == CHAMPION
    assert desk.rollback(A).drained is not None
    assert run(desk.governor.governance.state(DRIFT)).rollbacks == ()
    assert desk.says(A).status == "fail"
    assert desk.manifest().run_id == B.run_id
    assert desk.governor.owed == set()


def test_a_rollback_that_nobody_heard_leaves_alone_what_people_promoted_since() -> None:
    again = replace(A, run_id="run-a-2")
    desk = ServingDesk()
    for one in (A, again, B):
        desk.ran(one)
    desk.serves(A)
    desk.meter.drift("performance_net_pnl_below_floor")
    desk.loop.away = True
    desk.cycle()
    desk.well()
    desk.serves(again)
    desk.loop.away = False
    desk.cycle()

    assert desk.rollback(A).superseded is not None
    assert desk.says(A).status == "fail"
    assert desk.ledger().digest_of("champion") == A.candidate.digest
    assert desk.package() == A.candidate.package


def test_another_run_of_what_is_taken_back_does_not_put_it_in_force_again() -> None:
    desk = serving(A)
    desk.loop.away = True
    desk.stopped()
    desk.released()
    desk.well()
    desk.meter.drift("performance_net_pnl_below_floor")
    desk.cycle(fallback_ratio=CALM)
    again = replace(A, run_id="run-a-2")
    desk.ran(again)
    desk.loop.away = False
    for _ in range(3):
        desk.cycle()

    assert desk.package() == CHAMPION
    assert {desk.says(one).status for one in (A, again)} == {"fail"}


def test_what_is_done_with_is_no_longer_looked_at() -> None:
    desk = serving(A)
    desk.ran(B)
    drifts(desk)
    desk.well()
    desk.cycle()
    desk.reopen()
    note = desk.cycle()

    assert note.remarks == ()
    assert desk.governor.owed == set()


def test_one_that_was_promoted_twice_is_answered_for_by_both_runs() -> None:
    again = replace(A, attempt=2)
    desk = serving(A)
    desk.ran(again)
    desk.serves(again)
    desk.ran(B)

    drifts(desk)

    assert {desk.says(one).status for one in (A, again)} == {"fail"}
    assert desk.ledger().version == 3


def test_altered_evidence_of_what_serves_stops_the_loop_after_another_run_ended() -> None:
    desk = serving(A)
    desk.ran(B)
    path = desk.says(A).phases[0].slo_gates[0].evidence[0].path
    desk.store.replace(path, b"{}")
    desk.cycle()

    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.incident.triggers == {"evidence-corrupt"}


class Killed(BaseException):
    """The process is gone."""


def killed_before_rollbacks(desk: ServingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the latch close, and the process die before anything follows from it."""

    async def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(cycles, "roll_back", die)
        with pytest.raises(Killed):
            desk.stopped()


@pytest.mark.parametrize("again", [1, 3])
@pytest.mark.parametrize("meanwhile", [nothing, passes])
def test_a_stop_whose_cycle_died_takes_back_what_served_although_people_released_it(
    meanwhile: Callable[[ServingDesk, Tried], None],
    again: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = serving(A)
    for _ in range(again):
        killed_before_rollbacks(desk, monkeypatch)
        desk.reopen()
    desk.released()
    desk.well()
    meanwhile(desk, B)
    desk.cycle(fallback_ratio=CALM)
    desk.cycle()

    assert desk.ledger().digest_of("champion") is None
    assert desk.package() == CHAMPION
    assert desk.says(A).runtime_governance.reason == "rollback-triggered"
    assert not desk.loop.stopped


def test_a_stop_whose_cycle_died_fails_the_run_that_had_ended_last_and_not_a_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = ServingDesk()
    desk.ran(A)
    killed_before_rollbacks(desk, monkeypatch)
    desk.reopen()
    desk.released()
    desk.well()
    desk.register(B)
    desk.cycle(fallback_ratio=CALM)
    desk.cycle()

    assert desk.says(A).runtime_governance.reason == "rollback-triggered"
    assert desk.rollback(A).superseded is not None
    assert desk.says(B).status == "pass"
    assert desk.rollback(B).triggered is None


def test_one_that_is_promoted_after_a_stop_was_released_does_not_answer_for_it() -> None:
    desk = ServingDesk()
    desk.ran(B)
    desk.ran(replace(C, router=ROUTER))
    desk.stopped()
    desk.released()
    desk.well()
    desk.cycle(fallback_ratio=CALM)
    desk.serves(B)
    for _ in range(3):
        desk.cycle()

    assert desk.ledger().digest_of("champion") == B.candidate.digest
    assert desk.says(B).status == "pass"
    assert desk.rollback(B).triggered is None


def test_a_demand_is_answered_although_people_took_the_candidate_back_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = serving(A)
    desk.ran(B)

    async def die(*_: object, **__: object) -> None:
        raise Killed

    desk.meter.drift("performance_net_pnl_below_floor")
    with monkeypatch.context() as patched:
        patched.setattr(cycles, "roll_back", die)
        with pytest.raises(Killed):
            desk.cycle()
    desk.reverted()
    desk.well()
    desk.reopen()
    desk.cycle()
    desk.cycle()

    assert desk.rollback(A).triggered is not None
    assert desk.says(A).runtime_governance.reason == "rollback-triggered"
    assert run(desk.governor.governance.state(DRIFT)).rollbacks == ()
    started = run(desk.governor.governance.state(rollout_of(A.run_id)))
    assert started.reassessed is not None


class QueuedDesk(ServingDesk):
    """A scheduler with the lane's real queue, whose children die before their run begins."""

    @property
    @override
    def lane(self) -> FakeLane:
        return FakeLane(governance=self.governor.governance)

    def queue(self) -> None:
        """Let the queue say which run ended last."""
        ports = LanePorts(
            events=self.log,
            store=self.store,
            wall=DeskClock(self),
            admission=Admission(target="paper"),
            cycle_length_s=60,
            drift_max_age_ms=1_800_000,
        )

        async def child(_epoch: int, _holder: str) -> str:
            return "exit status 1"

        self.governor.lane = QueuedLane(
            ports=ports, start=child, turn=lambda: nullcontext(enter_result=True)
        )


def test_a_submission_whose_child_dies_at_once_takes_nobody_out_of_governance() -> None:
    desk = serving(A)
    desk.__class__ = QueuedDesk
    assert isinstance(desk, QueuedDesk)
    desk.queue()
    submission = SubmitCandidate(
        asked=LaneAsked.model_validate({**asked("x").model_dump(mode="json"), "author": None}),
        at_ns=desk.now_ns,
    )
    run(lane_command(desk.log, submission, "anybody"))
    desk.cycle()
    current = run(desk.governor.lane.current())
    assert current is not None
    assert current.run_id.startswith("lane-")

    drifts(desk)

    assert desk.ledger().digest_of("champion") is None
    assert desk.package() == CHAMPION
    assert desk.says(A).runtime_governance.reason == "rollback-triggered"
