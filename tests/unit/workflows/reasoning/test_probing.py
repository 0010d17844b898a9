"""A probe says how far a call gets, and stops at the first stage that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from typing_extensions import override

from tests.fakes.clock import Stopwatch
from torghut.kernel.errors import ExitCode
from torghut.reasoning.errors import (
    AdviceFaultError,
    AnswerMalformedError,
    DeadlineError,
    EndpointRefusedError,
    EndpointUnauthorisedError,
    EndpointUnreachableError,
)
from torghut.schemas.reasoning.context import AdviceContext
from torghut.workflows.reasoning.probing import PROBE, EndpointStages, Probe, Probed

UNREACHABLE = EndpointUnreachableError(found="nobody")


@dataclass(slots=True)
class FakeEndpoint(EndpointStages):
    """An endpoint that fails where it is told to; each stage takes so long.

    Attributes:
        steady: Told how time passes.
        faults: By stage.
        shown: What it was asked on.
    """

    steady: Stopwatch
    faults: Mapping[str, AdviceFaultError]
    shown: list[AdviceContext] = field(default_factory=list)

    @override
    async def resolve(self, *, deadline_ns: int) -> str:
        return self._take("resolve", 1)

    @override
    async def connect(self, *, deadline_ns: int) -> str:
        return self._take("connect", 2)

    @override
    async def encrypt(self, *, deadline_ns: int) -> str:
        return self._take("encrypt", 3)

    @override
    async def ask(self, shown: AdviceContext, *, deadline_ns: int) -> str:
        self.shown.append(shown)
        return self._take("ask", 4)

    def _take(self, what: str, takes_ns: int) -> str:
        self.steady.time_ns += takes_ns
        if what in self.faults:
            raise self.faults[what]
        return what


def probed(faults: Mapping[str, AdviceFaultError] | None = None, *, keyed: bool = True) -> Probed:
    """Return what a probe finds."""
    steady = Stopwatch()
    probe = Probe(endpoint=FakeEndpoint(steady, faults or {}), keyed=keyed, steady=steady)
    return asyncio.run(probe.run(deadline_ns=1_000))


def test_every_stage_that_is_passed_says_what_was_found_and_how_long_it_took() -> None:
    found = probed()

    assert found.exit_code is ExitCode.YES
    assert [(one.name, one.passed, one.detail, one.elapsed_ns) for one in found.stages] == [
        ("name", True, "resolve", 1),
        ("connection", True, "connect", 2),
        ("encryption", True, "encrypt", 3),
        ("authentication", True, "let in with the key", None),
        ("answer", True, "it came in time", 4),
        ("schema", True, "ask", None),
    ]


@pytest.mark.parametrize(
    ("stage", "fault", "named"),
    [
        ("resolve", UNREACHABLE, ["name"]),
        ("connect", UNREACHABLE, ["name", "connection"]),
        ("encrypt", UNREACHABLE, ["name", "connection", "encryption"]),
        (
            "ask",
            EndpointUnauthorisedError(status=401),
            ["name", "connection", "encryption", "authentication"],
        ),
        ("ask", DeadlineError(step="signal"), ["name", "connection", "encryption", "answer"]),
        ("ask", EndpointRefusedError(status=500), ["name", "connection", "encryption", "answer"]),
        (
            "ask",
            AnswerMalformedError(step="signal", problem="no JSON"),
            ["name", "connection", "encryption", "authentication", "answer", "schema"],
        ),
    ],
    ids=["name", "connection", "encryption", "key", "late", "refused", "malformed"],
)
def test_stages_end_with_the_first_that_fails(
    stage: str, fault: AdviceFaultError, named: list[str]
) -> None:
    found = probed({stage: fault})

    assert found.exit_code is ExitCode.UNREACHABLE
    assert [one.name for one in found.stages] == named
    assert [one.passed for one in found.stages] == [*[True] * (len(named) - 1), False]
    assert (found.stages[-1].code, found.stages[-1].detail) == (fault.code, str(fault))


def test_probe_that_sends_no_key_says_so() -> None:
    found = probed(keyed=False)

    assert found.stages[3].detail == "let in without a key"


def test_what_is_shown_says_that_it_is_a_probe_and_nothing_of_a_decision() -> None:
    assert PROBE.triggers == ("probe",)
    assert PROBE.passages == ()
    assert {fact.value for fact in PROBE.facts} == {0.0, "nothing hangs on this answer"}
