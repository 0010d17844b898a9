"""Contexts about which advice is asked: once they are durable, and with an end to every question.

Whoever advises may be slow, wrong or gone: the loop's own timer resolves what is not answered by
its deadline. Of a question and its timer whichever comes first is recorded; the other is refused by
the fold, since by then nothing waits, and stands in the log as that.

What became of a question is recorded between two blocks, one question at a time, when it holds
nobody up that asks for nothing, and a moment later at most.

In shadow mode nothing waits: a context is decided without advice, and what it would have been is
recorded beside it. One question of a symbol is open at a time, as in active mode; what would be
asked meanwhile is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from typing_extensions import override

from torghut.decisions.fold.batch import Asked, Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.clock import SteadyClock, SteadyNs
from torghut.kernel.units import MS_PER_S, NS_PER_MS, NS_PER_S
from torghut.schemas.control import AdviceResolved, AdviceShadowed, ResolutionName
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A context that had waited and is decided.

    Attributes:
        context_id: What names it.
        came_ns: When it came in, on the steady clock.
        due_ns: When its budget was over, likewise; 0 without one.
    """

    context_id: str
    came_ns: SteadyNs
    due_ns: int


@dataclass(slots=True, kw_only=True)
class _Open:
    """A question from its asking on.

    Attributes:
        context_id: What names the context.
        symbol: Its instrument.
        waits: Whether the context waits for the answer, or was decided.
        moment: When it came in; None where another process took it in.
        receive_ns: Of the context.
        deadline_ns: When it ends the question, on the steady clock; 0 without one.
        due_ns: When the budget is over, likewise; 0 without one.
        timer: Ends the question then.
    """

    context_id: str
    symbol: str
    waits: bool
    moment: Moment | None = None
    receive_ns: int = 0
    deadline_ns: int = 0
    due_ns: int = 0
    timer: asyncio.TimerHandle | None = None

    def left_s(self, steady: SteadyClock) -> float:
        """Return how long it is until the question ends by itself; 0 once it should have."""
        return max(0.0, (self.deadline_ns - steady.now_ns()) / NS_PER_S)

    def now_ns(self, steady: SteadyClock) -> int:
        """Return what time it is for the context, on the receive clock; 0 if unknown."""
        if self.moment is None:
            return 0
        stamp, speed = self.moment
        waited_ns = steady.now_ns() - stamp.came_ns
        return self.receive_ns + int(waited_ns * (speed or 0.0))


