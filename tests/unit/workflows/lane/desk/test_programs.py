"""A compiled program goes through the lane by what it answered, and is promoted like any other."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock, SteppingClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.packages import InMemoryPackageStore
from tests.fakes.programs import FakeProgram, Says
from tests.support.decisions.asking import asking
from tests.support.decisions.kernels import compiled
from tests.support.governance.promoting import Grounds, key_of, keyring, office
from tests.support.lane.lanes import CONTEXT, LaneWorld, drift_found, evaluation_policy
from tests.support.lane.rollouts import evidence_files, finalise
from tests.support.reasoning.asked import (
    BOUND,
    TERMS,
    asked_log,
    hindsight,
    learned,
    program_package,
)
from torghut.artifacts.package import Package
from torghut.evals.judging import FixedSampleJudge
from torghut.eventlog.ports import DecisionLog
from torghut.governance.approvals.errors import ApprovalError
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.governance.ledger.errors import (
    ApprovalMissingError,
    CandidateConflictError,
    CandidateUnknownError,
    ChampionChangedError,
    ManifestUnfitError,
)
from torghut.governance.ledger.ledger import program_ledger
from torghut.governance.ledger.state import LedgerState
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneAsked
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.reasoning.evaluation import ProgramEvaluation
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.approving.manifests import CheckedManifest, checked
from torghut.workflows.approving.promoting import Changed, promote, register_candidate, revert
from torghut.workflows.approving.tried import check_tried, newest_run
from torghut.workflows.lane.desk.admitting import rollback_target
from torghut.workflows.lane.desk.candidates import Candidates
from torghut.workflows.lane.desk.preparing import LaneTools
from torghut.workflows.lane.desk.programs import ProgramTools
from torghut.workflows.lane.desk.working import LaneDesk
from torghut.workflows.lane.naming import candidate_id_of, ledger_of
from torghut.workflows.lane.ports import Admission, LaneWork, Rehearsed
from torghut.workflows.lane.rehearsal import Rehearsing
from torghut.workflows.lane.running import LaneResult, lane_command
from torghut.workflows.reasoning.programs.evaluating import Examiner
from torghut.workflows.reasoning.programs.evidence import evaluation_path, keep_evaluation
from torghut.workflows.rollout.publishing import publish_run
from torghut.workflows.streams import Streams

NAME: Final = "committee"
LEDGER: Final = program_ledger(NAME)
PASSED: Final = ["pass"] * 5


def artifacts() -> InMemoryArtifacts:
    """Return an artifact root with the records of the log's questions."""
    _, store = asked_log()
    return InMemoryArtifacts(
        {**evidence_files(), **{path: store.read(path) for path in store.paths()}}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp(Rehearsing):
    """A rehearsal of switches that nobody decides again for."""

    shows: Callable[[], Awaitable[Rehearsed]]

    @override
    def on(self, log: DecisionLog, *, partition: int) -> Callable[[], Awaitable[Rehearsed]]:
        return self.shows


@dataclass(slots=True)
class World(LaneWorld):
    """A lane for programs, in memory."""

    files: InMemoryArtifacts = field(default_factory=artifacts)
    packages: InMemoryPackageStore = field(default_factory=InMemoryPackageStore)

    async def count(self, run_id: str, spec: CandidateSpec) -> int:
        """Put a trial on record."""
        candidate = LedgerCandidate(
            candidate_id=candidate_id_of(spec), digest=spec.package or "", package=spec.package
        )
        streams, at_ns = Streams(self.events), self.clock.now_ns()
        return await register_candidate(
            streams, ledger_of(spec), candidate, run_id=run_id, at_ns=at_ns
        )

    async def serving(self, ledger: str) -> str | None:
        """Return which program serves."""
        return (await office(self.events).ledger(ledger)).serving

    async def admit(self, submission: CandidateSubmitted, work: LaneWork) -> Admission:
        """Admit what was asked for."""
        return Admission(
            target=self.target,
            approver="production",
            rollback_target=rollback_target(submission, work),
        )

    def desk(self) -> LaneDesk:
        """Return what works the queue off."""
        log, _ = asked_log()
        return LaneDesk(
            ports=self.ports(),
            tools=LaneTools(
                kernel=compiled(),
                candidates=Candidates(packages=self.packages, files=self.files),
                evaluation=evaluation_policy(),
                policies={},
                judge=FixedSampleJudge(),
                rehearsing=MadeUp(
                    kernel=compiled(),
                    wall=self.clock,
                    steady=SteppingClock(),
                    revision="r1",
                    shows=self.rehearse,
                ),
                count_trial=self.count,
                cpu=lambda: 0,
                programs=ProgramTools(
                    declared=asking(),
                    policy=BOUND,
                    split=evaluation_policy().split,
                    packages=self.packages,
                    files=self.files,
                    serving=self.serving,
                ),
            ),
            open_log=lambda _: log,
            admit=self.admit,
        )

    def ledgered(self) -> LedgerState:
        """Return the ledger of the programs."""
        return run(office(self.events).ledger(LEDGER))


def evaluation_of(world: World, package: Package, says: Says | None = None) -> ProgramEvaluation:
    """Return what a program answered, by default what hindsight says."""
    examiner = Examiner(
        program=FakeProgram(says=says or hindsight(learned().test), named=package.digest),
        terms=TERMS,
        steady=SteppingClock(),
        store=world.files,
    )
    return asyncio.run(examiner.evaluate(learned())).kept


def submit(world: World, package: Package, evaluation: str) -> None:
    """Let a program wait for its run."""
    world.packages.save(package)
    test = learned().test.examples
    asked = LaneAsked(
        candidate=CandidateSpec(
            kind="program", router=package.name, package=package.digest, declarations=None
        ),
        window=LogWindow(
            log="made.log", partition=0, first_ns=test[0].at_ns, last_ns=test[-1].at_ns
        ),
        target=world.target,
        context=CONTEXT,
        author=None,
        evaluation=evaluation,
    )
    command = SubmitCandidate(asked=asked, at_ns=world.clock.now_ns())
    run(lane_command(world.events, command, "test"))


def ran(world: World) -> LaneResult:
    """Return what becomes of what waits."""
    result = asyncio.run(world.desk().run_next())
    assert result is not None
    return result


def tried(world: World, package: Package, says: Says | None = None) -> LaneResult:
    """Return what becomes of a program."""
    submit(world, package, keep_evaluation(world.files, evaluation_of(world, package, says)))
    return ran(world)


def final(world: World, result: LaneResult) -> CheckedManifest:
    """Return the final manifest of a run, signed and verified."""
    governance = Governance(streams=Streams(world.events), causes=CAUSES)
    run_id, now_ns = result.ended.run_id, world.clock.now_ns()
    run(governance.run(rollout_of(run_id), dataclasses.replace(finalise(), at_ns=now_ns)))
    place = publish_run(
        run(governance.state(rollout_of(run_id))), world.files, key=key_of("clock")
    ).place
    return checked(
        world.files.read(place),
        world.files,
        world.files,
        place,
        keyring=keyring(),
        now_ns=now_ns,
    )


def promoted(world: World, manifest: CheckedManifest, *, approval: str | None = None) -> Changed:
    """Promote a run's candidate."""
    place = replace(office(world.events), wall=world.clock)
    return run(promote(place, manifest, approval=approval, grounds=Grounds()))


def statuses(manifest: PhaseManifest) -> list[str]:
    """Return how the lane's phases came out."""
    return [phase.status for phase in manifest.phases[:5]]


def failing(manifest: PhaseManifest) -> set[str]:
    """Return the gates of the evaluation that do not pass."""
    return {row.id for row in manifest.phases[0].slo_gates if row.status != "pass"}


def test_program_that_says_what_hindsight_does_is_promoted_and_taken_back() -> None:
    world = World()
    first, second = program_package(), program_package(told="Advise otherwise.")

    result = tried(world, first)
    manifest = final(world, result)
    changed = promoted(world, manifest)
    again = promoted(world, manifest)
    other = promoted(world, final(world, tried(world, second)))
    back = run(revert(office(world.events), LEDGER, cause="by-hand", reason="news"))

    assert (result.verdict, statuses(result.manifest)) == ("promote", PASSED)
    assert (changed.router, changed.ledger.serving) == (LEDGER, first.digest)
    assert (again.again, again.ledger.version) == (True, 1)
    assert other.ledger.serving == second.digest
    assert other.ledger.digest_of("previous") == first.digest
    assert back.ledger.serving == first.digest
    # A loop knows of no program: nothing is sent to it.
    assert {changed.control, again.control, other.control, back.control} == {None}


@pytest.mark.slow
def test_run_cites_what_was_answered_and_says_what_serves_again() -> None:
    world = World()
    package = program_package()

    result = tried(world, package)

    folder = f"runs/{result.ended.run_id}"
    kept = ProgramEvaluation.model_validate_json(
        world.files.read(f"{folder}/program-evaluation.json")
    )
    assert (kept.program, len(kept.answers)) == (package.digest, result.ended.signals)
    readiness = world.files.read(f"{folder}/readiness.json").decode()
    assert '"rollback_target":"deterministic-fallback"' in readiness
    schemas = {one.schema_ for one in result.manifest.artifact_refs}
    assert "reasoning.program-evaluation.v1" in schemas


@pytest.mark.slow
@pytest.mark.parametrize(
    ("says", "gate"),
    [
        ("approve", "program_veto_alignment_minimum"),
        ("veto", "program_false_veto_maximum"),
        ("invalid", "program_schema_validity_minimum"),
        ("late", "program_unanswered_maximum"),
    ],
)
def test_program_that_fails_a_limit_is_denied_and_cannot_be_promoted(says: str, gate: str) -> None:
    world = World()

    result = tried(world, program_package(), lambda _: says)

    assert result.verdict == "deny"
    assert gate in failing(result.manifest)
    assert result.manifest.status == "fail"
    assert [one.role for one in world.ledgered().candidates.values()] == ["retained"]
    with pytest.raises(ManifestUnfitError):
        promoted(world, final(world, result))


def test_program_that_was_compiled_from_the_suite_is_denied() -> None:
    world = World()
    ends_ns = learned().test.examples[3].at_ns

    result = tried(world, program_package(ends_ns=ends_ns))

    assert failing(result.manifest) == {"program_contamination_maximum"}
    assert (result.verdict, result.ended.reason) == ("deny", "compiled-from-the-suite")


def without_evaluation(_world: World, _evaluation: ProgramEvaluation) -> str:
    """Name an evaluation that is not kept."""
    return "ab" * 32


def altered(world: World, evaluation: ProgramEvaluation) -> str:
    """Alter an evaluation where it is kept."""
    digest = keep_evaluation(world.files, evaluation)
    body = world.files.read(evaluation_path(digest))
    world.files.replace(evaluation_path(digest), body.replace(b"1", b"2", 1))
    return digest


def restated(**fields: object) -> Callable[[World, ProgramEvaluation], str]:
    """Return what keeps an evaluation that says something else."""

    def keep(world: World, evaluation: ProgramEvaluation) -> str:
        changed = ProgramEvaluation.model_validate({**evaluation.model_dump(), **fields})
        return keep_evaluation(world.files, changed)

    return keep


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (without_evaluation, "reasoning.evaluation-missing"),
        (altered, "reasoning.evaluation-altered"),
        (restated(program="ab" * 32), "reasoning.evaluation-differs"),
        (restated(budget_ms=60_000), "reasoning.evaluation-differs"),
        (restated(confidence_min=0.0), "reasoning.evaluation-differs"),
        (restated(suite="ab" * 32), "reasoning.evaluation-differs"),
        (restated(log_head="ab" * 32), "reasoning.evaluation-differs"),
    ],
    ids=["missing", "altered", "program", "budget", "confidence", "suite", "log"],
)
def test_evaluation_is_never_believed(
    kept: Callable[[World, ProgramEvaluation], str], says: str
) -> None:
    world = World()
    package = program_package()
    submit(world, package, kept(world, evaluation_of(world, package)))

    result = ran(world)

    assert (result.ended.outcome, result.ended.phase) == ("failed", "gate-evaluation")
    crash = result.manifest.phases[0].observations
    assert says in str(crash)
    assert result.manifest.status == "fail"


