"""One question for advice from beginning to end: may it be asked, and does the answer count?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from torghut.artifacts.errors import ArtifactUnwritableError
from torghut.kernel.clock import SteadyClock
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import CANCELLED, DEFECT, DeadlineError
from torghut.reasoning.ledger import AskRefusedError
from torghut.reasoning.showing import RowLegend, advice_context
from torghut.schemas.leaf import decision_fields
from torghut.schemas.reasoning.context import Passage
from torghut.workflows.reasoning.finding import Finding, ProgramQuestion, find
from torghut.workflows.reasoning.ledger import AskingLedger
from torghut.workflows.reasoning.ports import AskingWitness, Program, RecordKeeper

_UNASKED: Final = Finding(outcome=DeadlineError.resolution, code=DeadlineError.code, tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is to be advised on.

    Attributes:
        context_id: What names the context.
        row: What is known: a row of dtype ``DECISION`` that is no decision.
        legend: What its numbers mean.
        deadline_ns: When an answer is of no use any more, on the steady clock.
    """

    context_id: str
    row: bytes
    legend: RowLegend
    deadline_ns: int


@dataclass(slots=True, kw_only=True)
class AdvisingDesk:
    """Asks a program for advice, within what is declared.

    Attributes:
        program: That thinks.
        ledger: Whether anybody may be asked, and what that cost so far.
        confidence_min: Of advice; less than that defers.
        passages: Gives what may be shown of a symbol as of an event time.
        steady: What deadlines are measured on.
        witness: Told of records that could not be kept.
        keeper: Keeps what was asked and answered.
    """

    program: Program
    ledger: AskingLedger
    confidence_min: float
    passages: Callable[[str, int], Awaitable[Sequence[Passage]]]
    steady: SteadyClock
    witness: AskingWitness
    keeper: RecordKeeper

    async def advise(self, inquiry: Inquiry) -> Finding:
        """Return what became of an inquiry; no fault of whoever is asked gets out of here."""
        try:
            number = await self.ledger.begin(inquiry.context_id)
        except AskRefusedError as refused:
            code = f"reasoning.{refused.resolution}"
            return Finding(outcome=refused.resolution, code=code)
        except TorghutError as fault:  # what is not on record is not asked: it could cost anything
            return Finding(outcome="failed", code=fault.code)
        asked = False
        try:
            question = await self._question(inquiry)
            asked = question is not None
            finding = _UNASKED if question is None else await self._ask(question, inquiry)
        except BaseException as broken:  # the trial of a half-open breaker must not stay open
            code = CANCELLED if isinstance(broken, asyncio.CancelledError) else DEFECT
            tokens = None if asked else 0
            self.ledger.end(number, "failed", code=code, tokens=tokens, asked=asked)
            raise
        self.ledger.end(
            number, finding.outcome, code=finding.code, tokens=finding.tokens, asked=asked
        )
        return finding

    async def _question(self, inquiry: Inquiry) -> ProgramQuestion | None:
        """Return what the program is to be asked; None where not even the news comes in time."""
        event_ns = decision_fields(inquiry.row).event_ns
        left_s = (inquiry.deadline_ns - self.steady.now_ns()) / NS_PER_S
        try:
            async with asyncio.timeout(left_s):
                passages = await self.passages(inquiry.legend.symbol, event_ns)
        except TimeoutError:
            return None
        shown = advice_context(inquiry.row, inquiry.legend, passages)
        return ProgramQuestion(
            context_id=inquiry.context_id, shown=shown, confidence_min=self.confidence_min
        )

    async def _ask(self, question: ProgramQuestion, inquiry: Inquiry) -> Finding:
        """Ask the program, and keep what it was asked and answered."""
        finding, record = await find(self.program, question, deadline_ns=inquiry.deadline_ns)
        # What cannot be kept still counts: advice only bounds, and the log says that there is none.
        try:
            return replace(finding, advice=await self.keeper.keep(record))
        except ArtifactUnwritableError as fault:
            self.witness.unkept(inquiry.context_id, fault)
            return finding
