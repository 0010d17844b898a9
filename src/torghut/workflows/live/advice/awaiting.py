"""Contexts that wait for advice: asked about once they are durably pending, and resolved in time.

Whoever advises may be slow, wrong or gone: the loop's own timer resolves what is not answered by
its deadline. Of a question and its timer whichever comes first is recorded; the other is refused by
the fold, since by then nothing waits, and stands in the log as that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from typing_extensions import override

from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_MS, NS_PER_S
from torghut.schemas.control import AdviceResolved, ResolutionName
from torghut.schemas.rows import CONTEXT
from torghut.workflows.live.intake.waiting import WaitingContext, WaitingControl, WaitingLine
from torghut.workflows.live.told.outcomes import Moment, Settled

_UNADVISED: Final = "reasoning.unadvised"
_RECEIVE: Final = (CONTEXT.names or ()).index("receive_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A context for which advice is asked.

    Attributes:
        context_id: What names it.
        symbol: Its instrument.
        row: What is known: a row of dtype ``DECISION`` that is no decision.
        regimes: Labels of the regimes of the package that serves; none without one.
        multiplier: Of the instrument, in the quote currency per unit and unit of price.
        deadline_ns: When an answer is of no use any more, on the steady clock.
    """

    context_id: str
    symbol: str
    row: bytes
    regimes: Sequence[str]
    multiplier: float
    deadline_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a question.

    Attributes:
        resolution: A verdict, or why there is none.
        factor: Of an adjustment.
        confidence: Of whoever advised.
        advice: Digest of the record of what was asked and answered; None without one.
        code: Of the fault; empty without one.
    """

    resolution: ResolutionName
    factor: float | None = None
    confidence: float | None = None
    advice: str | None = None
    code: str = ""


class Advisor(Protocol):
    """Whoever is asked for advice."""

    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        """Begin to answer; ``answered`` is called in the same event loop, once at most."""
        ...


class NobodyAdvises(Advisor):
    """An advisor where none is set up: each question is answered at once, with why."""

    @override
    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        answered(Answer(resolution="failed", code=_UNADVISED))


@dataclass(slots=True, kw_only=True)
class Awaiting:
    """The contexts of one log that wait for advice.

    Attributes:
        line: Where what resolves them waits to be recorded.
        steady: What deadlines are measured on.
        advisor: Who is asked.
        came: When each came in, by id, while it waits.
        answers: Questions that were answered or given up so far: what tells resolutions of one
            context apart.
    """

    line: WaitingLine
    steady: SteadyClock
    advisor: Advisor = field(default_factory=NobodyAdvises)
    came: dict[str, Moment] = field(default_factory=dict)
    answers: int = 0
    _receive_ns: dict[str, int] = field(default_factory=dict)
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def answered(self, settled: Settled) -> Sequence[Moment]:
        """Return when the contexts came in that a block decides and that had waited."""
        names = [name for number, _, name, _ in settled.answered if number < 0]
        return [self.came[name] for name in names if name in self.came]

    def follow(
        self,
        decided: Decided,
        contexts: Sequence[WaitingContext],
        fold: DecisionFold,
        speed: float | None,
    ) -> None:
        """Go on from a block that is durable: ask about what waits, forget what was decided.

        Args:
            decided: What became of the block.
            contexts: That it was made of.
            fold: As of the block.
            speed: Of playing.
        """
        for arrival in decided.received:
            if isinstance(arrival.record, AdviceResolved):
                self._forget(arrival.record.context_id)
        for asked in decided.asked:
            item = contexts[asked.context]
            self.came[item.context_id] = item.stamp, speed
            self._receive_ns[item.context_id] = int(item.row[_RECEIVE])
            facts = fold.symbols[fold.symbol_index(item.symbol)]
            declared = fold.declarations[facts.declarations]
            bounds = declared.reasoning.bounds
            if bounds is None:
                answer = Answer(resolution="failed", code="reasoning.undeclared")
                self._resolve(item.context_id, item.symbol, answer)
                continue
            left_ms = bounds.budget_ms - bounds.reserve_ms
            question = Question(
                context_id=item.context_id,
                symbol=item.symbol,
                row=asked.row,
                regimes=fold.packages[facts.package].labels if facts.package else (),
                multiplier=float(declared.instrument(item.symbol).multiplier),
                deadline_ns=item.stamp.came_ns + left_ms * NS_PER_MS,
            )
            self._ask(question)

    def give_up(self, fold: DecisionFold) -> bool:
        """Resolve everything that waits in a fold as lost; return whether anything did."""
        waits = {facts.name: fold.awaiting(index) for index, facts in enumerate(fold.symbols)}
        for symbol, name in waits.items():
            if name is not None:
                self._resolve(name, symbol, Answer(resolution="lost"))
        return any(waits.values())

    def _ask(self, question: Question) -> None:
        """Ask, and see to it that the wait ends."""
        name, symbol = question.context_id, question.symbol
        left_s = max(0.0, (question.deadline_ns - self.steady.now_ns()) / NS_PER_S)
        self._timers[name] = asyncio.get_running_loop().call_later(
            left_s, self._resolve, name, symbol, Answer(resolution="timed-out")
        )
        self.advisor.ask(question, lambda answer: self._resolve(name, symbol, answer))

    def _resolve(self, name: str, symbol: str, answer: Answer) -> None:
        """Let a resolution wait to be recorded, before everything else.

        A later one for the same context is recorded as well, as refused.
        """
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        self.answers += 1
        record = AdviceResolved(
            control_id=f"advice:{name}:{self.answers}",
            symbol=symbol,
            context_id=name,
            at_ns=self._now_ns(name),
            resolution=answer.resolution,
            factor=answer.factor,
            confidence=answer.confidence,
            advice=answer.advice,
            code=answer.code,
        )
        self.line.put([WaitingControl(record=record, urgent=True)])

    def _now_ns(self, name: str) -> int:
        """Return what time it is for a context that waits, on the receive clock; 0 if unknown."""
        moment = self.came.get(name)
        if moment is None:
            return 0
        stamp, speed = moment
        waited_ns = self.steady.now_ns() - stamp.came_ns
        return self._receive_ns[name] + int(waited_ns * (speed or 0.0))

    def _forget(self, name: str) -> None:
        """Forget a context that was decided."""
        self.came.pop(name, None)
        self._receive_ns.pop(name, None)
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
