"""The lane's phases: nothing gets past one that fails, and whatever breaks is on record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.lane.lanes import (
    ROUTER,
    SPEC,
    LaneWorld,
    drift_found,
    evaluated,
    made_run,
    made_work,
    working,
)
from torghut.artifacts.errors import ArtifactUnwritableError
from torghut.eventlog.envelopes import Envelope
from torghut.governance.ledger.ledger import ledger_stream, read_ledger_event
from torghut.governance.rollouts.manifest import manifest_bytes
from torghut.governance.verification.verifying import read_manifest
from torghut.kernel.canonical import parse_json_object
from torghut.schemas.governing.ledger import ChampionRetained
from torghut.schemas.rollout.lane import StrategyPatch
from torghut.schemas.rollout.phases import LANE_PHASES, PhaseName
from torghut.workflows.lane.ports import Admission, DriftFound
from torghut.workflows.lane.running import LaneResult, lane_state, run_autonomous_lane
from torghut.workflows.rollout.checking import check_manifest
from torghut.workflows.rollout.places import CURRENT

LIVE: Final = Admission(
    target="live", notional_cap=20_000.0, approver="ann", rollback_target="champion"
)


def statuses(result: LaneResult) -> dict[str, str]:
    """Return the status of each phase of the lane."""
    return {phase.name: phase.status for phase in result.manifest.phases[:5]}


def canary_refs(result: LaneResult) -> list[str]:
    """Return the paths of the files that the canary's phase cites."""
    return [one.path for one in result.manifest.phases[4].artifact_refs]


def row_of(result: LaneResult, gate: str) -> tuple[str, str | None]:
    """Return what a gate says, and why."""
    rows = {row.id: row for phase in result.manifest.phases for row in phase.slo_gates}
    return rows[gate].status, rows[gate].reason


def test_a_candidate_that_passes_leaves_a_patch_and_a_manifest_that_passes_the_lane() -> None:
    world = LaneWorld()

    result = made_run(world)

    assert set(statuses(result).values()) == {"pass"}
    assert (result.ended.outcome, result.ended.reason) == ("completed", "lane-passed")
    place = f"runs/{result.ended.run_id}/strategy-patch.json"
    patch = StrategyPatch.model_validate_json(world.files.read(place))
    assert (patch.candidate, patch.replaces, patch.notional_cap) == (SPEC, "cb" * 32, 100_000.0)
    assert place in canary_refs(result)
    assert place in [one.path for one in result.manifest.artifact_refs]
    assert world.files.read(CURRENT) == manifest_bytes(result.manifest)


def test_every_cited_artifact_is_there_fits_its_schema_and_verifies() -> None:
    world = LaneWorld()
    result = made_run(world)
    body = world.files.read(result.own_copy)

    verdict = check_manifest(
        body, world.files, envelope=None, trusted=(), now_ns=world.clock.now_ns()
    )

    assert [one.name for one in verdict.checks if not one.passed] == ["final"]
    assert len({one.path for one in result.manifest.artifact_refs}) >= 14


def test_a_candidate_that_is_not_better_gets_no_patch() -> None:
    result = made_run(LaneWorld(), evaluated(verdict="no-op", reason="not-better-than-champion"))

    assert statuses(result)["gate-evaluation"] == "fail"
    assert statuses(result)["paper-canary"] == "fail"
    assert row_of(result, "slo_paper_canary_patch_present") == ("fail", "strategy-patch-missing")
    assert result.ended.reason == "not-better-than-champion"
    assert result.manifest.phases[0].observations["reason"] == "not-better-than-champion"
    assert not any("strategy-patch" in path for path in canary_refs(result))


def test_live_without_a_patch_is_a_skip() -> None:
    world = LaneWorld(target="live", admission=LIVE)
    world.drift = drift_found("stable", at_ns=world.clock.now_ns())

    result = made_run(world, evaluated(verdict="deny", reason="worse-than-champion"))

    assert statuses(result)["paper-canary"] == "skip"
    assert not any("strategy-patch" in path for path in canary_refs(result))
    assert result.manifest.status == "fail"


def test_live_with_everything_passing_is_patched_up_to_what_was_approved() -> None:
    world = LaneWorld(target="live", admission=LIVE)
    world.drift = drift_found("stable", at_ns=world.clock.now_ns())

    result = made_run(world)

    assert set(statuses(result).values()) == {"pass"}
    patch = world.files.read(f"runs/{result.ended.run_id}/strategy-patch.json")
    assert parse_json_object(patch)["notional_cap"] == 20_000.0


