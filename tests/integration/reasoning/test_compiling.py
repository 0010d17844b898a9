"""A compiled program is what its name says, beats the uncompiled one, and is what is served."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.live.turning import turning_endpoint
from torghut.adapters.dspy.program import configure
from torghut.adapters.endpoint.pupil import PUPIL
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.reasoning.calling import Endpoint, EndpointCaller
from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.composition import standby
from torghut.composition.advice import compiling, evaluating, packages, replaying, serving
from torghut.composition.advice.settings import EndpointAccess
from torghut.evals.figures import GateFigure
from torghut.reasoning.errors import BudgetSpentError
from torghut.reasoning.program import (
    PROGRAM_PATH,
    RENDERING_PATH,
    AdviceProgramInvalidError,
    read_program,
)
from torghut.reasoning.specialist import answer
from torghut.schemas.declarations.rollout.programs import ProgramBudget, ProgramLimits
from torghut.schemas.reasoning.context import AdviceContext, Fact
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.schemas.reasoning.steps import RiskAnswer
from torghut.workflows.reasoning.ports import Transcript
from torghut.workflows.reasoning.programs.evaluating import Evaluated
from torghut.workflows.reasoning.programs.evidence import EvaluationDiffersError, records_of
from torghut.workflows.reasoning.programs.judging import aligned, program_figures
from torghut.workflows.reasoning.programs.learning import Example, Lessons, Suite

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

TEACHER: Final = "torghut-specialist-v1"
COUNT: Final = 24
TERMS: Final = evaluating.ServingTerms(budget_ms=20_000, confidence_min=0.0)
LIMITS: Final = ProgramLimits(
    questions_min=COUNT,
    each_min=4,
    schema_validity_min_ratio=0.995,
    unanswered_max_ratio=0.05,
    veto_alignment_min_ratio=0.6,
    false_veto_max_ratio=0.4,
    same_again_min_ratio=1.0,
    latency_p95_max_ms=20_000,
    calibration_brier_max=0.25,
)
PLENTY: Final = ProgramBudget(calls_max=100_000, tokens_max=1_000_000_000, seconds_max=3600)


def shown(number: int) -> AdviceContext:
    """Return a question; regime and entropy say whether it is to be vetoed."""
    wild = number % 3 == 0
    facts = {
        "blend:score": 0.5,
        "blend:disagreement": 0.1,
        "blend:confidence": 0.7,
        "regime:entropy": (0.95 if wild else 0.1) + 0.001 * number,
        "regime:leaving": (0.9 if wild else 0.05) + 0.001 * number,
        "market:spread": 1.0,
    }
    return AdviceContext(
        symbol="binance-spot:ETHUSDT",
        event_ns=number,
        triggers=("entropy",),
        facts=tuple(Fact(id=name, value=value, unit="ratio") for name, value in facts.items()),
        passages=(),
    )


def example(number: int) -> Example:
    """Return a question whose known answer is the specialist's rule."""
    risk = answer("risk", shown(number))
    assert isinstance(risk, RiskAnswer)
    return Example(
        context_id=f"{'cd' * 16}:binance-spot:ETHUSDT:quote:{number}",
        shown=shown(number),
        at_ns=1 + number,
        worth_bps=-5.0 if risk.veto else 5.0,
    )


def lessons() -> Lessons:
    """Return what is learned from, and what is judged by."""
    train = [example(number) for number in range(COUNT)]
    test = [example(number) for number in range(100, 100 + COUNT)]
    assert 4 <= sum(one.good for one in test) <= COUNT - 4
    return Lessons(
        train=Suite(examples=train, digest="ab" * 32),
        test=Suite(examples=test, digest="cd" * 32),
        embargo_ns=1,
        missing=0,
        open=0,
        partition=0,
        block=3,
        head="ef" * 32,
    )


def access(url: str, model: str = PUPIL) -> EndpointAccess:
    """Return where a stand-in is."""
    return EndpointAccess(url=url, model=model, key="", authorities=None)


BOOTSTRAP: Final = compiling.BootstrapOptions(demos=4)


