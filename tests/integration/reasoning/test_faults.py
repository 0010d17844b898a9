"""Whatever an endpoint does, a question ends in time, with the right code, and betrays nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.asking import NothingHappens
from tests.fakes.clock import HandClock
from tests.support.decisions.asking import NAMES, asking_fold, course, mode_record
from tests.support.reasoning.expected import CASES, VERDICTS
from torghut.adapters.dspy.program import DspyProgram, configure
from torghut.adapters.endpoint.faults import FAULTS
from torghut.adapters.endpoint.script import parse_script
from torghut.adapters.endpoint.serving import Served, serve_endpoint
from torghut.adapters.reasoning.calling import Endpoint, EndpointCaller
from torghut.adapters.reasoning.keeping import ArtifactRecords
from torghut.artifacts.ports import ArtifactStore
from torghut.composition import standby
from torghut.eventlog.memory import InMemoryLog
from torghut.market.ports import Arrival
from torghut.reasoning.breaker import BreakerPolicy
from torghut.reasoning.ledger import AskingPolicy, asking_decider
from torghut.reasoning.showing import RowLegend
from torghut.schemas.control import AdviceShadowed
from torghut.schemas.reasoning.context import Passage
from torghut.schemas.reasoning.record import AdviceRecord, ModelParameters
from torghut.workflows.reasoning.advising import AdvisingDesk, Inquiry
from torghut.workflows.reasoning.finding import Finding
from torghut.workflows.reasoning.ledger import AskingLedger
from torghut.workflows.reasoning.ports import Caller
from torghut.workflows.reasoning.recording import load_record, record_bytes
from torghut.workflows.reasoning.replaying import replayed_answer

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

KEY: Final = "sk-a-secret-that-nobody-may-see"
BUDGET_NS: Final = 400_000_000
PATIENCE_NS: Final = 5_000_000_000


class Changes(NothingHappens):
    """Remembers how the breaker changed."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    @override
    def changed(self, before: str, after: str, code: str) -> None:
        self.seen.append((before, after, code))


@pytest.fixture(scope="module", autouse=True)
def _configured() -> None:
    configure()


@cache
def asked_row() -> bytes:
    """Return what is known of a context that waits."""
    active = [Arrival(row=0, record=mode_record("active"))]
    return asking_fold().decide(course([0] * 60), active).asked[0].row


def desk_of(
    caller: EndpointCaller,
    changes: Changes,
    *,
    failures: int = 1,
    kept: ArtifactStore | None = None,
) -> AdvisingDesk:
    """Return what asks at an endpoint."""
    return AdvisingDesk(
        program=program_of(caller, ModelParameters(model="m1")),
        ledger=AskingLedger(
            store=InMemoryLog(clock=HandClock()),
            decider=asking_decider(
                AskingPolicy(
                    calls_per_hour=100,
                    tokens_per_hour=10**6,
                    tokens_per_question=10**4,
                    at_once=8,
                    breaking=BreakerPolicy(failures=failures, open_ns=10**10, open_max_ns=10**10),
                )
            ),
            wall=HandClock(),
            witness=changes,
        ),
        confidence_min=0.5,
        passages=no_passages,
        steady=standby.steady_clock(),
        witness=changes,
        keeper=ArtifactRecords(kept or InMemoryArtifacts()),
    )


def inquiry() -> Inquiry:
    """Return a question that has a budget from now on."""
    return Inquiry(
        context_id=f"{'cd' * 16}:{NAMES[0]}:quote:7",
        row=asked_row(),
        legend=RowLegend(symbol=NAMES[0], regimes=("calm", "turbulent"), multiplier=1.0),
        deadline_ns=standby.steady_clock().now_ns() + BUDGET_NS,
    )


async def no_passages(_symbol: str, _event_ns: int) -> Sequence[Passage]:
    """Return that there is no news."""
    return ()


def program_of(caller: Caller, parameters: ModelParameters) -> DspyProgram:
    """Return the program that is served."""
    return DspyProgram(caller, parameters, standby.steady_clock())


def program_again(caller: Caller, record: AdviceRecord) -> DspyProgram:
    """Return the program of a record."""
    return program_of(caller, record.parameters)