@pytest.mark.slow
def test_program_judged_beside_another_than_serves_now_is_not_promoted() -> None:
    world = World()
    first, second = program_package(), program_package(told="Advise otherwise.")
    before = final(world, tried(world, first))
    beside = final(world, tried(world, second))
    promoted(world, before)

    with pytest.raises(ChampionChangedError):
        promoted(world, beside)


@pytest.mark.slow
def test_live_takes_an_approval_of_a_program_too() -> None:
    fresh = drift_found("stable", at_ns=HandClock().now_ns())
    world = World(target="live", drift=fresh)
    manifest = final(world, tried(world, program_package()))
    assert manifest.document.requested_promotion_target == "live"

    with pytest.raises(ApprovalMissingError):
        promoted(world, manifest)
    with pytest.raises(ApprovalError):
        promoted(world, manifest, approval="approval-of-nobody")
    assert world.ledgered().champion is None


@pytest.mark.slow
def test_what_no_run_tried_is_not_promoted_by_another_ones_manifest() -> None:
    world = World()
    package, stranger = program_package(), program_package(told="Never tried.")
    manifest = final(world, tried(world, package))
    place = office(world.events)

    assert run(newest_run(place, LEDGER, package.digest)) == manifest.document.run_id
    with pytest.raises(CandidateUnknownError):
        run(newest_run(place, LEDGER, stranger.digest))
    with pytest.raises(CandidateConflictError):
        run(check_tried(place, manifest, LEDGER, stranger.digest))
    with pytest.raises(CandidateConflictError):
        run(check_tried(place, manifest, program_ledger("another"), package.digest))
