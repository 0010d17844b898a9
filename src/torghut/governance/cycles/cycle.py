"""The scheduler's cycles as a decider: numbered, one at a time, and each ended once.

A process that dies in a cycle leaves it open; its successor ends it before it begins the next one,
so every cycle has an end and a note. What the portfolio was worth at its peak is remembered here
too, because a drawdown that a restart forgets is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.cycles.errors import AnotherLogError, CycleNotOpenError, CycleOpenError
from torghut.governance.safety.ordering import is_again
from torghut.schemas.governing.fields import Evidence, Reading, reading_of
from torghut.schemas.scheduling.cycles import (
    CycleBegan,
    CycleEnded,
    CycleEvent,
    CycleOutcome,
    GovernanceBound,
    NoteMeant,
    PortfolioSeen,
)

INTERRUPTED: Final = "cycle-interrupted"
"""Why a cycle ended that its process died in, or that broke off: nothing was whole about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCycle:
    """Begin the next cycle.

    Attributes:
        cycle: One more than the last; the last one again, by the same holder, changes nothing.
        policies: Digest of all that it is bound by.
    """

    cycle: int
    epoch: int
    holder: str
    policies: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BindGovernance:
    """Say what is governed from here on, and by which key what is said is answered for.

    Attributes:
        log: Digest of the decision log's first block; None while nobody can read one.
        signer: Fingerprint of the key; None: nothing is signed.
    """

    log: str | None
    signer: str | None
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanNote:
    """Say which note is about to be written of the cycle under way."""

    cycle: int
    note: Evidence
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeePortfolio:
    """Say what all symbols together are worth.

    Attributes:
        equity: Net of costs, in quote currency counted at par.
        capital: Allotted to the symbols seen.
        last_block: Of the log, as far as it was seen.
        reset_ns: When people last let a loop go on that a drawdown had stopped: falls before that
            are what they answered for. 0 if they never did.
    """

    cycle: int
    equity: float
    capital: float
    last_block: int
    reset_ns: int
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCycle:
    """Say what came of a cycle, with the note that was written of it."""

    cycle: int
    outcome: CycleOutcome
    reason: str
    note: Evidence
    at_ns: int


CycleCommand: TypeAlias = BindGovernance | BeginCycle | SeePortfolio | MeanNote | EndCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleState:
    """What the events of the cycles come to.

    Attributes:
        began: The last cycle; None before the first.
        ended: Its end; None while it is under way.
        before: The end of the cycle before.
        portfolio: As it was last seen.
        bound: To which log and key; None before the first word on that.
        meant: The note that was about to be written of the last cycle; None before that.
        whole_ns: When the last cycle began that was not interrupted; None before the first.
    """

    began: CycleBegan | None = None
    ended: CycleEnded | None = None
    before: CycleEnded | None = None
    portfolio: PortfolioSeen | None = None
    bound: GovernanceBound | None = None
    meant: Evidence | None = None
    whole_ns: int | None = None
    time_ns: int = 0

    @property
    def open(self) -> CycleBegan | None:
        """The cycle under way, if there is one."""
        return self.began if self.ended is None else None

    @property
    def number(self) -> int:
        """Of the last cycle; 0 before the first."""
        return 0 if self.began is None else self.began.cycle


def drawdown_of(state: CycleState) -> Reading:
    """Return how far the portfolio was below its peak in the last cycle, as a share of its capital.

    Who was allotted nothing has nothing to lose; a cycle that saw nothing measured nothing.
    """
    seen = state.portfolio
    if seen is None or seen.cycle != state.number:
        return reading_of(None)
    lost = seen.peak - seen.equity
    if seen.capital == 0:
        return reading_of(1.0 if lost > 0 else 0.0)
    return reading_of(min(1.0, lost / seen.capital))


def _decide(command: CycleCommand, state: CycleState) -> Sequence[CycleEvent]:
    match command:
        case BindGovernance():
            return _bind(command, state)
        case BeginCycle():
            return _begin(command, state)
        case SeePortfolio():
            return _see(command, state)
        case MeanNote():
            return _mean(command, state)
        case EndCycle():
            return _end(command, state)
        case _:
            assert_never(command)