async def ask(
    script: str, questions: int = 1, kept: ArtifactStore | None = None
) -> tuple[list[Finding], Served, Changes]:
    """Return what becomes of questions, one after the other."""
    changes = Changes()
    async with serve_endpoint(parse_script(script, FAULTS), host="127.0.0.1", port=0) as served:
        caller = EndpointCaller(Endpoint(url=served.url, key=KEY), standby.steady_clock())
        try:
            desk = desk_of(caller, changes, kept=kept)
            return [await desk.advise(inquiry()) for _ in range(questions)], served, changes
        finally:
            await caller.close()


def test_every_fault_is_expected_to_end_somehow() -> None:
    names = [name for name, _, _ in CASES]

    assert sorted(names) == sorted(FAULTS)
    assert len(names) >= 70


@pytest.mark.parametrize(("name", "outcome", "code"), CASES)
def test_question_ends_with_the_right_code(name: str, outcome: str, code: str) -> None:
    begun_ns = standby.steady_clock().now_ns()
    kept = InMemoryArtifacts()

    (found,), served, changes = asyncio.run(ask(name, kept=kept))

    assert (found.outcome, found.code) == (outcome, code)
    assert standby.steady_clock().now_ns() - begun_ns < PATIENCE_NS
    assert served.unauthorised == 0
    assert len(served.requests) <= 4  # one call a step, and none again
    assert bool(changes.seen) == (outcome not in VERDICTS)
    assert KEY not in repr(found)
    check_record(found, kept, outcome, code)


def check_record(found: Finding, kept: InMemoryArtifacts, outcome: str, code: str) -> None:
    """Check that the record alone says the same again, and betrays nothing."""
    assert found.advice is not None
    record = load_record(kept, found.advice)
    assert KEY not in record_bytes(record).decode()
    assert (record.resolution, record.code) == (outcome, code)
    assert record.calls
    told = AdviceShadowed.model_validate(
        {
            "control_id": "c",
            "symbol": NAMES[0],
            "context_id": record.context_id,
            "at_ns": 0,
            "resolution": found.outcome,
            "factor": found.factor,
            "confidence": found.confidence,
            "advice": found.advice,
            "code": found.code,
        }
    )
    again = asyncio.run(replayed_answer(told, found.advice, kept, program_again))
    assert again.status == "identical", again


def test_open_breaker_asks_nobody() -> None:
    found, served, changes = asyncio.run(ask("status-500", questions=3))

    assert [one.outcome for one in found] == ["failed", "breaker-open", "breaker-open"]
    assert served.requests == ["status-500"]
    assert changes.seen == [("closed", "open", "reasoning.endpoint-refused")]


def test_nobody_there_is_a_fault_like_any_other() -> None:
    async def main() -> Finding:
        gone = Endpoint(url="http://127.0.0.1:9/v1", key=KEY)
        caller = EndpointCaller(gone, standby.steady_clock())
        try:
            return await desk_of(caller, Changes()).advise(inquiry())
        finally:
            await caller.close()

    found = asyncio.run(main())

    assert (found.outcome, found.code) == ("failed", "reasoning.endpoint-unreachable")


def test_https_that_is_spoken_to_who_speaks_none_is_a_fault_like_any_other() -> None:
    async def main() -> Finding:
        script = parse_script("good", FAULTS)
        async with serve_endpoint(script, host="127.0.0.1", port=0) as served:
            secure = Endpoint(url=served.url.replace("http:", "https:"), key=KEY)
            caller = EndpointCaller(secure, standby.steady_clock())
            try:
                return await desk_of(caller, Changes()).advise(inquiry())
            finally:
                await caller.close()

    found = asyncio.run(main())

    assert (found.outcome, found.code) == ("failed", "reasoning.endpoint-unreachable")


def test_same_context_is_asked_in_the_same_words() -> None:
    bodies: list[bytes] = []

    class Listening(EndpointCaller):
        """Keeps what is sent."""

        @override
        async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
            bodies.append(body)
            return await super().call(body, step=step, deadline_ns=deadline_ns)

    async def main() -> None:
        script = parse_script("good", FAULTS)
        async with serve_endpoint(script, host="127.0.0.1", port=0) as served:
            caller = Listening(Endpoint(url=served.url), standby.steady_clock())
            try:
                for _ in range(2):
                    await desk_of(caller, Changes()).advise(inquiry())
            finally:
                await caller.close()

    asyncio.run(main())

    assert len(bodies) == 8
    assert bodies[:4] == bodies[4:]
