"""Gate evaluation: every arm re-decided twice, looked at for leaks, paired and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from torghut.decisions.kernel.engine import DecisionKernel
from torghut.evals.contamination import Contamination, judge_contamination
from torghut.evals.errors import WindowNotSplitError
from torghut.evals.figures import (
    CardFacts,
    Evaluation,
    GateFigure,
    evaluation_card,
    figure,
    gate_figures,
)
from torghut.evals.fit_windows import FitWindow, overlaps
from torghut.evals.judging import Judge
from torghut.evals.lookahead import Answers, LookaheadPlan, check_lookahead
from torghut.evals.reproducing import arm_digest, reproduce
from torghut.evals.splitting import Window as Span
from torghut.evals.splitting import split_window
from torghut.evals.statistics.figuring import paired_figures
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import Expert, published_name
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.reviewing.disagreements import Disagreements
from torghut.schemas.reviewing.paired import PairedBlocks
from torghut.schemas.rollout.evaluation import ARMS, EvaluationWindows
from torghut.schemas.rows import RowArray
from torghut.workflows.lane.contest.arms import Arm, ArmPlan, KernelArm
from torghut.workflows.lane.contest.cutting import Window
from torghut.workflows.lane.contest.disagreeing import Watch
from torghut.workflows.lane.contest.pairing import CANDIDATE, CHAMPION, Paired, pair
from torghut.workflows.lane.contest.redeciding import (
    Reading,
    Redecided,
    Sampling,
    redecide,
)
from torghut.workflows.lane.evidence import RunFiles
from torghut.workflows.lane.gates import count_figures, recommended, seed_of
from torghut.workflows.lane.ports import Evaluated

_SAMPLE: Final = 4000
"""Contexts of the test that the candidate decides over and over, to see whether it looks ahead."""

_PASS_SHARE: Final = 0.4
"""Of an evaluation that one pass takes."""
_UNMATCHED_MAX: Final = 0.01
"""Share of contexts that may be decided by one arm and refused by another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A candidate and its rivals, before they saw anything.

    Attributes:
        arms: By role; the champion first, whose regimes the steps are told by.
        fitted: What the packages of candidate and champion were fitted on.
    """

    arms: Mapping[str, Arm]
    fitted: Sequence[FitWindow]


def contest_of(
    kernel: DecisionKernel, champion: ArmPlan, candidate: ArmPlan, *, plugged: Arm | None = None
) -> Contest:
    """Return the arms of a comparison.

    Args:
        kernel: Decides all of them.
        champion: What serves.
        candidate: What would serve.
        plugged: Stands in for the candidate's kernel arm.
    """
    alone = {
        f"only-{published_name(expert)}": KernelArm(
            kernel,
            ArmPlan(declarations=champion.declarations, packages=champion.packages, only=expert),
        )
        for expert in Expert
    }
    models = {one.digest: one for plan in (champion, candidate) for one in plan.packages.values()}
    fitted = [
        FitWindow(package=f"{one.name}@{one.digest}", first_ns=one.start_ns, last_ns=one.end_ns)
        for one in models.values()
    ]
    own = KernelArm(kernel, candidate) if plugged is None else plugged
    arms: dict[str, Arm] = {CHAMPION: KernelArm(kernel, champion), CANDIDATE: own, **alone}
    return Contest(arms=arms, fitted=fitted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Evaluates a contest on a window of a log.

    Attributes:
        reading: Of the log.
        contest: The arms.
        window: Of receive times; it is split into fit, select and test.
        policy: Declared.
        judge: Judges the paired arms.
        trials: Candidates tried so far, this one among them.
        horizon_ns: The longest label horizon of the symbols in the log.
        blocks: Of the log until the window ends; 0 where nobody knows.
        log_file: As it was submitted, for those who want to look decisions up.
    """

    reading: Reading
    contest: Contest
    window: Window
    policy: EvaluationPolicy
    judge: Judge
    trials: int
    horizon_ns: int
    blocks: int = 0
    log_file: str = ""

    async def __call__(self, files: RunFiles, told: Callable[[str, float], None], /) -> Evaluated:
        """Return what came of it; the evaluation card is written into ``files``."""
        span = Span(
            first_ns=self.window.first_ns, last_ns=self.window.last_ns, horizon_ns=self.horizon_ns
        )
        try:
            windows = split_window(span, self.policy.split)
        except WindowNotSplitError:
            return _nothing_to_judge(self.policy)
        watch = Watch(
            candidate=CANDIDATE,
            champion=CHAMPION,
            first_ns=windows.test.first_ns,
            last_ns=windows.test.last_ns,
        )
        first = await self._pass(windows, told, 0.0, watch)
        if not _are_within(first, windows):
            return _nothing_to_judge(self.policy)
        told("looking for look-ahead", 0.4)
        spent = _Spent(cpu=self.reading.cpu)
        contamination = self._contamination(first, windows, spent)
        second = await self._pass(windows, told, 0.5)
        told("judging", 0.9)
        paired = pair(first, windows)
        evaluation = Evaluation(
            judgement=self.judge.judge(
                paired.arms, self.policy, trials=self.trials, seed=seed_of(files.run_id)
            ),
            contamination=contamination,
            reproduction=reproduce(paired.arms, pair(second, windows).arms),
            budget_gap=paired.gap,
        )
        card = evaluation_card(
            evaluation,
            CardFacts(
                run_id=files.run_id,
                candidate_id=files.candidate_id,
                windows=windows,
                signals=paired.signals,
                arms=tuple(arm_digest(paired.arms.arms[name]) for name in ARMS),
            ),
        )
        decisions = evaluation.judgement.n
        cpu_ns = sum(one.cpu_ns for each in (first, second) for one in each.arms.values())
        return Evaluated(
            figures=[
                *count_figures(self.policy, signals=paired.signals, decisions=decisions),
                *gate_figures(evaluation),
                _rows(first, second),
                _matched(paired, first),
            ],
            artifacts=[
                files.keep(card, "evaluation-card.json"),
                files.keep(self._blocks(files, paired), "paired-blocks.json"),
                files.keep(self._apart(files, watch, first), "disagreements.json"),
            ],
            observations={
                "verdict": recommended(
                    evaluation.judgement.verdict,
                    contamination.verdict,
                    reproducible=_repeats(evaluation),
                ),
                "reason": _reason(evaluation),
                "best_expert": paired.best.removeprefix("only-"),
                "log_contexts": float(first.fed),
                "arms_cpu_ms": cpu_ns / NS_PER_MS,
                "lookahead_cpu_ms": spent.cpu_ns / NS_PER_MS,
            },
            signals=paired.signals,
            decisions=decisions,
        )

    async def _pass(
        self,
        windows: EvaluationWindows,
        told: Callable[[str, float], None],
        begin: float,
        watch: Watch | None = None,
    ) -> Redecided:
        """Return the window decided in every arm, newborn."""
        what = "deciding again, a second time" if begin else "deciding again"

        def tell(blocks: int) -> None:
            told(what, begin + _PASS_SHARE * min(1.0, blocks / max(self.blocks, blocks, 1)))

        told(what, begin)
        return await redecide(
            replace(self.reading, progress=tell),
            self.contest.arms,
            self.window,
            # What an arm lost before must not keep it from trading where it is judged.
            fresh_ns=(windows.select.first_ns, windows.test.first_ns),
            sampling=Sampling(first_ns=windows.test.first_ns, most=_SAMPLE),
            watch=watch,
        )

    def _blocks(self, files: RunFiles, paired: Paired) -> PairedBlocks:
        """Return what the judgement is computed from."""
        return PairedBlocks(
            run_id=files.run_id,
            candidate_id=files.candidate_id,
            policy=self.policy,
            figures=paired_figures(paired.arms, self.policy),
        )

    def _apart(self, files: RunFiles, watch: Watch, found: Redecided) -> Disagreements:
        """Return where candidate and champion parted."""
        largest = watch.disagreements(found.symbols, found.sources)
        return Disagreements(
            run_id=files.run_id,
            candidate_id=files.candidate_id,
            log=self.log_file,
            contexts=watch.contexts,
            contexts_apart=watch.contexts_apart,
            stretches=watch.stretches,
            largest=largest,
        )

    def _contamination(
        self, found: Redecided, windows: EvaluationWindows, spent: _Spent
    ) -> Contamination:
        """Return whether the candidate looks ahead, or anything was fitted on the test."""
        report = None
        if len(found.sample) > 1:
            plan = LookaheadPlan(cuts_min=self.policy.lookahead_cuts_min)
            decide = _blindly(self.contest.arms[CANDIDATE], found, spent)
            report = check_lookahead(decide, found.sample, plan)
        seen = overlaps(
            self.contest.fitted,
            first_ns=max(0, windows.test.first_ns - windows.embargo_ns),
            last_ns=windows.test.last_ns,
        )
        return judge_contamination(report, seen, cuts_min=self.policy.lookahead_cuts_min)