def test_a_target_that_was_lowered_is_on_record_with_what_was_missing() -> None:
    lowered = Admission(target="paper", missing=("approval-missing",), rollback_target="champion")

    result = made_run(LaneWorld(target="live", admission=lowered))

    summary = result.manifest.observation_summary
    assert result.manifest.requested_promotion_target == "paper"
    assert (summary.asked_promotion_target, summary.missing_for_live) == (
        "live",
        ("approval-missing",),
    )


@pytest.mark.parametrize("broken", [False, True])
def test_a_page_is_left_beside_the_manifest_however_the_lane_ended(*, broken: bool) -> None:
    world = LaneWorld()
    ports = replace(world.ports(), page=lambda manifest: manifest.content_hash.encode())

    async def run() -> LaneResult:
        work = await made_work(world, evaluated(broken=broken))
        return await run_autonomous_lane(work, ports)

    result = asyncio.run(run())

    page = world.files.read(f"runs/{result.ended.run_id}/review.html")
    assert page.decode() == result.manifest.content_hash
    assert (result.ended.outcome == "failed") == broken


HOUR_NS: Final = 3600 * 1_000_000_000


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (
            LaneWorld(tried=working("stop", at_ns=LaneWorld().clock.now_ns())),
            "switch-not-rehearsed-deterministic-only",
        ),
        (
            LaneWorld(tried=working(at_ns=LaneWorld().clock.now_ns() - 73 * HOUR_NS)),
            "rehearsal-stale",
        ),
        (LaneWorld(tried=working(at_ns=LaneWorld().clock.now_ns() + HOUR_NS)), "rehearsal-stale"),
        (LaneWorld(admission=Admission(target="paper")), "rollback-target-missing"),
        (
            LaneWorld(target="live", admission=Admission(target="live", rollback_target="c")),
            "approver-missing",
        ),
    ],
    ids=["one-switch-only", "old", "tomorrow", "no-target", "no-approver"],
)
def test_a_rollback_that_is_not_ready_fails_its_phase(world: LaneWorld, reason: str) -> None:
    result = made_run(world)

    assert statuses(result)["rollback-readiness"] == "fail"
    assert row_of(result, "slo_required_rollback_checks_present") == ("fail", reason)


@pytest.mark.parametrize(
    ("drift", "reason"),
    [
        (drift_found(None), "drift-not-judged"),
        (drift_found("detected"), "drift-detected"),
        (drift_found("cooldown"), "drift-cooldown"),
        (drift_found("unhealthy"), "drift-unhealthy"),
    ],
)
def test_only_a_stable_verdict_opens_the_drift_gate(drift: DriftFound, reason: str) -> None:
    result = made_run(LaneWorld(drift=drift))

    assert row_of(result, "slo_drift_gate_allowed") == ("fail", reason)
    assert statuses(result)["paper-canary"] == "fail"


def test_drift_is_asked_for_when_a_run_comes_to_its_gate() -> None:
    world = LaneWorld()
    ports = world.ports()
    world.drift = drift_found("detected")

    async def ran() -> LaneResult:
        return await run_autonomous_lane(await made_work(world), ports)

    result = asyncio.run(ran())

    assert row_of(result, "slo_drift_gate_allowed") == ("fail", "drift-detected")


@pytest.mark.parametrize(
    ("age_s", "row"), [(60, ("pass", None)), (61, ("fail", "drift-verdict-stale"))]
)
def test_a_verdict_older_than_declared_does_not_open_it_for_live(
    age_s: int, row: tuple[str, str | None]
) -> None:
    world = LaneWorld(target="live", admission=LIVE, drift_max_age_ms=60_000)
    world.drift = drift_found("stable", at_ns=world.clock.now_ns() - age_s * 10**9)

    result = made_run(world)

    assert row_of(result, "slo_drift_gate_allowed") == row


def test_a_candidate_whose_bytes_are_gone_has_not_its_prerequisites() -> None:
    result = made_run(LaneWorld(intact=(1, 2)))

    assert row_of(result, "slo_required_artifacts_present") == ("fail", "candidate-not-intact")


class Forgetful(InMemoryArtifacts):
    """Loses a file as soon as it was written."""

    def create(self, path: str, body: bytes, /) -> None:
        """Write all but one kind of file."""
        super().create(path, b"" if path.endswith("gate_edge.json") else body)


def test_an_artifact_that_was_altered_after_it_was_written_fails_the_prerequisites() -> None:
    result = made_run(LaneWorld(files=Forgetful()))

    assert row_of(result, "slo_required_artifacts_present") == ("fail", "artifact-empty")


