"""What approvals and promotions work with: the log, the keys, the policy, and the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torghut.eventlog.envelopes import Causes, Envelope, read_event
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.approval import APPROVAL
from torghut.governance.approvals.keyring import Keyring
from torghut.governance.approvals.signing import verified
from torghut.governance.approvals.state import ApprovalState
from torghut.governance.ledger.errors import CandidateUnknownError
from torghut.governance.ledger.ledger import LEDGER, ledger_stream, read_ledger_event, router_of
from torghut.governance.ledger.state import Known, LedgerState
from torghut.kernel.clock import WallClock
from torghut.schemas.declarations.safety import ApprovalPolicy, SafetyPolicy
from torghut.schemas.governing.approvals import (
    APPROVAL_EVENT,
    ApprovalEvent,
    ApprovalRequested,
)
from torghut.schemas.upcasting import STEPS
from torghut.workflows.aggregates import CYCLE_RECORD, STOP_LATCH_SIGNED, Governance
from torghut.workflows.approving.makers import is_maker_known, makers_of
from torghut.workflows.streams import Streams

_PREFIX = "approval-"


def approval_stream(approval: str) -> str:
    """Return the stream of an approval.

    Example:
        >>> approval_stream("5f2c9a10")
        'approval-5f2c9a10'
    """
    return _PREFIX + approval


def read_approval_event(envelope: Envelope) -> ApprovalEvent:
    """Return the event of an approval in ``envelope``."""
    return read_event(envelope, APPROVAL_EVENT, STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where approvals and promotions are put on record.

    Attributes:
        events: Governance's own log.
        keyring: The declared keys.
        safety: What approvals, stops and their releases are bound by.
        wall: Asked each time; the receive clock, which is wall time but where time is simulated.
        by: Whose command this is, as the cause that is put on record.
    """

    events: EventStore
    keyring: Keyring
    safety: SafetyPolicy
    wall: WallClock
    by: str
    streams: Streams = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", Streams(self.events))

    @property
    def policy(self) -> ApprovalPolicy:
        """What approvals are bound by."""
        return self.safety.approvals

    @property
    def now_ns(self) -> int:
        """What time it is now, by the clock alone: for what ends, and for what names something."""
        return self.wall.now_ns()

    async def now(self) -> int:
        """Return what time it is for whatever runs out: the clock's, or the last cycle's if later.

        A clock that is set back makes nothing valid again that had run out at a time on record.
        """
        governance = Governance(streams=self.streams, causes=self.causes("time"))
        cycles = await governance.state(CYCLE_RECORD)
        latch = await governance.state(STOP_LATCH_SIGNED)
        return max(self.now_ns, cycles.time_ns, latch.latch.time_ns)

    def causes(self, whole: str) -> Causes:
        """Return why something is put on record, as part of the workflow ``whole``."""
        return Causes(correlation_id=whole, causation_id=self.by)

    async def approvals(self) -> dict[str, ApprovalState]:
        """Return every approval by its id, oldest first, as far as its signatures hold now."""
        names = await self.events.streams(_PREFIX)
        found: dict[str, ApprovalState] = {}
        for name in names:
            approval = name.removeprefix(_PREFIX)
            found[approval] = await self.approval(approval)
        return found

    async def approval(self, approval: str) -> ApprovalState:
        """Return what an approval comes to, as far as its signatures hold now."""
        history = await self.events.read_events(approval_stream(approval))
        return await self.holding([read_approval_event(one) for one in history], approval)

    async def holding(self, events: Sequence[ApprovalEvent], approval: str) -> ApprovalState:
        """Return what the events of an approval come to, as far as they hold now.

        What an undeclared key signed does not, nor what was granted by whoever made the candidate,
        nor anything granted while nobody knows who did.
        """
        asked = next((one for one in events if isinstance(one, ApprovalRequested)), None)
        makers: frozenset[str] | None = None
        if asked is not None and await self.knows_maker(asked.promotion.candidate):
            makers = await makers_of(self.events, asked.promotion.candidate)
        return APPROVAL.fold(verified(events, approval, self.keyring, makers=makers))

    async def knows_maker(self, candidate: str) -> bool:
        """Say whether somebody who is declared now signed for having made a candidate."""
        return await is_maker_known(self.events, candidate, self.keyring)

    async def ledgers(self) -> dict[str, LedgerState]:
        """Return every ledger by its router."""
        names = await self.events.streams(ledger_stream(""))
        return {router_of(name): await self.ledger(router_of(name)) for name in names}

    async def ledger(self, router: str) -> LedgerState:
        """Return a router's ledger."""
        return await self.streams.state(LEDGER, read_ledger_event, ledger_stream(router))

    async def registered(self, candidate_id: str) -> tuple[str, Known]:
        """Return the router that a candidate is for, and the candidate.

        Raises:
            CandidateUnknownError: No ledger has it.
        """
        for router, ledger in (await self.ledgers()).items():
            digest = ledger.ids.get(candidate_id)
            if digest is not None:
                return router, ledger.candidates[digest]
        raise CandidateUnknownError(expected="a candidate of some ledger", found=candidate_id)