def _are_within(found: Redecided, windows: EvaluationWindows) -> bool:
    """Say whether there is anything in the test."""
    times = found.receive_ns
    return bool(((times >= windows.test.first_ns) & (times <= windows.test.last_ns)).any())


def _nothing_to_judge(policy: EvaluationPolicy) -> Evaluated:
    """Return what a test without a single context comes to."""
    counts = count_figures(policy, signals=0, decisions=0)
    return Evaluated(
        figures=counts,
        artifacts=[],
        observations={"verdict": "insufficient", "reason": counts[0].reason or ""},
        signals=0,
        decisions=0,
    )


@dataclass(slots=True)
class _Spent:
    """CPU time spent on deciding over and over."""

    cpu: Callable[[], int]
    cpu_ns: int = 0


def _blindly(arm: Arm, found: Redecided, spent: _Spent) -> Callable[[RowArray], Answers]:
    """Return what decides contexts as ``arm`` does when it was just born."""

    def decide(contexts: RowArray) -> Answers:
        before = spent.cpu()
        born = arm.newborn()
        born.meet(found.symbols, found.sources)
        answers = born.decide(contexts)
        spent.cpu_ns += spent.cpu() - before
        return answers

    return decide


def _rows(first: Redecided, second: Redecided) -> GateFigure:
    """Return whether both passes gave the same rows, to the last byte, not only the same gains."""
    apart = sum(first.arms[role].digest != second.arms[role].digest for role in first.arms)
    return figure(
        "gate_rows_reproducibility",
        (float(apart + (first.contexts != second.contexts)), "==", 0.0),
        unit="arms",
        n=len(first.arms),
        reason="rows-differ-when-run-twice",
    )


def _matched(paired: Paired, first: Redecided) -> GateFigure:
    """Return whether the arms decided the same contexts."""
    contexts = len(first.receive_ns)
    return figure(
        "gate_unmatched_contexts",
        (paired.unmatched / max(1, contexts), "<=", _UNMATCHED_MAX),
        unit="ratio",
        n=contexts,
        reason="contexts-unmatched",
    )


def _reason(found: Evaluation) -> str:
    """Return the finding that decided."""
    if found.contamination.verdict == "contaminated":
        return found.contamination.reason or "contaminated"
    if not _repeats(found):
        return "differs-when-run-twice"
    if found.contamination.verdict == "unchecked":
        return found.contamination.reason or "unchecked"
    return found.judgement.reason


def _repeats(found: Evaluation) -> bool:
    """Say whether a second evaluation came to the same."""
    return found.reproduction is not None and found.reproduction.identical