def _bind(command: BindGovernance, state: CycleState) -> Sequence[CycleEvent]:
    """Return what is governed by which key, where that is not on record.

    Raises:
        AnotherLogError: Another log is governed here.
    """
    known = None if state.bound is None else state.bound.log
    if command.log is not None and known is not None and command.log != known:
        raise AnotherLogError(expected=known, found=command.log)
    log = known or command.log
    same = None if state.bound is None else (state.bound.log, state.bound.signer)
    if same == (log, command.signer):
        return []
    at_ns = max(command.at_ns, state.time_ns)
    return [GovernanceBound(log=log, signer=command.signer, at_ns=at_ns)]


def _mean(command: MeanNote, state: CycleState) -> Sequence[CycleEvent]:
    """Return which note is about to be written; another one may be, where its number is taken."""
    _check_open(command.cycle, state)
    if state.meant == command.note:
        return []
    at_ns = max(command.at_ns, state.time_ns)
    return [NoteMeant(cycle=command.cycle, note=command.note, at_ns=at_ns)]


def _begin(command: BeginCycle, state: CycleState) -> Sequence[CycleEvent]:
    """Return the beginning of the next cycle."""
    open_ = state.open
    same = open_ is not None and (open_.epoch, open_.holder, open_.policies) == (
        command.epoch,
        command.holder,
        command.policies,
    )
    if is_again("cycle", last=state.number, found=command.cycle, same=same):
        return []
    if open_ is not None:
        raise CycleOpenError(cycle=open_.cycle)
    return [
        CycleBegan(
            cycle=command.cycle,
            epoch=command.epoch,
            holder=command.holder,
            policies=command.policies,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _see(command: SeePortfolio, state: CycleState) -> Sequence[CycleEvent]:
    """Return the portfolio as it is now.

    Once in each cycle, and later again only in one that cannot be ended: its worth still counts.
    """
    _check_open(command.cycle, state)
    before = state.portfolio
    seen = before is not None and before.cycle == command.cycle
    if seen and command.at_ns <= state.time_ns:
        return []
    peak = command.equity
    if before is not None and command.reset_ns < before.at_ns:
        peak = max(before.peak, command.equity)
    return [
        PortfolioSeen(
            cycle=command.cycle,
            equity=command.equity,
            peak=peak,
            capital=command.capital,
            last_block=command.last_block,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _end(command: EndCycle, state: CycleState) -> Sequence[CycleEvent]:
    """Return the end of the cycle under way; told again, it changes nothing."""
    ended = state.ended
    said = (command.cycle, command.outcome, command.reason, command.note)
    if ended is not None and said == (ended.cycle, ended.outcome, ended.reason, ended.note):
        return []
    _check_open(command.cycle, state)
    return [
        CycleEnded(
            cycle=command.cycle,
            outcome=command.outcome,
            reason=command.reason,
            note=command.note,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _check_open(cycle: int, state: CycleState) -> None:
    """Check that ``cycle`` is the one under way.

    Raises:
        CycleNotOpenError: It is not.
    """
    open_ = state.open
    if open_ is None or open_.cycle != cycle:
        raise CycleNotOpenError(expected=0 if open_ is None else open_.cycle, found=cycle)


def _evolve(state: CycleState, event: CycleEvent) -> CycleState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case CycleBegan():
            return replace(state, began=event, ended=None, before=state.ended, meant=None)
        case GovernanceBound():
            return replace(state, bound=event)
        case NoteMeant():
            return replace(state, meant=event.note)
        case PortfolioSeen():
            return replace(state, portfolio=event)
        case CycleEnded():
            return replace(state, ended=event, whole_ns=_whole_ns(state, event))
        case _:
            assert_never(event)


def _whole_ns(state: CycleState, ended: CycleEnded) -> int | None:
    """Return when the last cycle began that was whole, now that one has ended."""
    if state.began is None or ended.reason == INTERRUPTED:
        return state.whole_ns
    return state.began.at_ns


CYCLES: Final[Decider[CycleCommand, CycleEvent, CycleState]] = Decider(
    initial=CycleState(), decide=_decide, evolve=_evolve
)
