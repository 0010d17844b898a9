"""Opening the stop latch: a signed release is handed in, and what came of it is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.keyring import Keyring
from torghut.governance.releases.releasing import SignedLatch, SignedRelease
from torghut.schemas.declarations.safety import SafetyPolicy
from torghut.schemas.governing.latch import ReleaseStatement, Trigger
from torghut.workflows.aggregates import LATCH_NAME, STOP_LATCH_SIGNED, Governance
from torghut.workflows.streams import Streams

Sign = Callable[[ReleaseStatement], bytes]
"""Signs a statement with somebody's key, and returns the envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatchDesk:
    """Where releases are handed in.

    Attributes:
        events: Governance's own log.
        keyring: The declared keys.
        policy: What the latch is bound by.
        now_ns: Wall time.
        by: Whose command this is, as the cause that is put on record.
    """

    events: EventStore
    keyring: Keyring
    policy: SafetyPolicy
    now_ns: int
    by: str
    streams: Streams = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", Streams(self.events))

    def governance(self, whole: str) -> Governance:
        """Return governance's streams, for a command that is part of ``whole``."""
        return Governance(
            streams=self.streams, causes=Causes(correlation_id=whole, causation_id=self.by)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What came of a release that was handed in.

    Attributes:
        after: The latch with its signatures, after it.
        again: Whether it was on record before.
    """

    after: SignedLatch
    again: bool

    @property
    def open(self) -> bool:
        """Whether the latch is open now; if not, it takes another person."""
        return self.after.latch.incident is None


def statement_of(
    incident_id: str, triggers: Sequence[Trigger], *, reason: str, signed_at_ns: int
) -> ReleaseStatement:
    """Return what is to be signed to release an incident with all its ``triggers``."""
    return ReleaseStatement(
        latch=LATCH_NAME,
        incident_id=incident_id,
        triggers=tuple(sorted(set(triggers))),
        reason=reason.strip(),
        signed_at_ns=signed_at_ns,
    )


async def hand_in(desk: LatchDesk, statement: ReleaseStatement, sign: Sign) -> Handed:
    """Hand in a release; the same again changes nothing.

    Raises:
        TorghutError: It is refused, by its own code, and changes nothing; or the log cannot be
            written.
    """
    governance = desk.governance(statement.incident_id)
    command = SignedRelease(
        latch=LATCH_NAME,
        envelope=sign(statement),
        keyring=desk.keyring,
        at_ns=desk.now_ns,
        policy=desk.policy,
    )
    events = await governance.run(STOP_LATCH_SIGNED, command)
    return Handed(after=await governance.state(STOP_LATCH_SIGNED), again=not events)