def spending(budget: ProgramBudget = PLENTY) -> compiling.Spending:
    """Return what some work may cost."""
    return compiling.Spending(budget=budget, unsaid_tokens=1000)


def package(
    url: str, options: compiling.Options = BOOTSTRAP, budget: ProgramBudget = PLENTY
) -> Package:
    """Return a compiled program."""
    asked = compiling.Compiling(
        name="advice-test",
        teacher=TEACHER,
        options=options,
        confidence_min=0.0,
        spending=spending(budget),
    )
    return compiling.compiled(access(url), lessons(), asked)


def answered(url: str, compiled: Package | None, budget: ProgramBudget = PLENTY) -> Evaluated:
    """Return what a program says to the suite."""
    exam = evaluating.Exam(terms=TERMS, spending=spending(budget), store=InMemoryArtifacts())
    return evaluating.evaluated(access(url), compiled, lessons(), exam, lambda _: None)


def judged(url: str, compiled: Package | None) -> tuple[float, dict[str, GateFigure]]:
    """Return how often a program says what hindsight does, and what each gate comes to."""
    answers = answered(url, compiled).answers
    return aligned(answers), {one.id: one for one in program_figures(answers, LIMITS)}


@pytest.mark.parametrize(
    "options",
    [
        BOOTSTRAP,
        compiling.GepaOptions(questions=120),
        compiling.MiproOptions(candidates=4, trials=8, questions=120),
    ],
    ids=["bootstrap", "gepa", "miprov2"],
)
def test_compiled_program_beats_the_uncompiled_one_and_compiling_again_makes_the_same(
    options: compiling.Options,
) -> None:
    with turning_endpoint() as endpoint:
        first, second = package(endpoint.url, options), package(endpoint.url, options)
        before, _ = judged(endpoint.url, None)
        after, figures = judged(endpoint.url, first)
        uncompiled = judged(endpoint.url, None)[1]

    assert first.digest == second.digest
    assert after == 1.0
    assert before < 0.7
    assert figures["program_schema_validity_minimum"].value == 1.0
    assert figures["program_same_again_minimum"].status == "pass"
    assert figures["program_veto_alignment_minimum"].status == "pass"
    assert figures["program_false_veto_maximum"].value == 0.0
    assert uncompiled["program_veto_alignment_minimum"].status == "fail"


@pytest.mark.parametrize(
    "options",
    [
        BOOTSTRAP,
        compiling.GepaOptions(questions=120),
        compiling.MiproOptions(candidates=4, trials=8, questions=120),
    ],
    ids=["bootstrap", "gepa", "miprov2"],
)
@pytest.mark.parametrize(
    ("budget", "what"),
    [
        (ProgramBudget(calls_max=10, tokens_max=10**9, seconds_max=3600), "calls"),
        (ProgramBudget(calls_max=10**6, tokens_max=3000, seconds_max=3600), "tokens"),
    ],
    ids=["calls", "tokens"],
)
def test_search_that_costs_more_than_it_may_makes_no_package(
    options: compiling.Options, budget: ProgramBudget, what: str
) -> None:
    with turning_endpoint() as endpoint, pytest.raises(BudgetSpentError, match=what):
        package(endpoint.url, options, budget)


def test_answers_to_another_programs_words_are_not_taken_for_its_own() -> None:
    with turning_endpoint() as endpoint:
        own, other = (package(endpoint.url, compiling.BootstrapOptions(demos=n)) for n in (4, 2))
        store = InMemoryArtifacts()
        exam = evaluating.Exam(terms=TERMS, spending=spending(), store=store)
        kept = evaluating.evaluated(access(endpoint.url), own, lessons(), exam, lambda _: None).kept

    records = list(records_of(kept, store))
    replaying.check_own(own, records)

    relabelled = [one.model_dump() | {"program": other.digest} for one in records]
    with pytest.raises(EvaluationDiffersError, match="in the words of"):
        replaying.check_own(other, map(AdviceRecord.model_validate, relabelled))


def test_evaluation_that_costs_more_than_it_may_says_nothing_of_the_program() -> None:
    budget = ProgramBudget(calls_max=30, tokens_max=10**9, seconds_max=3600)

    with turning_endpoint() as endpoint, pytest.raises(BudgetSpentError):
        answered(endpoint.url, None, budget)


