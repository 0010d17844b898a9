"""One question for advice from beginning to end: may it be asked, and does the answer count?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from torghut.artifacts.errors import ArtifactUnwritableError
from torghut.kernel.errors import TorghutError
from torghut.reasoning.asking import Terms, advice_context
from torghut.reasoning.errors import AdviceFaultError
from torghut.reasoning.ledger import AskRefusedError
from torghut.reasoning.verdict import Judged, judge
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.context import AdviceContext, Passage
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.workflows.reasoning.ledger import AskingLedger
from torghut.workflows.reasoning.ports import AskingWitness, Program, RecordKeeper, Transcript
from torghut.workflows.reasoning.recording import recorded_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is to be advised on.

    Attributes:
        context_id: What names the context.
        row: What is known: a row of dtype ``DECISION`` that is no decision.
        terms: What its numbers mean.
        deadline_ns: When an answer is of no use any more, on the steady clock.
    """

    context_id: str
    row: bytes
    terms: Terms
    deadline_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of an inquiry.

    Attributes:
        outcome: A verdict, or why there is none.
        factor: Of an adjustment.
        confidence: Of the committee.
        code: Of the fault; empty without one.
        tokens: Used; None where nobody knows.
        advice: Digest of the record that was kept of it; None without one.
    """

    outcome: ResolutionName
    factor: float | None = None
    confidence: float | None = None
    code: str = ""
    tokens: int | None = None
    advice: str | None = None


@dataclass(slots=True, kw_only=True)
class AdvisingDesk:
    """Asks a program for advice, within what is declared.

    Attributes:
        program: That thinks.
        ledger: Whether anybody may be asked, and what that cost so far.
        confidence_min: Of advice; less than that defers.
        passages: Gives what may be shown of a symbol as of an event time.
        witness: Told of records that could not be kept.
        keeper: Keeps what was asked and answered.
    """

    program: Program
    ledger: AskingLedger
    confidence_min: float
    passages: Callable[[str, int], Awaitable[Sequence[Passage]]]
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
        try:
            finding = await self._ask(inquiry)
        except BaseException:  # cancelled: the trial of a half-open breaker must not stay open
            self.ledger.end(number, "failed", code="reasoning.cancelled", tokens=None)
            raise
        self.ledger.end(number, finding.outcome, code=finding.code, tokens=finding.tokens)
        return finding

    async def _ask(self, inquiry: Inquiry) -> Finding:
        """Ask the program."""
        event_ns = advice_context(inquiry.row, inquiry.terms, ()).event_ns
        passages = await self.passages(inquiry.terms.symbol, event_ns)
        shown = advice_context(inquiry.row, inquiry.terms, passages)
        transcript = Transcript()
        try:
            thought = await self.program.think(
                shown, deadline_ns=inquiry.deadline_ns, transcript=transcript
            )
        except AdviceFaultError as fault:
            finding = Finding(outcome=fault.resolution, code=fault.code)
        else:
            judged = judge(thought.committee, shown, confidence_min=self.confidence_min)
            finding = _found(judged, thought.tokens)
        return await self._kept(inquiry, finding, shown, transcript)

    async def _kept(
        self, inquiry: Inquiry, finding: Finding, shown: AdviceContext, transcript: Transcript
    ) -> Finding:
        """Return a finding that cites the record of it, once that is durable.

        What cannot be kept still counts: advice only bounds, and the log says that there is none.
        """
        record = AdviceRecord(
            context_id=inquiry.context_id,
            program=self.program.digest,
            parameters=self.program.parameters,
            confidence_min=self.confidence_min,
            shown=shown,
            calls=recorded_calls(transcript.calls),
            resolution=finding.outcome,
            factor=finding.factor,
            confidence=finding.confidence,
            code=finding.code,
        )
        try:
            return replace(finding, advice=await self.keeper.keep(record))
        except ArtifactUnwritableError as fault:
            self.witness.unkept(inquiry.context_id, fault)
            return finding


def _found(judged: Judged, tokens: int | None) -> Finding:
    """Return what a judged committee comes to."""
    return Finding(
        outcome=judged.resolution,
        factor=judged.factor,
        confidence=judged.confidence,
        code=judged.fault,
        tokens=tokens,
    )
