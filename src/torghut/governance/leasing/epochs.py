"""The epochs of governance's writer as the log knows them: they only grow; only the last writes.

What holds the lease (a file, a database) may be lost or set back with it; the log is not. So an
epoch counts only once it is on record here, above every one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.leasing.errors import EpochSupersededError
from torghut.schemas.governing.lease import LeaseEnded, LeaseEvent, LeaseTaken


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginEpoch:
    """Put on record that a holder took the lease."""

    epoch: int
    holder: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEpoch:
    """Put on record that its holder let go of an epoch, or lost it."""

    epoch: int
    holder: str
    how: Literal["released", "lost"]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequireEpoch:
    """Ask whether a holder may still write; nothing comes of it but a refusal."""

    epoch: int
    holder: str


EpochCommand: TypeAlias = BeginEpoch | EndEpoch | RequireEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochState:
    """What the events of the lease come to.

    Attributes:
        epoch: The last one that began; 0 before the first.
        holder: Who took it.
        open: Whether it has not ended.
    """

    epoch: int = 0
    holder: str = ""
    open: bool = False
    time_ns: int = 0


def _decide(command: EpochCommand, state: EpochState) -> Sequence[LeaseEvent]:
    match command:
        case BeginEpoch():
            return _begin(command, state)
        case EndEpoch():
            return _end(command, state)
        case RequireEpoch():
            return _require(command, state)
        case _:
            assert_never(command)


def _begin(command: BeginEpoch, state: EpochState) -> Sequence[LeaseEvent]:
    """Return the next epoch; the one that stands, told again, changes nothing."""
    if state.open and (command.epoch, command.holder) == (state.epoch, state.holder):
        return []
    if command.epoch <= state.epoch:
        raise EpochSupersededError(expected=f"an epoch above {state.epoch}", found=command.epoch)
    at_ns = max(command.at_ns, state.time_ns)
    return [LeaseTaken(epoch=command.epoch, holder=command.holder, at_ns=at_ns)]


def _end(command: EndEpoch, state: EpochState) -> Sequence[LeaseEvent]:
    """Return the end of the epoch that stands; an end told late or twice changes nothing."""
    if command.epoch < state.epoch or not state.open:
        return []
    _require(RequireEpoch(epoch=command.epoch, holder=command.holder), state)
    return [
        LeaseEnded(
            epoch=command.epoch,
            holder=command.holder,
            how=command.how,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _require(command: RequireEpoch, state: EpochState) -> Sequence[LeaseEvent]:
    """Return nothing, if the holder's epoch is the one that stands.

    Raises:
        EpochSupersededError: It is not.
    """
    if not state.open or (command.epoch, command.holder) != (state.epoch, state.holder):
        standing = f"epoch {state.epoch} of {state.holder}" if state.open else "no epoch to stand"
        raise EpochSupersededError(expected=standing, found=command.epoch)
    return []


def _evolve(state: EpochState, event: LeaseEvent) -> EpochState:
    time_ns = max(state.time_ns, event.at_ns)
    match event:
        case LeaseTaken():
            return EpochState(epoch=event.epoch, holder=event.holder, open=True, time_ns=time_ns)
        case LeaseEnded():
            return replace(state, open=False, time_ns=time_ns)
        case _:
            assert_never(event)


EPOCHS: Final[Decider[EpochCommand, LeaseEvent, EpochState]] = Decider(
    initial=EpochState(), decide=_decide, evolve=_evolve
)
