"""The allotter as a decider: what it asked of the loop counts until the loop is seen to have it.

A record of which nobody knows whether the loop took it is asked for again under the same id until
it is seen applied or refused. Until then the higher of the two allotments counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.allotting.allotting import Holding, Shares, next_allotments
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.live.control_ids import allotment_id
from torghut.schemas.scheduling.allotments import (
    AllotmentAsked,
    AllotmentEvent,
    AllotmentSettled,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the log shows of a symbol.

    Attributes:
        allotment: In force, quote currency.
        exposure: Absolute notional of position and resting orders, quote currency.
    """

    allotment: Decimal
    exposure: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Allot:
    """Bring the symbols towards their shares.

    Attributes:
        cycle: Of the scheduler.
        seen: Every known symbol.
        applied: Ids of what was asked for and is seen to be applied.
        after_block: The log's last block that was looked at.
    """

    cycle: int
    seen: Mapping[str, Seen]
    applied: frozenset[str]
    shares: Shares
    after_block: int
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseAllotment:
    """Say that the loop refused a record for good."""

    control_id: str
    at_ns: int


AllotmentCommand: TypeAlias = Allot | RefuseAllotment


@dataclass(frozen=True, slots=True, kw_only=True)
class AllotmentState:
    """What the events of the allotter come to.

    Attributes:
        pending: What was asked for and is not settled, in the order asked.
        cycle: The last cycle that asked for something.
    """

    pending: tuple[AllotmentAsked, ...] = ()
    cycle: int = 0
    time_ns: int = 0


def _decide(command: AllotmentCommand, state: AllotmentState) -> Sequence[AllotmentEvent]:
    match command:
        case Allot():
            return list(_allot(command, state))
        case RefuseAllotment():
            return [
                _settled(one, "refused", command.at_ns, state)
                for one in state.pending
                if one.control_id == command.control_id
            ]
        case _:
            assert_never(command)


def _allot(command: Allot, state: AllotmentState) -> Iterator[AllotmentEvent]:
    """Yield what is settled, and what is asked for besides."""
    done = [one for one in state.pending if one.control_id in command.applied]
    for one in done:
        yield _settled(one, "applied", command.at_ns, state)
    if command.cycle <= state.cycle:
        return
    waiting = [one for one in state.pending if one not in done]
    held = {
        symbol: Holding(
            allotment=seen.allotment,
            asked=max(
                [seen.allotment, *(one.allotment for one in waiting if one.symbol == symbol)]
            ),
            exposure=seen.exposure,
        )
        for symbol, seen in command.seen.items()
    }
    last = {one.symbol: one.allotment for one in waiting}
    for symbol, allotment in next_allotments(held, command.shares).items():
        if last.get(symbol) != allotment:
            yield _asked(command, symbol, allotment, state)


def _asked(
    command: Allot, symbol: str, allotment: Decimal, state: AllotmentState
) -> AllotmentAsked:
    """Return the demand for another allotment; its id is the digest of what it is."""
    cause: JsonObject = {"cycle": command.cycle, "symbol": symbol, "allotment": str(allotment)}
    return AllotmentAsked(
        cycle=command.cycle,
        symbol=symbol,
        control_id=allotment_id(sha256_hex(canonical_bytes(cause))[:32]),
        allotment=allotment,
        after_block=command.after_block,
        at_ns=max(command.at_ns, state.time_ns),
    )


def _settled(
    asked: AllotmentAsked, how: str, at_ns: int, state: AllotmentState
) -> AllotmentSettled:
    """Return what became of ``asked``."""
    return AllotmentSettled(
        symbol=asked.symbol,
        control_id=asked.control_id,
        how="applied" if how == "applied" else "refused",
        at_ns=max(at_ns, state.time_ns),
    )


def _evolve(state: AllotmentState, event: AllotmentEvent) -> AllotmentState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case AllotmentAsked():
            return replace(state, pending=(*state.pending, event), cycle=event.cycle)
        case AllotmentSettled():
            left = tuple(one for one in state.pending if one.control_id != event.control_id)
            return replace(state, pending=left)
        case _:
            assert_never(event)


ALLOTMENTS: Final[Decider[AllotmentCommand, AllotmentEvent, AllotmentState]] = Decider(
    initial=AllotmentState(), decide=_decide, evolve=_evolve
)
