"""A submission made ready to run: its log read for what was in force, its arms put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from torghut.artifacts.package import read_package
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.evals.judging import Judge
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.schemas.rollout.lane import CandidateSpec, LaneInputs
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.lane.contest.cutting import Window
from torghut.workflows.lane.contest.evaluating import Evaluator, contest_of
from torghut.workflows.lane.contest.redeciding import Reading
from torghut.workflows.lane.contest.standing import (
    LogStanding,
    champion_of,
    horizon_ns_of,
    standing_at,
)
from torghut.workflows.lane.desk.candidates import Candidates
from torghut.workflows.lane.naming import run_id_of
from torghut.workflows.lane.ports import LaneWork, PatchTerms
from torghut.workflows.lane.rehearsal import Rehearsing


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTools:
    """What every run is made with.

    Attributes:
        kernel: Decides all arms.
        candidates: Where they are kept.
        evaluation: The declared policy.
        policies: Digests of all declared policies, by kind.
        judge: Judges the paired arms.
        count_trial: Puts a run of a candidate on record as a trial, and returns how many there were
            for its router, this one among them; the same run again is none.
        rehearsing: Tries the hard switches on the run's log.
        cpu: Tells CPU time, in nanoseconds.
    """

    kernel: DecisionKernel
    candidates: Candidates
    evaluation: EvaluationPolicy
    policies: Mapping[str, str]
    judge: Judge
    rehearsing: Rehearsing
    count_trial: Callable[[str, CandidateSpec], Awaitable[int]]
    cpu: Callable[[], int]


async def prepare_work(
    submission: CandidateSubmitted, log: DecisionLog, tools: LaneTools
) -> LaneWork:
    """Return the work of a submission's run.

    Raises:
        EmptyLogError: The log holds nothing until the end of the window.
        LogIntegrityError: The log is not as it was written.
        CandidateAlteredError: The candidate is not as it was submitted.
    """
    asked = submission.asked
    spec, span = asked.candidate, asked.window
    standing = await standing_at(log, span.last_ns, partition=span.partition)
    champion = await champion_of(log, standing)
    candidate = tools.candidates.plan_of(spec, champion)
    inputs = LaneInputs(
        candidate=spec,
        target=asked.target,
        first_ns=span.first_ns,
        last_ns=span.last_ns,
        log_block=standing.block,
        log_head=standing.head,
        champion_packages={name: one for name, one in standing.packages.items() if one},
        champion_declarations=standing.declarations,
        policies=dict(tools.policies),
        kernel_version=tools.kernel.version,
    )
    evaluator = Evaluator(
        reading=Reading(log=log, partition=span.partition, cpu=tools.cpu),
        contest=contest_of(tools.kernel, champion, candidate),
        # Time before the log and after it is no part of what can be split.
        window=Window(
            first_ns=max(span.first_ns, standing.first_ns),
            last_ns=min(span.last_ns, standing.last_ns),
        ),
        policy=tools.evaluation,
        judge=tools.judge,
        trials=await tools.count_trial(run_id_of(inputs), spec),
        horizon_ns=horizon_ns_of(champion, standing),
        blocks=standing.block + 1,
        log_file=span.log,
    )
    return LaneWork(
        submission=submission,
        inputs=inputs,
        evaluate=evaluator,
        intact=_intact(tools.candidates, spec, champion, standing, log),
        patch=_patch_terms(spec, champion, candidate, standing),
    )


def _intact(
    candidates: Candidates,
    spec: CandidateSpec,
    champion: ArmPlan,
    standing: LogStanding,
    log: DecisionLog,
) -> Callable[[], Awaitable[tuple[int, int]]]:
    """Return what reads the candidate and everything of the champion again, and counts."""

    async def read_again() -> tuple[int, int]:
        found = 0
        wanted = [standing.declarations, *filter(None, standing.packages.values())]
        for digest in wanted:
            found += await _is_kept(log, digest, package=digest != standing.declarations)
        try:
            candidates.plan_of(spec, champion)
        except TorghutError:
            return found, len(wanted) + 1
        return found + 1, len(wanted) + 1

    return read_again


async def _is_kept(log: DecisionLog, digest: str, *, package: bool) -> bool:
    """Say whether a log still keeps an object, and all that it is made of."""
    try:
        if package:
            await read_package(digest, log.get_object)
        else:
            await log.get_object(digest)
    except TorghutError:
        return False
    return True


def _patch_terms(
    spec: CandidateSpec, champion: ArmPlan, candidate: ArmPlan, standing: LogStanding
) -> PatchTerms:
    """Return what a patch would name: the symbols that were seen and would be decided otherwise."""
    instruments = [candidate.declarations.instrument(name) for name in sorted(standing.symbols)]
    concerned = [one for one in instruments if spec.kind != "package" or one.router == spec.router]
    serving = champion.packages.get(spec.router)
    return PatchTerms(
        symbols=tuple(one.symbol for one in concerned),
        notional_cap=min((float(one.risk.notional_cap) for one in concerned), default=0.0),
        replaces=None if serving is None else serving.digest,
        replaces_declarations=None if spec.declarations is None else standing.declarations,
    )
