"""A submission made ready to run: its log read for what was in force, its arms put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from torghut.artifacts.package import read_package
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.evals.judging import Judge
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneAsked
from torghut.schemas.rollout.lane import CandidateSpec, LaneInputs
from torghut.schemas.types import message_digest
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
from torghut.workflows.lane.desk.programs import ProgramExam, ProgramTools
from torghut.workflows.lane.naming import ledger_of, run_id_of
from torghut.workflows.lane.ports import LaneWork, PatchTerms
from torghut.workflows.lane.rehearsal import Rehearsing

LIMITS: Final = "program-limits"
"""What the limits of programs are called among a run's policies."""

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


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
        programs: What runs of programs are made with besides.
    """

    kernel: DecisionKernel
    candidates: Candidates
    evaluation: EvaluationPolicy
    policies: Mapping[str, str]
    judge: Judge
    rehearsing: Rehearsing
    count_trial: Callable[[str, CandidateSpec], Awaitable[int]]
    cpu: Callable[[], int]
    programs: ProgramTools


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
    if spec.kind == "program":
        return await _program_work(submission, log, tools, standing, champion)
    candidate = tools.candidates.plan_of(spec, champion)
    inputs = _inputs(asked, standing, tools)
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

    def own() -> tuple[int, int]:
        try:
            tools.candidates.plan_of(spec, champion)
        except TorghutError:
            return 0, 1
        return 1, 1

    return LaneWork(
        submission=submission,
        inputs=inputs,
        evaluate=evaluator,
        intact=_intact(own, standing, log),
        patch=_patch_terms(spec, candidate, standing, replaces=_package(champion, spec.router)),
    )


async def _program_work(
    submission: CandidateSubmitted,
    log: DecisionLog,
    tools: LaneTools,
    standing: LogStanding,
    champion: ArmPlan,
) -> LaneWork:
    """Return the work of a run of a program; what serves is told by its ledger, not by the log."""
    asked, programs = submission.asked, tools.programs
    spec, ledger = asked.candidate, ledger_of(asked.candidate)
    programs.terms()  # what is asked under no declaration cannot be judged
    replaces = await programs.serving(ledger)
    inputs = _inputs(
        asked,
        standing,
        tools,
        packages={} if replaces is None else {ledger: replaces},
        policies={LIMITS: message_digest(programs.policy.limits)},
    )
    await tools.count_trial(run_id_of(inputs), spec)
    return LaneWork(
        submission=submission,
        inputs=inputs,
        evaluate=ProgramExam(asked=asked, log=log, tools=programs),
        intact=_intact(lambda: programs.intact(asked), standing, log),
        patch=_patch_terms(spec, champion, standing, replaces=replaces),
    )


def _inputs(
    asked: LaneAsked,
    standing: LogStanding,
    tools: LaneTools,
    *,
    packages: Mapping[str, str] = NOTHING,
    policies: Mapping[str, str] = NOTHING,
) -> LaneInputs:
    """Return everything that a run's id derives from.

    Args:
        asked: What the run is asked for.
        standing: Of the log when the window ended.
        tools: Of every run.
        packages: That serve besides those of the log.
        policies: That bind besides those of every run, by their kind.
    """
    decided_by = {name: one for name, one in standing.packages.items() if one}
    return LaneInputs(
        candidate=asked.candidate,
        target=asked.target,
        first_ns=asked.window.first_ns,
        last_ns=asked.window.last_ns,
        log_block=standing.block,
        log_head=standing.head,
        champion_packages={**decided_by, **packages},
        champion_declarations=standing.declarations,
        policies={**tools.policies, **policies},
        kernel_version=tools.kernel.version,
        evaluation=asked.evaluation,
    )


def _intact(
    own: Callable[[], tuple[int, int]], standing: LogStanding, log: DecisionLog
) -> Callable[[], Awaitable[tuple[int, int]]]:
    """Return what reads the candidate and everything of the champion again, and counts.

    Args:
        own: Reads what the candidate is, and counts.
        standing: Of the champion.
        log: That keeps it.
    """

    async def read_again() -> tuple[int, int]:
        found, of = own()
        wanted = [standing.declarations, *filter(None, standing.packages.values())]
        for digest in wanted:
            found += await _is_kept(log, digest, package=digest != standing.declarations)
        return found, of + len(wanted)

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


def _package(plan: ArmPlan, router: str) -> str | None:
    """Return the package by which a router's symbols are decided; None: by none."""
    serving = plan.packages.get(router)
    return None if serving is None else serving.digest


def _patch_terms(
    spec: CandidateSpec, candidate: ArmPlan, standing: LogStanding, *, replaces: str | None
) -> PatchTerms:
    """Return what a patch would name: the symbols that were seen and would be decided otherwise."""
    instruments = [candidate.declarations.instrument(name) for name in sorted(standing.symbols)]
    concerned = [one for one in instruments if spec.kind != "package" or one.router == spec.router]
    return PatchTerms(
        symbols=tuple(one.symbol for one in concerned),
        notional_cap=min((float(one.risk.notional_cap) for one in concerned), default=0.0),
        replaces=replaces,
        replaces_declarations=None if spec.declarations is None else standing.declarations,
    )
