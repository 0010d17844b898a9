"""A cycle does its steps in order, leaves one note, and whatever dies in it is made up for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import (
    CHAMPION,
    GOOD,
    FakeClearances,
    FakeLane,
    FakeLoop,
    FakeMeter,
    governor,
    lane_commands,
)
from tests.governing import SECOND_NS, START_NS
from tests.rollouts import evidence_files
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.notes.note import note_path, read_note
from torghut.governance.safety.latch import ReleaseLoop
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.control import PackageChanged
from torghut.schemas.governing.fields import Person, reading_of
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, STOP_LATCH, Governance
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.rollout.places import CURRENT, SIGNATURE
from torghut.workflows.scheduling.cycle import run_cycle
from torghut.workflows.scheduling.governor import BackTo, Governor
from torghut.workflows.streams import Streams

OWN: Final = "runs/run-1/rollout/phase-manifest.json"
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CANDIDATE: Final = "cc" * 32
ANN: Final = Person(name="ann", key="aa" * 32)


class Desk:
    """A scheduler whose process may die between any two cycles.

    Args:
        loop: That it governs.
        signed: Whether it has a key.
    """

    def __init__(self, loop: FakeLoop | None = None, *, signed: bool = False) -> None:
        self.log = InMemoryLog(clock=HandClock())
        self.store = InMemoryArtifacts(evidence_files())
        self.loop = loop or FakeLoop()
        self.key = KEY if signed else None
        self.meter = FakeMeter()
        self.clearances = FakeClearances()
        self.now_ns = START_NS
        self.governor = self.reopened()

    @property
    def lane(self) -> FakeLane:
        """The lane of the governor."""
        assert isinstance(self.governor.lane, FakeLane)
        return self.governor.lane

    def reopened(self) -> Governor:
        """Return an governor that knows what the log says, and nothing else."""
        governance = Governance(streams=Streams(self.log), causes=CAUSES)
        made = governor(
            governance,
            self.loop,
            store=self.store,
            meter=self.meter,
            clearances=self.clearances,
        )
        made.key = self.key
        return made

    def restart(self) -> None:
        """Let the process die between cycles."""
        before = self.lane
        self.governor = self.reopened()
        self.lane.last, self.lane.waiting = before.last, before.waiting

    def cycle(self, **seen: object) -> IterationNote:
        """Run a cycle a minute later, in which the loop shows ``seen``."""
        self.now_ns += 60 * SECOND_NS
        self.loop.shown = replace(self.loop.shown, **seen)  # type: ignore[arg-type]
        return run(run_cycle(self.governor, epoch=1, holder="one", now_ns=self.now_ns))

    def manifest(self, place: str = CURRENT) -> PhaseManifest:
        """Return a manifest as it is read."""
        return read_manifest(self.store.read(place))


def test_each_cycle_leaves_one_note_that_says_what_stands_in_its_event() -> None:
    desk = Desk()
    notes = [desk.cycle() for _ in range(3)]

    assert desk.store.names("notes") == [f"iteration-{n}.md" for n in (1, 2, 3)]
    assert [read_note(desk.store.read(note_path(n))) for n in (1, 2, 3)] == notes
    assert [one.outcome for one in notes] == ["lane_completed"] * 3
    assert [one.reason for one in notes] == ["no-candidate-waiting"] * 3
    ended = run(desk.governor.governance.state(CYCLE_RECORD)).ended
    assert ended is not None
    assert (ended.cycle, ended.note.path) == (3, "notes/iteration-3.md")


def test_numbers_go_on_from_the_highest_note_there() -> None:
    desk = Desk()
    desk.store.create("notes/iteration-41.md", b"by somebody else")
    desk.store.create("notes/iteration-x.md", b"no note at all")

    assert desk.cycle().iteration == 42


def test_cycle_without_signals_says_why_and_runs_no_lane() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    note = desk.cycle(no_signal="source-silent", signals=0, decisions=0)

    assert (note.outcome, note.reason, note.no_signal) == (
        "blocked_no_signal",
        "source-silent",
        "source-silent",
    )
    assert len(desk.lane.waiting) == 1


def test_lane_that_ran_through_ends_in_a_final_signed_pass() -> None:
    desk = Desk(signed=True)
    desk.lane.waiting.append(lane_commands())
    note = desk.cycle()

    assert (note.outcome, note.reason, note.manifest_status) == (
        "lane_completed",
        "lane-ran-through",
        "pass",
    )
    assert note.phase_manifest is not None
    assert note.phase_manifest.path == OWN
    assert desk.manifest(OWN) == desk.manifest()
    assert desk.store.read(OWN + SIGNATURE)
    assert desk.manifest("runs/run-1/rollout/phase-manifest.lane.json").status == "pass"


def test_lane_that_broke_off_fails_at_its_phase() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.lane.breaks_after = 3
    note = desk.cycle()

    assert (note.outcome, note.manifest_status) == ("lane_execution_failed", "fail")
    manifest = desk.manifest()
    assert manifest.observation_summary.finalised
    assert [one.status for one in manifest.phases[:3]] == ["pass", "pass", "fail"]
    assert manifest.phases[2].observations["reason"] == "lane-crashed"


class DyingMeter(FakeMeter):
    """A meter in which the process dies."""

    @override
    async def measure(self, asked: WindowAsked, /) -> Measured:
        raise InterruptedError


def test_failure_of_a_lane_whose_scheduler_died_before_it_was_counted_is_counted_once() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.lane.breaks_after = 3
    desk.governor.drift = DyingMeter()
    with pytest.raises(InterruptedError):
        desk.cycle()
    assert run(desk.governor.governance.state(STOP_LATCH)).last is None

    notes, streaks = [], []
    for _ in range(2):
        desk.restart()
        notes.append(desk.cycle())
        streaks.append(run(desk.governor.governance.state(STOP_LATCH)).streaks.lane_failed)

    assert streaks == [1, 1]
    assert [one.outcome for one in notes] == ["lane_execution_failed", "lane_completed"]
    assert len(desk.store.names("notes")) == 3


def test_lag_stops_the_loop_and_it_goes_on_after_three_clean_cycles() -> None:
    desk = Desk()
    note = desk.cycle(lag_ms=reading_of(600_000.0))

    assert desk.loop.stopped
    assert note.emergency_stop_evidence is not None
    assert desk.store.read(note.emergency_stop_evidence.path)
    stands = []
    for _ in range(3):
        desk.cycle(lag_ms=reading_of(0.0))
        desk.restart()
        stands.append(desk.loop.stopped)
    assert stands == [True, True, False]


def test_stop_that_the_loop_does_not_record_is_thrown_by_a_file() -> None:
    desk = Desk(FakeLoop(away=True))
    desk.cycle(fallback_ratio=reading_of(0.25, samples=100))

    assert len(desk.loop.thrown) == 1
    assert desk.loop.recorded == {}
    desk.loop.away = False
    desk.cycle(fallback_ratio=reading_of(0.0, samples=100))
    assert len(desk.loop.recorded) == 1
    assert desk.loop.stopped


def test_file_is_taken_back_once_people_let_the_loop_go_on() -> None:
    desk = Desk(FakeLoop(away=True))
    desk.cycle(fallback_ratio=reading_of(0.25, samples=100))
    desk.loop.away = False
    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    release = ReleaseLoop(
        incident_id=latch.incident.incident_id,
        triggers=latch.incident.triggers,
        person=ANN,
        reason="looked at it",
        at_ns=desk.now_ns,
        policy=desk.governor.policies.safety,
    )
    run(desk.governor.governance.run(STOP_LATCH, release))
    desk.restart()
    desk.cycle(fallback_ratio=reading_of(0.0, samples=100))

    assert not desk.loop.stopped
    assert desk.loop.thrown == {}


def test_stop_takes_the_current_run_back_until_it_is_proven() -> None:
    desk = Desk(signed=True)
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    final = desk.store.read(OWN)
    note = desk.cycle(lag_ms=reading_of(600_000.0))

    assert note.rollback_evidence is not None
    assert note.manifest_status == "fail"
    manifest = desk.manifest()
    assert manifest.runtime_governance.reason == "rollback-triggered"
    assert manifest.rollback_proof.status == "pass"
    assert manifest.rollback_proof.rollback_incident_evidence_path == note.rollback_evidence.path
    assert desk.store.read(OWN) == final


def test_rollback_is_not_proven_while_others_still_decide() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.loop.decided_by = "bb" * 32
    note = desk.cycle(lag_ms=reading_of(600_000.0))

    assert desk.manifest().rollback_proof.reason == "rollback-not-in-force"
    assert any("rollback" in one for one in note.remarks)
    desk.loop.decided_by = "aa" * 32
    desk.cycle()
    assert desk.manifest().rollback_proof.status == "pass"


@pytest.mark.parametrize("days", [0.0, 6.1])
def test_drift_in_cooldown_is_still_drift_in_the_manifest(days: float) -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.meter.drift("data_duplicate_ratio_exceeded")
    notes = [desk.cycle(), desk.cycle()]
    desk.now_ns += int(days * 3600) * SECOND_NS
    notes.append(desk.cycle())
    desk.meter.drift()
    notes.append(desk.cycle())

    third = "detected" if days else "cooldown"
    assert [one.drift_status for one in notes] == ["detected", "cooldown", third, "stable"]
    assert [one.manifest_status for one in notes] == ["fail", "fail", "fail", "pass"]


def test_performance_drift_takes_back_nobody_whose_digest_is_not_known() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    note = desk.cycle()

    assert note.rollback_evidence is None
    assert note.manifest_status == "fail"


def test_performance_drift_takes_the_candidate_back_that_serves() -> None:
    desk = Desk()
    desk.clearances = FakeClearances(
        digest=CANDIDATE, target=BackTo(package=CHAMPION, router="fx", serves=True)
    )
    desk.restart()
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    desk.cycle()
    note = desk.cycle()

    changed = [one for one in desk.loop.recorded.values() if isinstance(one, PackageChanged)]
    assert [(one.router, one.package) for one in changed] == [("fx", CHAMPION)]
    assert note.rollback_evidence is not None
    assert desk.manifest().rollback_proof.status == "pass"
    assert not desk.loop.stopped


def test_performance_drift_neither_takes_back_nor_stops_for_a_candidate_that_never_served() -> None:
    desk = Desk()
    desk.clearances = FakeClearances(
        digest=CANDIDATE, target=BackTo(package=CHAMPION, router="fx", serves=False)
    )
    desk.restart()
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    notes = [desk.cycle(), desk.cycle()]

    assert [one.rollback_evidence for one in notes] == [None, None]
    assert [one.manifest_status for one in notes] == ["fail", "fail"]
    assert not desk.loop.stopped
    assert desk.loop.recorded == {}


@pytest.mark.parametrize(("serves_now", "records"), [(CHAMPION, 1), ("dd" * 32, 0), (None, 0)])
def test_candidate_that_somebody_else_took_back_meanwhile_stops_nothing(
    serves_now: str | None, records: int
) -> None:
    desk = Desk(FakeLoop(away=True))
    desk.clearances = FakeClearances(
        digest=CANDIDATE, target=BackTo(package=CHAMPION, router="fx", serves=True)
    )
    desk.restart()
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    desk.cycle()
    desk.loop.away = False
    desk.clearances = FakeClearances(
        digest=CANDIDATE, target=BackTo(package=serves_now, router="fx", serves=False)
    )
    desk.restart()
    note = desk.cycle()

    changed = [one for one in desk.loop.recorded.values() if isinstance(one, PackageChanged)]
    assert [one.package for one in changed] == [CHAMPION] * records
    assert any("nothing left to switch" in one for one in note.remarks) is not bool(records)
    assert not desk.loop.stopped


def test_stop_that_is_over_does_not_come_back_by_the_rollback_that_it_caused() -> None:
    desk = Desk(FakeLoop(away=True))
    desk.lane.waiting.append(lane_commands())
    desk.cycle(lag_ms=reading_of(600_000.0))
    for _ in range(3):
        desk.cycle(lag_ms=reading_of(0.0))
    assert run(desk.governor.governance.state(STOP_LATCH)).incident is None
    desk.loop.away = False
    desk.restart()
    note = desk.cycle()

    assert [name.rpartition(":")[2] for name in desk.loop.recorded] == ["released"]
    assert any("nothing left to switch" in one for one in note.remarks)
    assert note.manifest_status == "fail"


def test_drawdown_is_remembered_over_a_restart() -> None:
    desk = Desk()
    symbol = GOOD.symbols["fxcm:EURUSD"]
    desk.cycle(symbols={"fxcm:EURUSD": replace(symbol, equity=100.0)})
    desk.restart()
    desk.cycle(symbols={"fxcm:EURUSD": replace(symbol, equity=20.1)})
    assert not desk.loop.stopped
    desk.restart()
    desk.cycle(symbols={"fxcm:EURUSD": replace(symbol, equity=20.0)})

    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.incident.triggers == {"drawdown"}


def test_altered_evidence_stops_the_loop() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    path = desk.manifest().artifact_refs[0].path
    desk.store.replace(path, b"{}")
    desk.cycle()

    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.incident.triggers == {"evidence-corrupt"}
    assert desk.loop.stopped


def test_limits_are_asked_for_again_until_the_loop_is_seen_to_have_them() -> None:
    desk = Desk(FakeLoop(away=True))
    symbol = replace(
        GOOD.symbols["fxcm:EURUSD"], allotment=GOOD.symbols["fxcm:EURUSD"].allotment * 2
    )
    notes = [desk.cycle(symbols={"fxcm:EURUSD": symbol}), desk.cycle()]
    assert all(any("allotter" in remark for remark in one.remarks) for one in notes)
    desk.loop.away = False
    desk.restart()
    desk.cycle()

    assert [key for key in desk.loop.recorded if key.startswith("allotment")] != []
    assert desk.loop.shown.symbols["fxcm:EURUSD"].allotment == 1000
