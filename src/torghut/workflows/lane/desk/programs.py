"""Gate evaluation of a program: what it answered to a frozen suite, judged again from the replies.

Nobody is asked here. The evaluation is named by its digest; the suite is cut from the decision log
again, every verdict follows from a reply on record, and every figure from those. An evaluation of
other questions, of another program or under other terms than those that are served with is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from torghut.artifacts.package import Package, PackageReference
from torghut.artifacts.ports import ArtifactStore, PackageStore
from torghut.decisions.declarations import Declarations
from torghut.evals.figures import GateFigure, figure
from torghut.evals.fit_windows import FitWindow, overlaps
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.reasoning.program import read_program
from torghut.schemas.declarations.governance import AdviceBounds, AskingTerms
from torghut.schemas.declarations.rollout.evaluation import SplitPolicy
from torghut.schemas.declarations.rollout.programs import ProgramPolicy
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.reasoning.evaluation import ProgramEvaluation
from torghut.schemas.rollout.lane import CandidateSpec
from torghut.workflows.lane.desk.candidates import CandidateRefusedError
from torghut.workflows.lane.evidence import RunFiles
from torghut.workflows.lane.ports import Evaluated
from torghut.workflows.reasoning.programs.evidence import (
    EvaluationDiffersError,
    answers_again,
    load_evaluation,
)
from torghut.workflows.reasoning.programs.judging import aligned, program_figures, verdict_on
from torghut.workflows.reasoning.programs.learning import Extent, Lessons, lessons

ARTIFACT: Final = "program-evaluation.json"
"""What the evaluation is called, in the folder of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTools:
    """What a run of a program is made with.

    Attributes:
        declared: Of this installation: what programs are asked by.
        policy: What they must show.
        split: How time is cut.
        packages: Candidates.
        files: The artifact root: evaluations and records are below it.
        serving: Says which package a ledger has serving; None: none.
    """

    declared: Declarations
    policy: ProgramPolicy
    split: SplitPolicy
    packages: PackageStore
    files: ArtifactStore
    serving: Callable[[str], Awaitable[str | None]]

    def terms(self) -> tuple[AdviceBounds, AskingTerms]:
        """Return what is declared of asking them.

        Raises:
            CandidateRefusedError: Something is not.
        """
        declared = self.declared.reasoning
        if declared.bounds is None or declared.asking is None:
            raise CandidateRefusedError(
                expected="bounds and asking in governance/policies/reasoning.yaml",
                found="not both of them",
            )
        return declared.bounds, declared.asking

    def package(self, spec: CandidateSpec) -> Package:
        """Return the package of a candidate, verified.

        Raises:
            PackageMissingError: It is not there.
            PackageAlteredError: It is not as it was submitted.
        """
        return self.packages.load(PackageReference(name=spec.router, digest=spec.package or ""))

    def evaluation(self, asked: LaneAsked) -> ProgramEvaluation:
        """Return what a candidate was asked and answered, verified.

        Raises:
            EvaluationError: It is not there as named.
        """
        return load_evaluation(self.files, asked.evaluation or "")

    def intact(self, asked: LaneAsked) -> tuple[int, int]:
        """Return how many of candidate and evaluation are there as named, of how many."""
        found = 0
        with suppress(TorghutError):
            read_program(self.package(asked.candidate))
            found += 1
        with suppress(TorghutError):
            self.evaluation(asked)
            found += 1
        return found, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramExam:
    """Judges a program by what it answered.

    Attributes:
        asked: What the run is asked for.
        log: That the suite is cut from.
        tools: Of every run.
    """

    asked: LaneAsked
    log: DecisionLog
    tools: ProgramTools

    async def __call__(self, files: RunFiles, told: Callable[[str, float], None], /) -> Evaluated:
        """Return what came of it; the evaluation is copied into ``files``.

        Raises:
            EvaluationError: It is not there as named, or says something else than log and records.
            AdviceRecordMissingError: A record that it cites is not kept here.
            AdviceRecordAlteredError: Something else is.
            NothingToLearnError: The log has no suite.
            AdviceProgramInvalidError: The candidate is no program.
        """
        package = self.tools.package(self.asked.candidate)
        program = read_program(package)
        evaluation = self.tools.evaluation(self.asked)
        self._check_terms(evaluation)
        told("cutting the suite again", 0.0)
        found = await self._suite(evaluation)
        told("reading the replies again", 0.5)
        answers = answers_again(evaluation, program.parameters, found.test, self.tools.files)
        made = package.manifest.created_from
        seen = FitWindow(
            package=str(package.reference),
            first_ns=made.window_start_ns,
            last_ns=made.window_end_ns,
        )
        figures = [*program_figures(answers, self.tools.policy.limits), _contamination(seen, found)]
        verdict, reason = verdict_on(figures)
        return Evaluated(
            figures=figures,
            artifacts=[files.keep(evaluation, ARTIFACT)],
            observations={
                "verdict": verdict,
                "reason": reason,
                "aligned": aligned(answers),
                "suite": evaluation.suite,
            },
            signals=len(answers),
            decisions=sum(one.valid for one in answers),
        )

    def _check_terms(self, evaluation: ProgramEvaluation) -> None:
        """Refuse an evaluation of another program, or under other terms than are served with."""
        bounds, asking = self.tools.terms()
        wanted = (
            self.asked.candidate.package,
            bounds.budget_ms - bounds.reserve_ms,
            asking.confidence_min,
            self.asked.window.partition,
        )
        told = (
            evaluation.program,
            evaluation.budget_ms,
            evaluation.confidence_min,
            evaluation.partition,
        )
        if told != wanted:
            raise EvaluationDiffersError(
                expected="one of program {}, within {} ms, confident by {}, of partition {}".format(
                    *wanted
                ),
                found="{}, {}, {}, {}".format(*told),
            )

    async def _suite(self, evaluation: ProgramEvaluation) -> Lessons:
        """Return what the log offered when it was as long as when the program was asked."""
        found = await lessons(
            self.log,
            self.tools.files,
            self.tools.declared,
            self.tools.split,
            extent=Extent(partition=evaluation.partition, until=evaluation.log_block),
        )
        if (found.block, found.head) != (evaluation.log_block, evaluation.log_head):
            raise EvaluationDiffersError(
                expected=f"the log with block {evaluation.log_block}, {evaluation.log_head}",
                found=f"{found.block}, {found.head}",
            )
        return found


def _contamination(seen: FitWindow, found: Lessons) -> GateFigure:
    """Return whether a program was compiled from the time that it is judged on."""
    first_ns = found.test.examples[0].at_ns
    shared = overlaps(
        [seen],
        first_ns=max(0, first_ns - found.embargo_ns),
        last_ns=found.test.examples[-1].at_ns,
    )
    return figure(
        "program_contamination_maximum",
        (float(len(shared)), "<=", 0.0),
        unit="windows",
        n=1,
        reason="compiled-from-the-suite",
    )
