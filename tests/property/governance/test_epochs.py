"""Whoever begins, ends or writes in whatever order: only the highest epoch's holder may write."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.governing import Memory
from torghut.governance.leasing.epochs import (
    EPOCHS,
    BeginEpoch,
    EndEpoch,
    EpochCommand,
    EpochState,
    RequireEpoch,
)
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.lease import LEASE_EVENT, LeaseEvent, LeaseTaken

HOLDERS = st.sampled_from(["one", "two", "three"])
EPOCH = st.integers(1, 12)


class EpochMachine(RuleBasedStateMachine):
    """Holders that begin, end, come late, come twice and die."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[EpochCommand, LeaseEvent, EpochState] = Memory(EPOCHS, LEASE_EVENT)

    def _send(self, command: EpochCommand) -> None:
        self.memory.attempt(command)
        kept = len(self.memory.bodies)
        self.memory.attempt(command)
        assert len(self.memory.bodies) == kept

    @rule(epoch=EPOCH, holder=HOLDERS, at_ns=st.integers(0, 100))
    def begin(self, epoch: int, holder: str, at_ns: int) -> None:
        """Somebody says that they took it."""
        self._send(BeginEpoch(epoch=epoch, holder=holder, at_ns=at_ns))

    @rule(epoch=EPOCH, holder=HOLDERS, lost=st.booleans())
    def end(self, epoch: int, holder: str, *, lost: bool) -> None:
        """Somebody says that they let go, or lost it."""
        how = EndEpoch(epoch=epoch, holder=holder, how="lost" if lost else "released", at_ns=50)
        self._send(how)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def only_the_highest_epoch_writes(self) -> None:
        """Ask for everybody."""
        taken = [event for event in self.memory.events() if isinstance(event, LeaseTaken)]
        numbers = [event.epoch for event in taken]
        assert numbers == sorted(set(numbers))
        may = [
            (event.epoch, event.holder)
            for event in taken
            if not isinstance(
                self.memory.attempt(RequireEpoch(epoch=event.epoch, holder=event.holder)),
                TorghutError,
            )
        ]
        assert may in ([], [(taken[-1].epoch, taken[-1].holder)] if taken else [])


TestEpochs = EpochMachine.TestCase
