"""A cycle does its steps in order, leaves one note, and whatever dies in it is made up for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.eventlog import run
from tests.fakes.governance import (
    CHAMPION,
    GOOD,
    FakeClearances,
    FakeLadder,
    FakeLoop,
    FakeMeter,
    lane_commands,
)
from tests.support.governance.governing import SECOND_NS
from tests.support.governance.promoting import keyring
from tests.support.governance.releasing import release_signed
from tests.support.lane.rollouts import CANDIDATE, RUN_ID, cited, file_of
from tests.support.scheduling.governed import OWN, Desk
from torghut.artifacts.errors import KeyUnusableError
from torghut.governance.approvals.keyring import Keyring
from torghut.governance.cycles.errors import CycleTimeError
from torghut.governance.notes.note import note_path, read_note
from torghut.governance.rollouts.rollout import RecordPhase, RolloutCommand
from torghut.governance.safety.latch import ReleaseLoop
from torghut.schemas.control import ModeChanged, PackageChanged, RouterModeChanged
from torghut.schemas.governing.drift_evidence import DriftActionRecord
from torghut.schemas.governing.fields import Person, reading_of
from torghut.schemas.publish import MODELS
from torghut.schemas.rollout.lane import CandidateSpec, StrategyPatch
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.phases import CANARY
from torghut.schemas.upcasting import read_message
from torghut.workflows.aggregates import CYCLE_RECORD, DRIFT, STOP_LATCH, canary_of, rollback_of
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.latching.releasing import LatchDesk
from torghut.workflows.rollout.places import SIGNATURE
from torghut.workflows.scheduling.governor import BackTo

DIGEST: Final = "cc" * 32
SERVES: Final = BackTo(package=CHAMPION, router="fx-intraday", serves=True)
ANN: Final = Person(name="ann", key="aa" * 32)


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


def test_remarks_beyond_what_a_note_has_room_for_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    said = tuple(f"canary: {n}" for n in range(60))

    async def watch(*_: object) -> tuple[str, ...]:
        return said

    monkeypatch.setattr("torghut.workflows.scheduling.cycle.watch_canary", watch)
    desk.lane.waiting.append(lane_commands())
    note = desk.cycle()

    assert len(note.remarks) == 50
    assert note.remarks[-1] == "and 11 more remarks"


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


def test_page_of_a_run_is_written_again_when_something_new_is_said_of_it() -> None:
    desk, seen = Desk(), list[str]()

    def page(manifest: PhaseManifest) -> bytes:
        seen.append(manifest.status)
        return manifest.content_hash.encode()

    desk.governor.page = page
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.cycle()

    assert seen == ["pass"]
    assert desk.store.read("runs/run-1/review.html").decode() == desk.manifest().content_hash


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
        raise KeyboardInterrupt


def test_failure_of_a_lane_whose_scheduler_died_before_it_was_counted_is_counted_once() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.lane.breaks_after = 3
    desk.governor.drift = DyingMeter()
    with pytest.raises(KeyboardInterrupt):
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


def test_log_out_of_reach_stops_the_loop_and_heals_without_anybody() -> None:
    desk = Desk()
    desk.cycle()
    unread = {
        "lag_ms": reading_of(None),
        "fallback_ratio": reading_of(None, samples=0),
        "signals": 0,
        "no_signal": "source-unreachable",
        "intact": None,
    }
    reached = {name: getattr(GOOD, name) for name in unread}
    desk.loop.hidden = True
    note = desk.cycle(**unread)
    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.incident.triggers == {"signal-lag"}
    assert note.emergency_stop_evidence is not None

    desk.loop.hidden = False
    for _ in range(4):
        note = desk.cycle(**reached)
    assert note.emergency_stop_evidence is None
    assert not desk.loop.stopped


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


def stopped_desk() -> Desk:
    """Return a scheduler whose loop was away when governance stopped it, and is back."""
    desk = Desk(FakeLoop(away=True))
    desk.cycle(fallback_ratio=reading_of(0.25, samples=100))
    desk.loop.away = False
    desk.loop.shown = replace(desk.loop.shown, fallback_ratio=reading_of(0.0, samples=100))
    return desk


def released(desk: Desk, *names: str) -> None:
    """Let people release what stops the loop."""
    for name in names:
        place = LatchDesk(
            events=desk.log,
            keyring=keyring(),
            policy=desk.governor.policies.safety,
            now_ns=desk.now_ns,
            by="a test",
        )
        release_signed(place, run(desk.governor.governance.state(STOP_LATCH)), name)


def test_file_is_taken_back_once_people_let_the_loop_go_on() -> None:
    desk = stopped_desk()
    released(desk, "ben")
    desk.restart()
    note = desk.cycle()

    assert not desk.loop.stopped
    assert desk.loop.thrown == {}
    assert note.remarks == ()


def test_release_is_obeyed_without_a_restart() -> None:
    desk = stopped_desk()
    desk.cycle()
    released(desk, "ben")
    desk.cycle()

    assert not desk.loop.stopped


def test_release_that_nobody_signed_lets_nothing_go_on() -> None:
    desk = stopped_desk()
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
    notes = [desk.cycle(), desk.cycle()]

    assert desk.loop.stopped
    for note in notes:
        assert note.remarks[0].startswith("latch: the loop stays stopped: releases.unproven")


def test_release_by_a_key_that_was_withdrawn_before_the_loop_was_told_is_none() -> None:
    desk = stopped_desk()
    released(desk, "ben")
    desk.governor.keyring = lambda: keyring({"eve": "production"})
    desk.cycle()
    assert desk.loop.stopped

    desk.governor.keyring = keyring
    desk.cycle()
    assert not desk.loop.stopped


def test_loop_stays_stopped_where_nobody_can_say_which_keys_are_declared() -> None:
    desk = stopped_desk()
    released(desk, "ben")

    def broken() -> Keyring:
        raise KeyUnusableError(expected="owners", found="none")

    desk.governor.keyring = broken
    note = desk.cycle()

    assert desk.loop.stopped
    assert "artifacts.key-unusable" in note.remarks[0]


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


def test_performance_drift_takes_back_nobody_who_does_not_serve() -> None:
    desk = Desk()
    desk.governor.clearances = FakeClearances(digest="cd" * 32)
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    note = desk.cycle()

    assert note.rollback_evidence is None
    assert note.manifest_status == "fail"


def test_performance_drift_takes_the_candidate_back_that_serves() -> None:
    desk = Desk()
    desk.clearances = FakeClearances(
        digest=DIGEST, target=BackTo(package=CHAMPION, router="fx", serves=True)
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
        digest=DIGEST, target=BackTo(package=CHAMPION, router="fx", serves=False)
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
        digest=DIGEST, target=BackTo(package=CHAMPION, router="fx", serves=True)
    )
    desk.restart()
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    desk.cycle()
    desk.loop.away = False
    desk.clearances = FakeClearances(
        digest=DIGEST, target=BackTo(package=serves_now, router="fx", serves=False)
    )
    desk.restart()
    note = desk.cycle()

    changed = [one for one in desk.loop.recorded.values() if isinstance(one, PackageChanged)]
    assert [one.package for one in changed] == [CHAMPION] * records
    assert any("superseded before it switched" in one for one in note.remarks) is not bool(records)
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
    assert any("superseded before it switched" in one for one in note.remarks)
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


PATCH_PATH: Final = "runs/run-1/strategy-patch.json"


def strategy_patch() -> StrategyPatch:
    """Return what a canary asks for."""
    return StrategyPatch(
        run_id=RUN_ID,
        candidate_id=CANDIDATE,
        candidate=CandidateSpec(
            kind="package", router="fx-intraday", package="cd" * 32, declarations=None
        ),
        replaces=None,
        replaces_declarations=None,
        symbols=("fxcm:EURUSD",),
        target="paper",
        notional_cap=1000.0,
    )


def patched_commands(store: InMemoryArtifacts) -> Sequence[RolloutCommand]:
    """Return the commands of a run whose canary wrote a strategy patch."""
    patch = strategy_patch()
    store.create(PATCH_PATH, file_of(patch))
    commands = list(lane_commands())
    place = next(n for n, one in enumerate(commands) if getattr(one, "phase", "") == CANARY)
    recorded = commands[place]
    assert isinstance(recorded, RecordPhase)
    commands[place] = replace(recorded, artifact_refs=(cited(patch, PATCH_PATH),))
    return commands


def test_patch_is_on_record_and_looked_at_in_every_cycle() -> None:
    desk = Desk()
    desk.governor.clearances = FakeClearances(digest="cd" * 32)
    desk.lane.waiting.append(patched_commands(desk.store))
    desk.cycle()
    canary = run(desk.governor.governance.state(canary_of("run-1")))
    assert canary.judged is not None
    assert (canary.judged.judgement, canary.judged.reason) == (1, "patch-verified")
    desk.cycle()
    desk.store.replace(PATCH_PATH, b"{}")
    note = desk.cycle()

    canary = run(desk.governor.governance.state(canary_of("run-1")))
    assert canary.judged is not None
    assert (canary.judged.judgement, canary.judged.found) == (2, "wrong-digest")
    assert "canary: the strategy patch is wrong-digest" in note.remarks


def test_live_symbol_where_the_stage_allows_no_live_is_told_nothing_and_named_in_each_note() -> (
    None
):
    desk = Desk()
    paper = GOOD.symbols["fxcm:EURUSD"]
    symbols = {"fxcm:EURUSD": replace(paper, mode="live"), "fxcm:GBPUSD": paper}
    notes = [desk.cycle(symbols=symbols, mode="live") for _ in range(2)]

    assert not [one for one in desk.loop.recorded.values() if isinstance(one, ModeChanged)]
    for note in notes:
        assert "exposure: live, and the stage allows none: fxcm:EURUSD" in note.remarks


def test_router_that_the_stage_does_not_let_serve_is_held_to_static_weights() -> None:
    desk = Desk()
    paper = GOOD.symbols["fxcm:EURUSD"]
    routed = {"fxcm:EURUSD": replace(paper, routed=True, block=7), "fxcm:GBPUSD": paper}
    assert desk.cycle(symbols=routed).remarks == (), "no stage was entered"
    desk.governor.ladder = FakeLadder(routes=False)

    notes = [desk.cycle(symbols=routed) for _ in range(2)]
    held = [desk.cycle(symbols=dict.fromkeys(routed, paper)) for _ in range(2)]

    told = [one for one in desk.loop.recorded.values() if isinstance(one, RouterModeChanged)]
    assert [(one.symbol, one.mode) for one in told] == [("*", "static")]
    assert all("exposure: the stage lets no router serve" in one.remarks for one in notes)
    assert [one.remarks for one in held] == [(), ()]


def test_cap_is_given_to_live_symbols_by_name_once_for_each_of_their_decisions() -> None:
    desk = Desk()
    desk.governor.ladder = FakeLadder(cap=Decimal(500))
    paper = GOOD.symbols["fxcm:EURUSD"]
    symbols = {"fxcm:EURUSD": replace(paper, mode="live"), "fxcm:GBPUSD": paper}
    for _ in range(2):
        desk.cycle(symbols=symbols, mode="live")
    told = [one for one in desk.loop.recorded.values() if isinstance(one, ModeChanged)]

    assert [(one.symbol, one.mode, one.notional_cap) for one in told] == [
        ("fxcm:EURUSD", "live", 500.0)
    ]


def test_cycle_says_by_what_it_judged_the_portfolios_cap_included() -> None:
    policies = Desk().governor.policies
    shares = policies.shares
    others = (
        replace(shares, cap=shares.cap + 1),
        replace(shares, max_symbols=shares.max_symbols + 1),
        replace(shares, weights={**shares.weights, "fxcm:EURUSD": Decimal(3)}),
    )

    digests = {policies.digest, *(replace(policies, shares=one).digest for one in others)}

    assert len(digests) == 4


def test_cycle_far_behind_the_last_one_is_refused() -> None:
    desk = Desk()
    desk.now_ns += 10 * 365 * 86_400 * SECOND_NS
    desk.cycle()
    desk.now_ns -= 10 * 365 * 86_400 * SECOND_NS
    with pytest.raises(CycleTimeError, match="a time after the last cycle"):
        desk.cycle()


def test_live_loop_is_told_the_cap_that_the_ladder_gives_and_no_other_is() -> None:
    desk = Desk()
    desk.governor.ladder = FakeLadder(cap=Decimal(500))
    desk.cycle()
    assert not any(key.startswith("exposure") for key in desk.loop.recorded)
    symbol = replace(GOOD.symbols["fxcm:EURUSD"], mode="live")
    desk.cycle(symbols={"fxcm:EURUSD": symbol}, mode="live")
    (record,) = [one for one in desk.loop.recorded.values() if isinstance(one, ModeChanged)]

    assert (record.mode, record.notional_cap) == ("live", 500.0)
    desk.cycle(symbols={"fxcm:EURUSD": replace(symbol, notional_cap=Decimal(500))})
    assert len([one for one in desk.loop.recorded.values() if one.kind == "mode"]) == 1


def proof_paths(manifest: PhaseManifest) -> set[str]:
    """Return the paths that the proof of a rollback cites."""
    proof = manifest.rollback_proof
    paths = (
        proof.drift_last_detection_path,
        proof.drift_last_action_path,
        proof.drift_last_outcome_path,
        proof.rollback_incident_evidence_path,
    )
    return {one for one in paths if one is not None}


def test_drift_takes_back_the_candidate_and_the_proof_cites_what_showed_it_first() -> None:
    desk = Desk()
    desk.governor.clearances = FakeClearances(digest=DIGEST, target=SERVES)
    desk.lane.waiting.append(lane_commands())
    desk.meter.drift("performance_drawdown_exceeded")
    desk.cycle()
    first = desk.manifest().rollback_proof
    assert first.drift_last_detection_path is not None
    assert first.rollback_incident_evidence_path is not None
    desk.meter.drift()
    desk.cycle()
    after = desk.manifest()
    desk.cycle()

    assert after.rollback_proof.status == "pass"
    assert after.rollback_proof.drift_last_detection_path == first.drift_last_detection_path
    assert after.rollback_proof.drift_last_outcome_path is not None
    assert desk.manifest() == after, "nothing new is nothing to sign again"
    assert after.rollback_proof.drift_last_action_path is not None
    acted = read_message(desk.store.read(after.rollback_proof.drift_last_action_path), MODELS)
    assert isinstance(acted, DriftActionRecord)
    assert proof_paths(after) <= {one.path for one in after.artifact_refs}
    assert len(proof_paths(after)) == 4
    drift = run(desk.governor.governance.state(DRIFT))
    assert drift.rollbacks == ()


def test_rollback_of_a_stop_that_is_over_is_superseded_and_never_stops_the_loop_again() -> None:
    desk = Desk(signed=True)
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.loop.away = True
    desk.cycle(lag_ms=reading_of(600_000.0))
    for _ in range(3):
        desk.cycle(lag_ms=reading_of(0.0))
    assert run(desk.governor.governance.state(STOP_LATCH)).incident is None
    desk.loop.away = False
    desk.restart()
    notes = [desk.cycle(), desk.cycle()]

    assert not desk.loop.stopped
    assert [key for key in desk.loop.recorded if key.endswith(":stopped")] == []
    state = run(desk.governor.governance.state(rollback_of("run-1")))
    assert (state.switched, state.effective) == (None, None)
    assert state.superseded is not None
    assert state.superseded.reason == "stop-over"
    assert desk.manifest().rollback_proof.reason == "rollback-not-in-force"
    assert any("superseded" in one for one in notes[0].remarks)


def test_next_stop_after_a_superseded_one_is_a_rollback_of_its_own() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.loop.away = True
    desk.cycle(lag_ms=reading_of(600_000.0))
    for _ in range(3):
        desk.cycle(lag_ms=reading_of(0.0))
    desk.loop.away = False
    desk.cycle()
    desk.cycle(lag_ms=reading_of(600_000.0))

    state = run(desk.governor.governance.state(rollback_of("run-1")))
    assert state.triggered is not None
    assert state.triggered.number == 2
    assert desk.manifest().rollback_proof.status == "pass"
    assert desk.loop.stopped


def test_drift_of_a_candidate_that_serves_no_more_stops_no_loop() -> None:
    desk = Desk()
    desk.governor.clearances = FakeClearances(digest="cd" * 32, target=SERVES)
    desk.lane.waiting.append(lane_commands())
    desk.loop.away = True
    desk.meter.drift("performance_drawdown_exceeded")
    desk.cycle()
    desk.loop.away = False
    desk.meter.drift()
    desk.governor.clearances = FakeClearances(digest="cd" * 32, target=BackTo(package=CHAMPION))
    desk.cycle()

    assert not desk.loop.stopped
    state = run(desk.governor.governance.state(rollback_of("run-1")))
    assert state.superseded is not None
    assert state.superseded.reason == "not-serving"
    assert run(desk.governor.governance.state(DRIFT)).rollbacks == ()


def incident_of(desk: Desk) -> frozenset[str]:
    """Return what stops the loop."""
    latch = run(desk.governor.governance.state(STOP_LATCH))
    return frozenset() if latch.incident is None else latch.incident.triggers


def test_altered_evidence_of_a_stop_ends_no_cycle_and_keeps_the_loop_stopped() -> None:
    desk = Desk()
    note = desk.cycle(lag_ms=reading_of(600_000.0))
    assert note.emergency_stop_evidence is not None
    desk.store.replace(note.emergency_stop_evidence.path, b"{}")
    for _ in range(4):
        desk.restart()
        note = desk.cycle(lag_ms=reading_of(0.0))

    assert incident_of(desk) == {"signal-lag", "evidence-corrupt"}
    assert desk.loop.stopped
    assert note.emergency_stop_evidence is not None
    desk.store.replace(note.emergency_stop_evidence.path, b"{}")
    note = desk.cycle()
    assert any("is not as it was written" in one for one in note.remarks)


@pytest.mark.parametrize("place", [OWN, "runs/run-1/rollout/phase-manifest.lane.json"])
def test_altered_manifest_of_a_run_stops_the_loop_and_fails_what_is_current(place: str) -> None:
    desk = Desk(signed=True)
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.store.replace(place, b"{}")
    notes = []
    for _ in range(2):
        desk.restart()
        notes.append(desk.cycle())

    assert incident_of(desk) == {"evidence-corrupt"}
    assert desk.loop.stopped
    assert [one.manifest_status for one in notes] == ["fail", "fail"]
    assert desk.manifest().status == "fail"
    assert any("artifacts.exists" in one for one in notes[-1].remarks)


def test_altered_incident_of_a_rollback_fails_its_proof_and_stops_the_loop() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    note = desk.cycle(lag_ms=reading_of(600_000.0))
    assert note.rollback_evidence is not None
    desk.store.replace(note.rollback_evidence.path, b"{}")
    desk.restart()
    note = desk.cycle(lag_ms=reading_of(0.0))

    assert "evidence-corrupt" in incident_of(desk)
    assert desk.loop.stopped
    assert desk.manifest().rollback_proof.status == "fail"
    assert any(one.startswith("rollback: incidents/") for one in note.remarks)
