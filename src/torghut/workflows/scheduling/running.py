"""The scheduler's life: takes the lease, runs cycles when they are due, beats in between, lets go.

Everything that it writes is under its lease. Who loses it says so and ends: another one governs.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, Protocol, TypeVar

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.governance.cycles.errors import CycleTimeError
from torghut.governance.leasing.epochs import BeginEpoch, EndEpoch
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.governance.ports import WriterLease
from torghut.kernel.clock import SteadyClock, WallClock
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.kernel.times import instant
from torghut.kernel.units import MS_PER_S, NS_PER_S
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.safety import LeasePolicy
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, LEASE, Governance
from torghut.workflows.scheduling.cycle import run_cycle
from torghut.workflows.scheduling.fencing import Fence, FencedEvents
from torghut.workflows.scheduling.governor import Governor
from torghut.workflows.scheduling.standing import StandingPage
from torghut.workflows.streams import Streams

T = TypeVar("T")

_RENEWALS: Final = 3
"""The lease is renewed so often in the time that it holds."""

_GONE: Final = (LeaseLostError, LeaseTakenError)
"""Somebody else governs."""

_FAULTS_MAX: Final = 3
"""Cycles in a row that may break off before the scheduler gives up, and with it its beat."""

_FAULT_LETTERS: Final = 500
"""Of an error that nobody foresaw."""

CAUSE: Final = "torghut scheduler"


class UnforeseenFaultError(TorghutError):
    """A cycle broke off by an error that nobody foresaw: a fault of this program."""

    code: ClassVar[str] = "scheduler.unforeseen"

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected a cycle to end, found {found}")
        self.found = found


@dataclass(slots=True, kw_only=True)
class Pulse:
    """Whether cycles come: a beat says that governance looks, not only that its process lives.

    It is not felt before a cycle was whole, in this life or on record. Otherwise a scheduler that
    is started again and again, and never gets through, would be heard all the time.

    Attributes:
        steady: For durations.
        patience_s: Longest from one cycle's end to the next one's.
    """

    steady: SteadyClock
    patience_s: float
    _last_ns: int | None = None

    def come(self, *, ago_ns: int = 0) -> None:
        """Note that a cycle was whole, so long ago; one that is still to come says nothing."""
        if ago_ns >= 0:
            self._last_ns = self.steady.now_ns() - ago_ns

    @property
    def is_felt(self) -> bool:
        """Whether the last cycle was over lately enough."""
        if self._last_ns is None:
            return False
        return (self.steady.now_ns() - self._last_ns) / NS_PER_S <= self.patience_s


class Rest(Protocol):
    """Lets time pass between cycles."""

    async def rest(self, seconds: float, /) -> bool:
        """Return whether to go on, after so long or as soon as asked to stop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What a scheduler is for as long as it holds the lease.

    Attributes:
        holder: Who it is.
        events: Governance's log.
        keeper: Of the lease.
        wall: Tells the time of lease, epochs and cycles.
        steady: Tells how long a cycle took.
        lease: How long the lease holds.
        policy: When cycles come.
        governor: Makes what cycles work with, all of it behind the fence.
        beat: Tells the loop under an epoch that governance is there.
        told: Told of each cycle that is over.
        faulted: Told why a cycle broke off.
        turn: Gives the turn to append to the log.
        attended: Keeps the log open for as long as the term lasts.
        page: Where it says how governance stands; None: nowhere.
    """

    holder: str
    events: EventStore
    keeper: WriterLease
    wall: WallClock
    steady: SteadyClock
    lease: LeasePolicy
    policy: SchedulerPolicy
    governor: Callable[[Governance, Fence], Governor]
    beat: Callable[[int], None]
    told: Callable[[IterationNote], None]
    faulted: Callable[[TorghutError], None]
    turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    attended: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    page: StandingPage | None = None


def governance_of(events: EventStore) -> Governance:
    """Return the streams of governance in ``events``."""
    causes = Causes(correlation_id="scheduler", causation_id=CAUSE)
    return Governance(streams=Streams(events), causes=causes)


async def run_one(term: Term, *, now_ns: int | None = None) -> IterationNote:
    """Take the lease, run one cycle, let go, and return its note.

    Args:
        term: Who runs it.
        now_ns: The cycle's time; the wall clock's where nobody says.

    Raises:
        CycleTimeError: That time is still to come, or far behind the last cycle's.
        LeaseTakenError: Somebody else governs.
        LeaseLostError: Somebody else governs by now.
        TorghutError: Governance's log or the artifact root cannot be read or written.
    """

    async def work(governance: Governance, fence: Fence) -> IterationNote:
        wall_ns = term.wall.now_ns()
        at_ns = wall_ns if now_ns is None else now_ns
        if at_ns > wall_ns:
            raise CycleTimeError(expected=f"a time before now, {instant(wall_ns)}", found_ns=at_ns)
        governor = term.governor(governance, fence)
        await _feel(term, governor, pulse)
        note = await _cycle(term, fence, governor, at_ns)
        await _beat(term, fence)
        return note

    pulse = _pulse_of(term)
    return await under_lease(term, work, pulse=pulse)


async def govern(term: Term, rest: Rest) -> None:
    """Run cycles when they are due, until asked to stop.

    The first one comes at once, unless the last one on record is not that long ago; what was missed
    meanwhile is not made up for one by one. A cycle that breaks off is ended by the next one, with
    a note that says so; no fault of one cycle ends governance, but several in a row do. Where no
    cycle is whole for as long as several take, whoever ran them, the loop hears of no governance
    until one is.

    Raises:
        LeaseTakenError: Somebody else governs.
        LeaseLostError: Somebody else governs by now.
        TorghutError: Several cycles in a row could not read or write what they must.
    """
    pulse = _pulse_of(term)

    async def work(governance: Governance, fence: Fence) -> None:
        governor = term.governor(governance, fence)
        await _feel(term, governor, pulse)
        await _show(term, fence, governor)
        every_s = term.policy.cycles.every_s
        last = (await governor.governance.state(CYCLE_RECORD)).began
        ago_s = every_s if last is None else (term.wall.now_ns() - last.at_ns) / NS_PER_S
        pause_s = every_s - ago_s if ago_s >= 0 else 0.0
        faults = turns = 0
        while await rest.rest(max(0.0, pause_s)):
            began_ns = term.steady.now_ns()
            turns += 1
            try:
                await _whole_cycle(term, fence, governor, pulse)
                faults = 0
            except Exception as error:
                faults += 1
                fault = _fault_of(error)
                if isinstance(error, _GONE) or faults == _FAULTS_MAX:
                    raise fault from error
                term.faulted(fault)
                await _show(term, fence, governor)
            took_s = (term.steady.now_ns() - began_ns) / NS_PER_S
            early_s = every_s * term.policy.cycles.jitter_ratio * _early(term.holder, turns)
            pause_s = every_s - early_s - took_s
        await _show(term, fence, governor, ended=True)

    await under_lease(term, work, pulse=pulse)


def _pulse_of(term: Term) -> Pulse:
    """Return the pulse of a scheduler of whose cycles nothing is known yet."""
    return Pulse(steady=term.steady, patience_s=term.policy.cycles.every_s * _FAULTS_MAX)


async def _feel(term: Term, governor: Governor, pulse: Pulse) -> None:
    """Let a pulse go on from the last whole cycle on record, whoever ran it."""
    whole_ns = (await governor.governance.state(CYCLE_RECORD)).whole_ns
    if whole_ns is not None:
        pulse.come(ago_ns=term.wall.now_ns() - whole_ns)


def _fault_of(error: Exception) -> TorghutError:
    """Return the fault that a cycle broke off by; one that nobody foresaw is one as well."""
    if isinstance(error, TorghutError):
        return error
    at = traceback.extract_tb(error.__traceback__)[-1]
    found = f"{type(error).__name__} in {at.name}, line {at.lineno} of {Path(at.filename).name}"
    return UnforeseenFaultError(found=f"{found}: {error}"[:_FAULT_LETTERS])


async def _whole_cycle(term: Term, fence: Fence, governor: Governor, pulse: Pulse) -> None:
    """Run a cycle, and let the loop hear that it was whole."""
    await _cycle(term, fence, governor, term.wall.now_ns())
    pulse.come()
    await _beat(term, fence)


async def _cycle(term: Term, fence: Fence, governor: Governor, now_ns: int) -> IterationNote:
    """Run a cycle, and tell of it."""
    note = await run_cycle(governor, epoch=fence.lease.epoch, holder=term.holder, now_ns=now_ns)
    term.told(note)
    if term.page is not None:
        term.page.count(note.outcome)
    await _show(term, fence, governor)
    return note


async def _show(term: Term, fence: Fence, governor: Governor, *, ended: bool = False) -> None:
    """Say how governance stands, where that can be said: it stands all the same where not."""
    if term.page is None:
        return
    try:
        await term.page.show(
            governor,
            holder=term.holder,
            epoch=fence.lease.epoch,
            ended=ended,
            held=fence.held,
        )
    except TorghutError as error:
        if isinstance(error, _GONE):
            raise
        term.faulted(error)


def _early(holder: str, turns: int) -> float:
    """Return how much of the jitter the cycle after so many is early by, 0 to 1.

    It comes out of who runs it, so that no two schedulers of one machine keep in step.
    """
    return int(sha256_hex(f"{holder}:{turns}".encode())[:8], 16) / 2**32


async def under_lease(
    term: Term,
    work: Callable[[Governance, Fence], Awaitable[T]],
    *,
    span_ns: tuple[int, int] | None = None,
    pulse: Pulse | None = None,
) -> T:
    """Return what ``work`` comes to while the lease is held and the loop is told so.

    Args:
        term: Who holds it.
        work: Done meanwhile.
        pulse: Of its cycles, without which the loop is told nothing; None: it is told nothing.
        span_ns: When it began and ended, as its record is to say; by default by the wall clock.

    Raises:
        LeaseTakenError: Somebody else holds it.
        LeaseLostError: It was lost; ``work`` was broken off.
    """
    async with term.attended():
        return await _under_lease(term, work, span_ns, pulse or _pulse_of(term))


async def _under_lease(
    term: Term,
    work: Callable[[Governance, Fence], Awaitable[T]],
    span_ns: tuple[int, int] | None,
    pulse: Pulse,
) -> T:
    """Return what ``work`` comes to while the lease is held, on a log that is kept open."""
    known = await governance_of(term.events).state(LEASE)
    lease = term.keeper.take(term.holder, after_epoch=known.epoch)
    fence = Fence(keeper=term.keeper, lease=lease)
    governance = governance_of(FencedEvents(store=term.events, fence=fence, turn=term.turn))
    try:
        begin_ns = term.wall.now_ns() if span_ns is None else span_ns[0]
        begin = BeginEpoch(epoch=lease.epoch, holder=term.holder, at_ns=begin_ns)
        await governance.run(LEASE, begin)
        working = work(governance, fence)
        result = await _beside(working, _renewing(term, fence), _beating(term, fence, pulse))
        end_ns = term.wall.now_ns() if span_ns is None else span_ns[1]
        end = EndEpoch(epoch=lease.epoch, holder=term.holder, how="released", at_ns=end_ns)
        await governance.run(LEASE, end)
    finally:
        await fence.release()
    return result


async def _beside(work: Awaitable[T], *others: Awaitable[None]) -> T:
    """Return what ``work`` comes to, unless one of those that go on for ever ends before."""
    working = asyncio.ensure_future(work)
    beside = [asyncio.ensure_future(one) for one in others]
    try:
        done, _ = await asyncio.wait({working, *beside}, return_when=asyncio.FIRST_COMPLETED)
        for one in beside:
            if one in done and working not in done:
                one.result()
        return await working
    finally:
        for task in (working, *beside):
            task.cancel()
        await asyncio.gather(working, *beside, return_exceptions=True)


async def _renewing(term: Term, fence: Fence) -> None:
    """Renew the lease for ever.

    Raises:
        LeaseLostError: It does not hold any more.
    """
    while True:
        await asyncio.sleep(term.lease.time_to_live_ms / MS_PER_S / _RENEWALS)
        await fence.renew()


async def _beating(term: Term, fence: Fence, pulse: Pulse) -> None:
    """Tell the loop for ever that governance is there: only as long as it is.

    A beat that cannot be written is a beat the loop does not hear, and all that follows from that;
    people are told, once until one can be written again.

    Raises:
        LeaseLostError: It is not any more.
    """
    heard = True
    while True:
        try:
            if pulse.is_felt:
                await fence.beat(partial(term.beat, fence.lease.epoch))
                heard = True
        except TorghutError as error:
            if isinstance(error, _GONE):
                raise
            if heard:
                term.faulted(error)
            heard = False
        await asyncio.sleep(term.policy.heartbeats.every_ms / MS_PER_S)


async def _beat(term: Term, fence: Fence) -> None:
    """Tell the loop at once that a cycle was whole; that it cannot be told others say."""
    try:
        await fence.beat(partial(term.beat, fence.lease.epoch))
    except TorghutError as error:
        if isinstance(error, _GONE):
            raise