def test_the_same_inputs_again_are_another_attempt_of_the_same_run() -> None:
    world = LaneWorld()

    first, second = made_run(world), made_run(world)

    assert first.ended.run_id == second.ended.run_id
    assert (first.ended.attempt, second.ended.attempt) == (1, 2)
    assert second.own_copy == (
        f"runs/{first.ended.run_id}/attempts/2/rollout/phase-manifest.lane.json"
    )
    assert read_manifest(world.files.read(first.own_copy)) == first.manifest


def test_other_inputs_are_another_run_of_the_same_candidate() -> None:
    async def run() -> tuple[LaneResult, LaneResult]:
        world = LaneWorld()
        one = await made_work(world)
        first = await run_autonomous_lane(one, world.ports())
        again = await made_work(world)
        inputs = again.inputs.model_validate({**again.inputs.model_dump(), "log_block": 2})
        other = type(again)(
            submission=again.submission,
            inputs=inputs,
            evaluate=again.evaluate,
            intact=again.intact,
            patch=again.patch,
        )
        return first, await run_autonomous_lane(other, world.ports())

    first, other = asyncio.run(run())

    assert first.ended.run_id != other.ended.run_id
    assert first.manifest.candidate_id == other.manifest.candidate_id


def test_an_evaluation_that_breaks_is_a_crash_at_that_phase_on_record() -> None:
    world = LaneWorld()

    result = made_run(world, evaluated(broken=True))

    assert (result.ended.outcome, result.ended.phase) == ("failed", "gate-evaluation")
    assert result.ended.failure_streak == 1
    assert result.manifest.observation_summary.lane == "crashed"
    assert set(statuses(result).values()) == {"fail"}
    assert "ZeroDivisionError" in str(result.manifest.phases[0].observations)
    assert read_manifest(world.files.read(CURRENT)) == result.manifest


class Full(InMemoryArtifacts):
    """A disk that is full for one kind of file."""

    def __init__(self, ending: str) -> None:
        super().__init__()
        self._ending = ending

    def create(self, path: str, body: bytes, /) -> None:
        """Refuse one kind of file."""
        if path.endswith(self._ending):
            raise ArtifactUnwritableError(path=path, reason="No space left on device")
        super().create(path, body)


@pytest.mark.parametrize("phase", LANE_PHASES)
def test_any_phase_that_breaks_fails_the_manifest_there(phase: PhaseName) -> None:
    place = LANE_PHASES.index(phase)
    world = LaneWorld(files=Full(f"stages/{place + 1}-{phase}.json"))

    result = made_run(world)

    assert (result.ended.outcome, result.ended.phase) == ("failed", phase)
    assert list(statuses(result).values()) == ["pass"] * place + ["fail"] * (5 - place)


def test_completed_runs_end_a_streak_of_failures() -> None:
    world = LaneWorld()
    for _ in range(2):
        made_run(world, evaluated(broken=True))

    assert asyncio.run(lane_state(world.events)).failure_streak == 2
    made_run(world, evaluated(verdict="no-op", reason="not-better"))
    assert asyncio.run(lane_state(world.events)).failure_streak == 0


def roles(world: LaneWorld) -> list[str]:
    """Return what the ledger's candidates are."""
    return [known.role for known in asyncio.run(world.ledger()).candidates.values()]


def lost(world: LaneWorld) -> list[Envelope]:
    """Return every event that says that a candidate lost."""
    events = asyncio.run(world.events.read_events(ledger_stream(ROUTER)))
    return [one for one in events if one.type == "ledger.retained.v1"]


@pytest.mark.parametrize("verdict", ["no-op", "deny", "insufficient", "refuse"])
def test_a_candidate_that_is_not_recommended_contends_no_longer(verdict: str) -> None:
    world = LaneWorld()

    result = made_run(world, evaluated(verdict=verdict, reason="not-better"))

    assert roles(world) == ["retained"]
    assert asyncio.run(world.ledger()).challenger is None
    (event,) = map(read_ledger_event, lost(world))
    assert isinstance(event, ChampionRetained)
    assert (event.run_id, event.reason) == (result.ended.run_id, "not-better")


def test_a_candidate_that_is_recommended_goes_on_contending() -> None:
    world = LaneWorld()

    made_run(world)

    assert (roles(world), lost(world)) == (["challenger"], [])


def test_a_candidate_whose_run_broke_contends_again_as_soon_as_it_is_run_again() -> None:
    world = LaneWorld()
    made_run(world, evaluated(broken=True))
    assert roles(world) == ["retained"]

    made_run(world)

    assert roles(world) == ["challenger"]
    assert asyncio.run(world.ledger()).trials == 1
