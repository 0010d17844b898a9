"""Each cycle what workers say of the stop latch is held against what it should be."""

from __future__ import annotations

from typing import Final

from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import FakeLoop
from tests.support.scheduling.governed import Desk
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.latch import LoopRecovered
from torghut.workflows.aggregates import STOP_LATCH
from torghut.workflows.scheduling.ports import WorkerStands
from torghut.workflows.scheduling.steps.safety import stop_of, throw_id_of

LATE: Final = reading_of(600_000.0)
IN_TIME: Final = reading_of(0.0)


def worker(*, latched: bool = False, thrown: bool = False, reachable: bool = True) -> WorkerStands:
    """Return how a worker stands."""
    return WorkerStands(
        worker="worker-0", latched=latched, stopped=latched or thrown, reachable=reachable
    )


def stopped_desk(*stands: WorkerStands) -> Desk:
    """Return a scheduler that has just stopped its loop, whose workers stand like that from now."""
    desk = Desk(FakeLoop(stands=[worker()]))  # of before the stop: pages come late
    desk.cycle(lag_ms=LATE)
    desk.loop.stands = stands
    return desk


def stop_id(desk: Desk) -> str:
    """Return the id of the record that stops the loop."""
    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    return stop_of(latch.incident).control_id


def test_stop_is_said_once_while_workers_obey() -> None:
    desk = stopped_desk(worker(latched=True))
    desk.cycle()
    desk.cycle()

    assert list(desk.loop.recorded) == [stop_id(desk)]
    assert desk.loop.thrown == {}


def test_stop_is_said_again_where_a_worker_has_let_go_of_it() -> None:
    desk = stopped_desk(worker(latched=True))
    desk.loop.stands = [worker(latched=True), worker()]
    desk.cycle()
    desk.loop.stands = [worker(latched=True)]
    desk.cycle()

    assert list(desk.loop.recorded) == [stop_id(desk), f"{stop_id(desk)}:2"]
    assert desk.loop.thrown == {}


def test_stop_is_said_again_after_a_restart() -> None:
    desk = stopped_desk(worker())
    desk.restart()
    desk.cycle()

    assert list(desk.loop.recorded) == [stop_id(desk), f"{stop_id(desk)}:2"]


def test_worker_that_goes_on_although_it_was_told_again_is_stopped_by_a_file() -> None:
    desk = stopped_desk(worker())
    desk.cycle()
    assert desk.loop.thrown == {}
    desk.cycle()

    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert list(desk.loop.thrown) == [throw_id_of(latch.incident.incident_id)]


def test_worker_that_has_no_door_is_stopped_by_a_file_that_is_taken_back() -> None:
    desk = stopped_desk(worker(latched=True, reachable=False))
    desk.cycle(lag_ms=IN_TIME)
    assert len(desk.loop.thrown) == 1
    for _ in range(3):
        desk.cycle()

    assert desk.loop.thrown == {}
    assert not [one for one in desk.loop.recorded if one.endswith(":5")]


def test_worker_that_others_stopped_stays_stopped_and_the_note_says_so() -> None:
    desk = stopped_desk(worker(latched=True))
    for _ in range(3):
        desk.cycle(lag_ms=IN_TIME)
    recorded = list(desk.loop.recorded)
    note = desk.cycle()

    assert "latch: open, and closed by others at worker-0" in note.remarks
    assert list(desk.loop.recorded) == recorded


def test_recovery_that_somebody_wrote_lets_no_loop_go_on() -> None:
    desk = Desk(FakeLoop())
    desk.cycle(mode="live", fallback_ratio=reading_of(0.5, samples=99))
    desk.cycle(fallback_ratio=IN_TIME)
    write_recovery(desk)
    desk.restart()

    note = desk.cycle(mode="live")

    assert desk.loop.stopped
    assert any("stopped by fallback-ratio" in remark for remark in note.remarks)


def test_recovery_that_somebody_wrote_too_early_waits_for_its_clean_evaluations() -> None:
    desk = Desk(FakeLoop())
    desk.cycle(lag_ms=LATE)
    desk.cycle(lag_ms=IN_TIME)
    write_recovery(desk)
    desk.restart()

    assert any("releases.unproven" in remark for remark in desk.cycle().remarks)
    assert desk.loop.stopped
    desk.cycle()
    assert not desk.loop.stopped


def write_recovery(desk: Desk) -> None:
    """Write a recovery of what is open into the log, as everybody can who can write there."""
    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.last is not None
    written = LoopRecovered(
        incident_id=latch.incident.incident_id,
        evaluation=latch.last.evaluation,
        at_ns=latch.time_ns,
    )
    version = len(run(desk.log.read_events(STOP_LATCH.stream)))
    appended = desk.log.append_events(
        STOP_LATCH.stream, [written], expected_version=version, causes=CAUSES
    )
    run(appended)
