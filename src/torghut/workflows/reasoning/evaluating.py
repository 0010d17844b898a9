"""How good a program's advice is, on a frozen suite of questions whose outcome is known.

Every question is asked once, under the budget that is served with; some are asked again, to see
whether the same is said. Advice must be readable, in time, the same again, as sure as it is right,
and veto what loses more often than what pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.errors import AdviceFaultError
from torghut.reasoning.verdict import judge
from torghut.workflows.reasoning.learning import Example, Suite
from torghut.workflows.reasoning.ports import Program, Transcript

VALID_LEAST: Final = 0.995
"""Share of answers that came which must be readable."""
UNANSWERED_MOST: Final = 0.05
"""Share of questions that may end without an answer: late, refused or unreachable."""

_AGAIN_EVERY: Final = 5
_UNANSWERED: Final = frozenset({"timed-out", "failed"})
_VETOES: Final = frozenset({"veto", "defer"})
"""What keeps exposure from being raised as proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of one question.

    Attributes:
        example: That was asked.
        outcome: A verdict, or why there is none.
        confidence: Of a verdict.
        elapsed_ns: It took so long.
        again: What the same question came to again; None where it was asked once.
    """

    example: Example
    outcome: str
    confidence: float | None
    elapsed_ns: int
    again: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One thing that must hold.

    Attributes:
        name: Of it.
        found: The figure; None where nothing could be measured.
        wanted: In words.
        passed: Whether it holds; what could not be measured does not.
    """

    name: str
    found: float | None
    wanted: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a program is worth.

    Attributes:
        suite: Digest of what was asked.
        answers: To every question, in the order of time.
        gates: What must hold.
    """

    suite: str
    answers: Sequence[Answered]
    gates: Sequence[Gate]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return all(one.passed for one in self.gates)

    @property
    def aligned(self) -> float:
        """Share of questions whose answer was that of hindsight; unanswered ones are not."""
        good = [one for one in self.answers if _agrees(one)]
        return len(good) / len(self.answers)


async def evaluate(
    program: Program,
    suite: Suite,
    steady: SteadyClock,
    *,
    budget_ms: int,
    confidence_min: float,
    progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Ask a program everything in a suite, and return what it is worth.

    Args:
        program: To be judged.
        suite: Of questions.
        steady: Measures.
        budget_ms: For each question, as it is served.
        confidence_min: As it is served.
        progress: Told how many questions were asked.
    """
    answers: list[Answered] = []
    for number, example in enumerate(suite.examples):
        outcome, confidence, elapsed_ns = await _ask(
            program, example, steady, budget_ms, confidence_min
        )
        again = None
        if number % _AGAIN_EVERY == 0:
            again, _, _ = await _ask(program, example, steady, budget_ms, confidence_min)
        answers.append(
            Answered(
                example=example,
                outcome=outcome,
                confidence=confidence,
                elapsed_ns=elapsed_ns,
                again=again,
            )
        )
        progress(number + 1)
    gates = list(_gates(answers, budget_ms))
    return Evaluation(suite=suite.digest, answers=answers, gates=gates)


async def _ask(
    program: Program, example: Example, steady: SteadyClock, budget_ms: int, confidence_min: float
) -> tuple[str, float | None, int]:
    """Return outcome, confidence and how long it took."""
    begun_ns = steady.now_ns()
    try:
        thought = await program.think(
            example.shown,
            deadline_ns=begun_ns + budget_ms * NS_PER_MS,
            transcript=Transcript(),
        )
    except AdviceFaultError as fault:
        return fault.resolution, None, steady.now_ns() - begun_ns
    judged = judge(thought.committee, example.shown, confidence_min=confidence_min)
    return judged.resolution, judged.confidence, steady.now_ns() - begun_ns


def _gates(answers: Sequence[Answered], budget_ms: int) -> Iterator[Gate]:
    """Yield what must hold."""
    came = [one for one in answers if one.outcome not in _UNANSWERED]
    valid = [one for one in came if one.outcome != "invalid"]
    yield _least("schema-validity", _share(len(valid), len(came)), VALID_LEAST)
    yield _most("unanswered", _share(len(answers) - len(came), len(answers)), UNANSWERED_MOST)
    bad = [one for one in valid if not one.example.good]
    good = [one for one in valid if one.example.good]
    vetoed = _share(sum(one.outcome in _VETOES for one in bad), len(bad))
    falsely = _share(sum(one.outcome in _VETOES for one in good), len(good))
    better = vetoed is not None and falsely is not None and vetoed > falsely
    yield Gate(
        name="veto-alignment",
        found=vetoed,
        wanted=f"of what lost, above the {_text(falsely)} of what paid",
        passed=better,
    )
    repeated = [one for one in valid if one.again not in {None, *_UNANSWERED}]
    same = _share(sum(one.again == one.outcome for one in repeated), len(repeated))
    yield _least("same-again", same, 1.0)
    slow = sorted(one.elapsed_ns for one in answers)
    p95_ms = slow[min(len(slow) - 1, int(0.95 * len(slow)))] / NS_PER_MS if slow else None
    yield _most("latency-p95-ms", p95_ms, float(budget_ms))
    scored = [one for one in valid if one.confidence is not None]
    brier = _share(
        sum(((one.confidence or 0.0) - float(_agrees(one))) ** 2 for one in scored), len(scored)
    )
    yield _most("calibration-brier", brier, 0.25)


def _agrees(one: Answered) -> bool:
    """Return whether an answer was that of hindsight."""
    if one.outcome in _VETOES:
        return not one.example.good
    return one.outcome in {"approve", "adjust"} and one.example.good


def _share(part: float, whole: int) -> float | None:
    """Return a share; None of nothing."""
    return part / whole if whole else None


def _least(name: str, found: float | None, least: float) -> Gate:
    """Return a gate of at least so much."""
    passed = found is not None and found >= least
    return Gate(name=name, found=found, wanted=f"at least {least:g}", passed=passed)


def _most(name: str, found: float | None, most: float) -> Gate:
    """Return a gate of at most so much."""
    passed = found is not None and found <= most
    return Gate(name=name, found=found, wanted=f"at most {most:g}", passed=passed)


def _text(found: float | None) -> str:
    """Return a share in words."""
    return "unknown share" if found is None else f"{found:.0%}"
