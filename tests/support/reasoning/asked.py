"""A log whose questions are on record, in a market that pays half of the time; programs for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.live import World, offered
from tests.fakes.programs import PINNED, FakeProgram, Says
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.asking import asking, asking_setup, mode_record
from tests.support.lane.lanes import evaluation_policy
from tests.support.live.advising import patient_policy
from torghut.artifacts.package import Package
from torghut.eventlog.memory import InMemoryLog
from torghut.reasoning.program import build_program
from torghut.reasoning.showing import RowLegend, advice_context
from torghut.schemas.declarations.rollout.programs import (
    ProgramBudget,
    ProgramLimits,
    ProgramPolicy,
)
from torghut.schemas.package import Environment, Provenance
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.program import ProgramFile, RenderingFile
from torghut.schemas.reasoning.steps import STEPS
from torghut.workflows.live.advice.awaiting import Advisor, Answer, Question
from torghut.workflows.reasoning.finding import ProgramQuestion, find
from torghut.workflows.reasoning.ports import NEVER_NS
from torghut.workflows.reasoning.programs.evaluating import ServingTerms
from torghut.workflows.reasoning.programs.learning import Lessons, Suite, lessons
from torghut.workflows.reasoning.recording import keep_record

CONTEXTS: Final = 700
_PERIOD: Final = 120
"""Seconds of a wave of the price, most of which a position is held for."""

LIMITS: Final = ProgramLimits(
    questions_min=20,
    each_min=5,
    schema_validity_min_ratio=0.995,
    unanswered_max_ratio=0.05,
    veto_alignment_min_ratio=0.6,
    false_veto_max_ratio=0.4,
    same_again_min_ratio=1.0,
    latency_p95_max_ms=1800,
    calibration_brier_max=0.25,
)

BUDGET: Final = ProgramBudget(calls_max=10_000, tokens_max=10_000_000, seconds_max=3600)
BOUND: Final = ProgramPolicy(
    kind="program-policy.v1",
    why="What tests take for enough.",
    compiling=BUDGET,
    evaluating=BUDGET,
    limits=LIMITS,
)
TERMS: Final = ServingTerms(budget_ms=1800, confidence_min=0.55)
"""How questions are asked, as declared."""


class KeepingAdviser(Advisor):
    """Approves of everything, soon, and keeps what was asked and answered."""

    def __init__(self, store: InMemoryArtifacts) -> None:
        self.store = store
        self.program = FakeProgram(says=lambda _: "approve")

    @override
    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        legend = RowLegend(
            symbol=question.symbol, regimes=question.regimes, multiplier=question.multiplier
        )
        shown = advice_context(question.row, legend, ())
        asked = ProgramQuestion(
            context_id=question.context_id, shown=shown, confidence_min=TERMS.confidence_min
        )

        async def answer() -> None:
            finding, record = await find(self.program, asked, deadline_ns=NEVER_NS)
            digest = keep_record(self.store, record)
            await asyncio.sleep(0.3)
            answered(
                Answer(resolution=finding.outcome, confidence=finding.confidence, advice=digest)
            )

        self.task = asyncio.ensure_future(answer())


def price(sequence: int) -> dict[str, Any]:
    """Return a price that goes up and down."""
    mid = 1.3 * (1.0 + 0.004 * math.sin(2.0 * math.pi * sequence / _PERIOD))
    return {"bid": round(mid, 6), "ask": round(mid * 1.00001, 6)}


@cache
def asked_log(*, pause_s: int = 1) -> tuple[InMemoryLog, InMemoryArtifacts]:
    """Return the log of a service in shadow mode, and where its questions are on record.

    Args:
        pause_s: In which nothing is quoted, in the middle.
    """
    store = InMemoryArtifacts()
    made = World(setup=asking_setup(), policy=patient_policy())
    made.advisor = KeepingAdviser(store)

    async def main() -> None:
        async with made.living() as worker:
            await worker.desk.submit([mode_record("shadow")])
            for sequence in range(1, CONTEXTS):
                await worker.desk.decide([offered(sequence, **price(sequence))])
                await asyncio.sleep(pause_s if sequence == CONTEXTS // 2 else 1)

    run_virtually(main())
    return made.inner, store


@cache
def learned(*, pause_s: int = 1) -> Lessons:
    """Return what it offers to learn from."""
    log, store = asked_log(pause_s=pause_s)
    return asyncio.run(lessons(log, store, asking(), evaluation_policy().split))


def hindsight(suite: Suite) -> Says:
    """Return what says of each question of a suite what hindsight does."""
    good = {one.shown.model_dump_json(): one.good for one in suite.examples}

    def says(shown: AdviceContext) -> str:
        return "approve" if good[shown.model_dump_json()] else "veto"

    return says


def program_package(
    name: str = "committee", *, told: str = "Advise.", ends_ns: int | None = None
) -> Package:
    """Return a package of a program that was compiled from the early part of the log.

    Args:
        name: Of the package.
        told: To each step; another one is another program.
        ends_ns: Of what it was compiled from; None: of the early part.
    """
    train = learned().train
    steps = [{"step": step, "instructions": told, "demos": []} for step in STEPS]
    return build_program(
        name,
        ProgramFile.model_validate({"optimizer": "gepa", "steps": steps}),
        RenderingFile(parameters=PINNED, requests=dict.fromkeys(STEPS, "ab" * 32)),
        Provenance(
            data_digest=train.digest,
            window_start_ns=train.examples[0].at_ns,
            window_end_ns=ends_ns or train.examples[-1].at_ns,
            feature_schema="reasoning.advice-context.v1",
            seed=0,
            versions={"dspy": "1"},
            metrics={},
            environment=Environment(python="3.11", system="linux", machine="x86_64", threads=1),
        ),
    )