@dataclass(slots=True, kw_only=True)
class Awaiting:
    """The contexts of one log about which advice is asked.

    Attributes:
        line: Where what becomes of a question waits to be recorded.
        steady: What deadlines are measured on.
        advisor: Who is asked.
        aside_ms: How long what became of a question may wait for a moment between blocks.
        came: When each that waits came in, by id.
        answers: Questions that were answered or given up so far: what tells records of one context
            apart.
    """

    line: WaitingLine
    steady: SteadyClock
    advisor: Advisor = field(default_factory=NobodyAdvises)
    aside_ms: int = 0
    came: dict[str, Moment] = field(default_factory=dict)
    answers: int = 0
    _waiting: dict[str, _Open] = field(default_factory=dict)
    _beside: dict[str, _Open] = field(default_factory=dict)

    def answered(self, settled: Settled) -> Sequence[Waited]:
        """Return the contexts that a block decides and that had waited, as far as they are known.

        Those are known that were taken in here.
        """
        names = [name for number, _, name, _ in settled.answered if number < 0]
        known = [self._waiting[name] for name in names if name in self._waiting]
        return [
            Waited(context_id=one.context_id, came_ns=one.moment[0].came_ns, due_ns=one.due_ns)
            for one in known
            if one.moment is not None
        ]

    def follow(
        self,
        decided: Decided,
        contexts: Sequence[WaitingContext],
        fold: DecisionFold,
        speed: float | None,
    ) -> None:
        """Go on from a block that is durable: ask, and forget what was decided.

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
            one = _opened(contexts[asked.context], speed, waits=True)
            self._waiting[one.context_id] = one
            if one.moment is not None:
                self.came[one.context_id] = one.moment
            self._ask(one, asked, fold)
        for asked in decided.shadowed:
            one = _opened(contexts[asked.context], speed, waits=False)
            if one.symbol not in self._beside:
                self._beside[one.symbol] = one
                self._ask(one, asked, fold)

    def take_over(self, fold: DecisionFold) -> None:
        """Resolve what waits in a fold and was asked elsewhere as lost; forget what waits no more.

        A fold that was made anew may hold what another process decided meanwhile.
        """
        found = {facts.name: fold.awaiting(index) for index, facts in enumerate(fold.symbols)}
        waits = {name: symbol for symbol, name in found.items() if name is not None}
        for name in self._waiting.keys() - waits.keys():
            self._forget(name)
        for name in waits.keys() - self._waiting.keys():
            one = _Open(context_id=name, symbol=waits[name], waits=True)
            self._settle(one, Answer(resolution="lost"))

    def give_up(self, fold: DecisionFold) -> bool:
        """Resolve everything that waits in a fold as lost; return whether anything did."""
        waits = {facts.name: fold.awaiting(index) for index, facts in enumerate(fold.symbols)}
        for symbol, name in waits.items():
            if name is not None:
                unknown = _Open(context_id=name, symbol=symbol, waits=True)
                self._settle(self._waiting.get(name, unknown), Answer(resolution="lost"))
        return any(waits.values())

    def _ask(self, one: _Open, asked: Asked, fold: DecisionFold) -> None:
        """Ask, and see to it that the question ends."""
        facts = fold.symbols[fold.symbol_index(one.symbol)]
        declared = fold.declarations[facts.declarations]
        bounds = declared.reasoning.bounds
        if bounds is None or one.moment is None:
            self._settle(one, Answer(resolution="failed", code="reasoning.undeclared"))
            return
        came_ns = one.moment[0].came_ns
        one.due_ns = came_ns + bounds.budget_ms * NS_PER_MS
        question = Question(
            context_id=one.context_id,
            symbol=one.symbol,
            row=asked.row,
            regimes=fold.packages[facts.package].labels if facts.package else (),
            multiplier=float(declared.instrument(one.symbol).multiplier),
            deadline_ns=one.due_ns - bounds.reserve_ms * NS_PER_MS,
        )
        one.deadline_ns = question.deadline_ns
        one.timer = asyncio.get_running_loop().call_later(
            one.left_s(self.steady), self._settle, one, Answer(resolution="timed-out")
        )
        self.advisor.ask(question, lambda answer: self._settle(one, answer))

    def _settle(self, one: _Open, answer: Answer) -> None:
        """Let what became of a question wait to be recorded.

        Once its moment has come, what resolves a context goes before everything else; a later
        answer is recorded as well, as refused. Of a question that nothing waited for only the first
        is.
        """
        if not one.waits and self._beside.get(one.symbol) is not one:
            return
        self.answers += 1
        kind = AdviceResolved if one.waits else AdviceShadowed
        record = kind(
            control_id=f"advice:{one.context_id}:{self.answers}",
            symbol=one.symbol,
            context_id=one.context_id,
            at_ns=one.now_ns(self.steady),
            resolution=answer.resolution,
            factor=answer.factor,
            confidence=answer.confidence,
            advice=answer.advice,
            code=answer.code,
        )
        if one.timer is not None:  # only now: what cannot be recorded has ended nothing
            one.timer.cancel()
        if not one.waits:
            del self._beside[one.symbol]
        within_s = self.aside_ms / MS_PER_S
        if one.waits:
            within_s = min(within_s, one.left_s(self.steady))
        item = WaitingControl(record=record, urgent=one.waits)
        self.line.put_aside([item], within_s=within_s)

    def _forget(self, name: str) -> None:
        """Forget a context that was decided."""
        self.came.pop(name, None)
        one = self._waiting.pop(name, None)
        if one is not None and one.timer is not None:
            one.timer.cancel()


def _opened(item: WaitingContext, speed: float | None, *, waits: bool) -> _Open:
    """Return the question about a context that was taken in here."""
    return _Open(
        context_id=item.context_id,
        symbol=item.symbol,
        waits=waits,
        moment=(item.stamp, speed),
        receive_ns=int(item.row[_RECEIVE]),
    )