def test_program_that_is_kept_is_read_again_and_served(tmp_path: Path) -> None:
    store = FolderPackageStore(tmp_path)
    with turning_endpoint() as endpoint:
        made = package(endpoint.url)
        store.save(made)
        found = packages.package_of(made.digest, store)
        assert found.digest == made.digest

        served = asyncio.run(requests_of(found, endpoint.url))
        plain = asyncio.run(requests_of(None, endpoint.url))
        other = asyncio.run(
            requests_of(package(endpoint.url, compiling.BootstrapOptions(demos=2)), endpoint.url)
        )

    # Another compiled artifact puts other requests to the endpoint; the same puts the same.
    assert len({tuple(served), tuple(plain), tuple(other)}) == 3


async def requests_of(compiled: Package | None, url: str) -> list[str]:
    """Return the digests of what the endpoint is asked about one question."""
    configure()
    steady = standby.steady_clock()
    caller = EndpointCaller(Endpoint(url=url), steady)
    transcript = Transcript()
    try:
        program = await serving.served(compiled, caller, PUPIL, steady)
        assert program.digest == (None if compiled is None else compiled.digest)
        await program.think(shown(7), deadline_ns=1 << 62, transcript=transcript)
    finally:
        await caller.close()
    return [call.request for call in transcript.calls]


def altered(made: Package, path: str, old: str, new: str) -> Package:
    """Return a package of another name's digest, one file of which says something else."""
    files = {name: StoredFile(body=body) for name, body in made.files.items()}
    text = files[path].body.decode()
    assert old in text
    files[path] = StoredFile(body=text.replace(old, new, 1).encode())
    manifest = made.manifest
    return build_package(
        kind=manifest.kind, name=manifest.name, files=files, created_from=manifest.created_from
    )


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (PROGRAM_PATH, "Make the strongest case", "Make no case"),
        (RENDERING_PATH, '"max_tokens":800', '"max_tokens":900'),
        ("schemas.json", '"exposure_factor"', '"exposure_faktor"'),
        (PROGRAM_PATH, '"veto":true', '"veto":1'),
        (PROGRAM_PATH, '"step":"risk"', '"step":"advice"'),
        (PROGRAM_PATH, '"given":{"context"', '"given":{"stance"'),
        (PROGRAM_PATH, '"given":{"context"', '"given":{"self":"x","context"'),
        (PROGRAM_PATH, '"strength":0.5', '"strength":9007199254740992'),
    ],
    ids=[
        "instructions",
        "parameters",
        "schema",
        "example",
        "steps",
        "answer-as-input",
        "odd-input",
        "odd-number",
    ],
)
def test_program_that_is_not_what_it_was_compiled_to_is_not_served(
    path: str, old: str, new: str
) -> None:
    with turning_endpoint() as endpoint:
        made = altered(package(endpoint.url), path, old, new)

        with pytest.raises(AdviceProgramInvalidError):
            asyncio.run(requests_of(made, endpoint.url))


def test_program_of_another_version_or_model_is_not_served() -> None:
    with turning_endpoint() as endpoint:
        made = package(endpoint.url)
        program = read_program(made)
        older = dataclasses.replace(program, versions={"dspy": "3.0.0"})

        with pytest.raises(AdviceProgramInvalidError, match="dspy"):
            asyncio.run(serving.checked_module(older, standby.steady_clock()))
        with pytest.raises(AdviceProgramInvalidError, match="another-model"):
            asyncio.run(served_for(made, "another-model"))


async def served_for(made: Package, model: str) -> None:
    """Have a program served for a model."""
    steady = standby.steady_clock()
    caller = EndpointCaller(Endpoint(url="http://127.0.0.1:9/v1"), steady)
    try:
        await serving.served(made, caller, model, steady)
    finally:
        await caller.close()


def test_package_holds_text_alone() -> None:
    with turning_endpoint() as endpoint:
        made = package(endpoint.url)

    for body in made.files.values():
        assert json.loads(body)
