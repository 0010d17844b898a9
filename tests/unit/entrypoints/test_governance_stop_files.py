"""The stop file of governance is known again by whoever reads it, thrown once and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import run
from tests.fakes.governance import FakeLoop
from tests.fakes.workers import status_of
from tests.support.scheduling.governed import Desk
from torghut.adapters.filesystem.switches.folder import SwitchFiles, SwitchNotThrownError
from torghut.adapters.http.reaching import ServedLoop
from torghut.composition.reaching import knock_with
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.live.worker import SwitchStanding
from torghut.workflows.aggregates import STOP_LATCH
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.scheduling.ports import Answer
from torghut.workflows.scheduling.steps.safety import throw_id_of

LATE: Final = reading_of(600_000.0)
IN_TIME: Final = reading_of(0.0)


@dataclass(slots=True, kw_only=True)
class FiledLoop(FakeLoop):
    """A loop whose stop files are real ones."""

    served: ServedLoop

    @override
    def throw_stop(self, *, throw_id: str, reason: str) -> None:
        self.served.throw_stop(throw_id=throw_id, reason=reason)

    @override
    async def release_stop(self, *, throw_id: str, reason: str) -> Answer:
        return await self.served.release_stop(throw_id=throw_id, reason=reason)


def files_in(folder: Path) -> SwitchFiles:
    """Return a folder of switch files as a new process finds it."""
    return SwitchFiles(folder, ids=CountingIds(), wall=HandClock())


def served(files: SwitchFiles, pages: Sequence[WorkerSeen] = ()) -> ServedLoop:
    """Return what reaches workers that all stay silent, and writes real files."""
    return ServedLoop(
        pages=lambda: pages, folder=files, wall=HandClock(), knock=knock_with(None), budget_ms=10
    )


def standing(files: SwitchFiles) -> Sequence[str]:
    """Return the ids of the throws that stand."""
    return [one.throw_id for one in files.thrown()]


def test_one_file_stands_over_cycles_and_restarts_and_goes_once_the_latch_is_open(
    tmp_path: Path,
) -> None:
    files = files_in(tmp_path)
    desk = Desk(FiledLoop(served=served(files), away=True))
    seen = []
    for _ in range(4):
        desk.cycle(lag_ms=LATE)
        desk.restart()
        seen.append(standing(files))
    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert seen == [[throw_id_of(latch.incident.incident_id)]] * 4

    desk.loop.away = False
    for _ in range(3):
        desk.cycle(lag_ms=IN_TIME)
    assert standing(files) == []
    assert not desk.loop.stopped
    assert len(list((tmp_path / "released").iterdir())) == 1


def test_each_incident_throws_and_takes_back_its_own_file(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    desk = Desk(FiledLoop(served=served(files), away=True))
    thrown: set[str] = set()
    for _ in range(2):
        desk.loop.away = True
        desk.cycle(lag_ms=LATE)
        thrown.update(standing(files))
        desk.loop.away = False
        for _ in range(3):
            desk.cycle(lag_ms=IN_TIME)
        assert standing(files) == []
    assert len(thrown) == 2


def test_cycle_lives_where_no_file_can_be_put(tmp_path: Path) -> None:
    @dataclass(slots=True, kw_only=True)
    class Full(FiledLoop):
        @override
        def throw_stop(self, *, throw_id: str, reason: str) -> None:
            raise SwitchNotThrownError(name="stop", folder=tmp_path, reason="No space left")

    desk = Desk(Full(served=served(files_in(tmp_path)), away=True))
    note = desk.cycle(lag_ms=LATE)

    assert any("switches.not-thrown" in one for one in note.remarks)


def test_release_is_not_recorded_while_the_file_stands(tmp_path: Path) -> None:
    class Stuck(SwitchFiles):
        @override
        def retire(self, name: str, throw_id: str) -> None:
            """Leave it: the folder is not to be written."""

    files = Stuck(tmp_path, ids=CountingIds(), wall=HandClock())
    reach = served(files)
    reach.throw_stop(throw_id="governance-1", reason="late")

    assert run(reach.release_stop(throw_id="governance-1", reason="over")).status == "unknown"
    gone = served(files_in(tmp_path))
    assert run(gone.release_stop(throw_id="governance-1", reason="over")).status == "recorded"


def test_release_is_not_recorded_while_a_worker_that_has_the_throw_has_no_door(
    tmp_path: Path,
) -> None:
    files = files_in(tmp_path)
    stands = SwitchStanding(
        name="stop",
        throw_id="governance-1",
        who="governance",
        reason="late",
        thrown_wall_ns=1,
        recorded=True,
    )
    status = status_of(api="", switches=[stands])
    page = WorkerSeen(worker="worker-0", alive=True, pid=status.pid, status=status)
    reach = served(files, [page])
    reach.throw_stop(throw_id="governance-1", reason="late")

    assert run(reach.release_stop(throw_id="governance-1", reason="over")).status == "unknown"
    assert standing(files) == ["governance-1"]
