"""How far a model's endpoint is reached: its name, a connection, the key, one whole answer.

The stages come in the order in which a call passes them, and end with the first that fails: what is
behind it cannot be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from torghut.kernel.clock import SteadyClock
from torghut.kernel.errors import ExitCode
from torghut.reasoning.errors import AdviceFaultError, EndpointUnauthorisedError
from torghut.schemas.reasoning.context import AdviceContext, Fact

StageName = Literal["name", "connection", "encryption", "authentication", "answer", "schema"]

PROBE: Final = AdviceContext(
    symbol="probe:NOTHING",
    event_ns=0,
    triggers=("probe",),
    facts=(
        Fact(id="blend:score", value=0.0, unit="score"),
        Fact(id="book:position", value=0.0, unit="ratio"),
        Fact(id="note:probe", value="nothing hangs on this answer", unit="words"),
    ),
    passages=(),
)
"""What is shown: nothing of any decision, and it says so.

Programs are known again by how they render it: with another one every package would be refused.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the way there.

    Attributes:
        name: Of the stage.
        passed: Whether a call gets past it.
        detail: What was found, in words; no secret.
        code: Of the fault; empty without one.
        elapsed_ns: It took so long; None where it was not measured by itself.
    """

    name: StageName
    passed: bool
    detail: str
    code: str = ""
    elapsed_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What was found.

    Attributes:
        stages: In order; the last one alone may have failed.
        exit_code: Of that failure.
    """

    stages: Sequence[Stage]
    exit_code: ExitCode

    @property
    def elapsed_ns(self) -> int:
        """How long all of them took together."""
        return sum(one.elapsed_ns or 0 for one in self.stages)


class EndpointStages(Protocol):
    """An endpoint, one stage at a time; each raises ``AdviceFaultError`` and says what it found."""

    async def resolve(self, *, deadline_ns: int) -> str:
        """Find the addresses of its name."""
        ...

    async def connect(self, *, deadline_ns: int) -> str:
        """Open a connection."""
        ...

    async def encrypt(self, *, deadline_ns: int) -> str:
        """Make sure that nobody else can read or answer."""
        ...

    async def ask(self, shown: AdviceContext, *, deadline_ns: int) -> str:
        """Have the first step answered, as every question is asked."""
        ...


class _Trying(Protocol):
    """A stage that can be tried."""

    async def __call__(self, *, deadline_ns: int) -> str: ...


@dataclass(slots=True, kw_only=True)
class Probe:
    """Goes through the stages.

    Attributes:
        endpoint: That is probed.
        keyed: Whether a key is sent.
        steady: Measures the stages.
    """

    endpoint: EndpointStages
    keyed: bool
    steady: SteadyClock
    _stages: list[Stage] = field(default_factory=list)

    async def run(self, *, deadline_ns: int) -> Probed:
        """Return how far a call gets, before a time on the steady clock."""
        try:
            await self._pass("name", self.endpoint.resolve, deadline_ns)
            await self._pass("connection", self.endpoint.connect, deadline_ns)
            await self._pass("encryption", self.endpoint.encrypt, deadline_ns)
            await self._answer(deadline_ns)
        except AdviceFaultError as fault:
            return Probed(stages=self._stages, exit_code=fault.exit_code)
        return Probed(stages=self._stages, exit_code=ExitCode.YES)

    async def _pass(self, name: StageName, stage: _Trying, deadline_ns: int) -> None:
        """Try one stage, and keep what was found."""
        begun_ns = self.steady.now_ns()
        try:
            detail = await stage(deadline_ns=deadline_ns)
        except AdviceFaultError as fault:
            self._fail(name, fault, begun_ns)
            raise
        self._keep(name, detail, self.steady.now_ns() - begun_ns)

    async def _answer(self, deadline_ns: int) -> None:
        """Ask, and tell by what comes how far that got."""
        begun_ns = self.steady.now_ns()
        let_in = "let in with the key" if self.keyed else "let in without a key"
        try:
            detail = await self.endpoint.ask(PROBE, deadline_ns=deadline_ns)
        except EndpointUnauthorisedError as fault:
            self._fail("authentication", fault, begun_ns)
            raise
        except AdviceFaultError as fault:
            if fault.resolution == "invalid":  # something came, which is not to be trusted
                self._keep("authentication", let_in, None)
                self._keep("answer", "it came in time", self.steady.now_ns() - begun_ns)
                self._fail("schema", fault, None)
            else:
                self._fail("answer", fault, begun_ns)
            raise
        self._keep("authentication", let_in, None)
        self._keep("answer", "it came in time", self.steady.now_ns() - begun_ns)
        self._keep("schema", detail, None)

    def _keep(self, name: StageName, detail: str, elapsed_ns: int | None) -> None:
        self._stages.append(Stage(name=name, passed=True, detail=detail, elapsed_ns=elapsed_ns))

    def _fail(self, name: StageName, fault: AdviceFaultError, begun_ns: int | None) -> None:
        elapsed_ns = None if begun_ns is None else self.steady.now_ns() - begun_ns
        self._stages.append(
            Stage(
                name=name, passed=False, detail=str(fault), code=fault.code, elapsed_ns=elapsed_ns
            )
        )
