"""The loop is stopped whatever the disk does, and what could not be written is made up for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.eventlog import run
from tests.fakes.governance import FakeLoop
from tests.support.governance.governing import SECOND_NS
from tests.support.lane.rollouts import evidence_files
from tests.support.scheduling.governed import Desk
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import ArtifactUnwritableError
from torghut.governance.cycles.errors import CycleTimeError
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.fields import reading_of
from torghut.workflows.aggregates import CYCLE_RECORD, DRIFT, STOP_LATCH
from torghut.workflows.scheduling.cycle import run_cycle

FELL_BACK: Final = reading_of(0.9, samples=99)


class FullFolders(InMemoryArtifacts):
    """A store with folders in which nothing can be written."""

    full: frozenset[str] = frozenset()

    def _check(self, path: str) -> None:
        if path.split("/", 1)[0] in self.full:
            raise ArtifactUnwritableError(path=path, reason="No space left on device")

    @override
    def create(self, path: str, body: bytes, /) -> None:
        self._check(path)
        super().create(path, body)

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        self._check(path)
        super().replace(path, body)


def desk_with(*full: str) -> tuple[Desk, FullFolders]:
    """Return a scheduler after its first cycle, and its store, in which these folders are full."""
    desk = Desk(FakeLoop())
    store = FullFolders(evidence_files())
    desk.store = store
    desk.restart()
    desk.cycle()
    store.full = frozenset(full)
    return desk, store


def latch_of(desk: Desk) -> LatchState:
    """Return what the stop latch comes to."""
    return run(desk.reopened().governance.state(STOP_LATCH))


@pytest.mark.parametrize("folder", ["incidents", "drift", "notes", "rollout"])
@pytest.mark.parametrize("kind", ["a file", "a link"])
def test_loop_is_stopped_where_a_folder_is_none(tmp_path: Path, folder: str, kind: str) -> None:
    desk = Desk(FakeLoop())
    desk.store = FolderArtifacts(tmp_path)  # type: ignore[assignment]
    for path, body in evidence_files().items():
        desk.store.create(path, body)
    if (tmp_path / folder).exists():
        shutil.rmtree(tmp_path / folder)
    if kind == "a file":
        (tmp_path / folder).write_bytes(b"x")
    else:
        (tmp_path / folder).symlink_to(tmp_path.parent)
    desk.restart()
    for _ in range(2):
        try:
            desk.cycle(mode="live", fallback_ratio=FELL_BACK)
        except TorghutError:
            desk.restart()

        assert latch_of(desk).incident is not None
        assert desk.loop.stopped


def test_loop_is_stopped_where_the_whole_disk_is_full_and_each_cycle_counts_once() -> None:
    desk, _ = desk_with("incidents", "drift", "notes", "rollout", "runs")
    for number in (2, 3, 4):
        with pytest.raises(ArtifactUnwritableError):
            desk.cycle(mode="live", fallback_ratio=FELL_BACK)
        desk.restart()

        last = latch_of(desk).last
        assert last is not None
        assert last.evaluation == number
        assert last.readings.fallback_ratio == FELL_BACK
    assert desk.loop.stopped


def test_evidence_that_could_not_be_written_is_said_and_written_when_it_can_be() -> None:
    desk, store = desk_with("incidents")
    note = desk.cycle(fallback_ratio=FELL_BACK)

    assert note.emergency_stop_evidence is None
    assert any("artifacts.unwritable: incidents/" in one for one in note.remarks)
    assert _kept(store) == []

    store.full = frozenset()
    desk.restart()
    written = desk.cycle().emergency_stop_evidence
    assert written is not None
    assert sha256_hex(store.read(written.path)) == written.sha256


def test_evidence_of_a_stop_that_is_over_or_was_extended_meanwhile_is_written_when_it_can_be() -> (
    None
):
    desk, store = desk_with("incidents")
    desk.cycle(lag_ms=reading_of(600_000.0))
    for _ in range(4):
        desk.cycle(lag_ms=reading_of(0.0))
    desk.cycle(fallback_ratio=FELL_BACK)
    desk.cycle(lag_ms=reading_of(600_000.0))
    store.full = frozenset()
    desk.restart()
    desk.cycle()

    kept = _kept(store)
    assert len({one.rsplit("-", 1)[0] for one in kept}) == 2
    assert sorted(one.rsplit("-", 1)[1] for one in kept) == ["0.json", "0.json", "1.json"]


def _kept(store: FullFolders) -> list[str]:
    """Return the files of the stop latch's incidents."""
    return [one for one in store.names("incidents") if one.startswith("incident-")]


def test_drift_whose_evidence_cannot_be_written_is_on_record_and_said() -> None:
    desk, _ = desk_with("drift")
    desk.meter.drift("data_duplicate_ratio_exceeded")
    note = desk.cycle()

    assert len(run(desk.governor.governance.state(DRIFT)).open) == 1
    assert note.drift_evidence is None
    assert any("artifacts.unwritable: drift/" in one for one in note.remarks)


def test_cycle_that_cannot_be_ended_goes_on_being_judged_by_what_the_loop_is_worth() -> None:
    desk, _ = desk_with("notes")
    rich = desk.loop.shown.symbols["fxcm:EURUSD"]
    with pytest.raises(ArtifactUnwritableError):
        desk.cycle()
    desk.restart()
    symbols = {"fxcm:EURUSD": replace(rich, equity=-500.0)}
    with pytest.raises(ArtifactUnwritableError):
        desk.cycle(symbols=symbols)

    incident = latch_of(desk).incident
    assert incident is not None
    assert incident.triggers == {"drawdown"}
    assert desk.loop.stopped


def test_lane_that_cannot_be_started_keeps_no_loop_from_being_stopped() -> None:
    desk, _ = desk_with()

    async def broken(**_: object) -> bool:
        raise ArtifactUnwritableError(path="runs", reason="No space left on device")

    desk.governor.lane.run = broken  # type: ignore[method-assign]
    with pytest.raises(ArtifactUnwritableError):
        desk.cycle(fallback_ratio=FELL_BACK)

    assert desk.loop.stopped


def test_stop_on_record_is_enforced_where_the_clock_keeps_a_cycle_from_being_one() -> None:
    desk, _ = desk_with()
    desk.loop.away = True
    desk.loop.full = True
    desk.cycle(fallback_ratio=FELL_BACK)
    told_before = desk.loop.stopped
    desk.loop.away = desk.loop.full = False
    desk.restart()
    evaluations = latch_of(desk).last
    with pytest.raises(CycleTimeError):
        run(run_cycle(desk.governor, epoch=1, holder="one", now_ns=desk.now_ns - 3600 * SECOND_NS))

    assert (told_before, desk.loop.stopped) == (False, True)
    assert latch_of(desk).last == evaluations
    assert run(desk.governor.governance.state(CYCLE_RECORD)).open is None
