"""What governance asks of the world: the lease of its one writer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write governance, until it expires.

    Attributes:
        epoch: Higher than that of everybody who held it before.
        holder: Who has it.
        expires_wall_ns: From this time on it holds no more, unless renewed before.
    """

    epoch: int
    holder: str
    expires_wall_ns: int


class WriterLease(Protocol):
    """Lets one holder write at a time; whoever lost it is refused by their epoch.

    Time is wall time. A clock that jumps may end a lease early; it never lets two hold it.
    """

    def take(self, holder: str, /, *, after_epoch: int = 0) -> Lease:
        """Return a lease of an epoch above ``after_epoch`` and all before.

        Raises:
            LeaseTakenError: Somebody else holds it.
            LeaseUnreadableError: Nobody can say who holds it.
        """
        ...

    def renew(self, lease: Lease, /) -> Lease:
        """Return ``lease`` with its whole time to live again.

        Raises:
            LeaseLostError: It has expired, was released, or another epoch has begun.
            LeaseTakenError: It is being changed just now; it may still hold.
            LeaseUnreadableError: Nobody can say who holds it.
        """
        ...

    def guard(self, lease: Lease, /) -> AbstractContextManager[None]:
        """Give a time in which nobody else can take it: for one write.

        Raises:
            LeaseLostError: It has expired, was released, or another epoch has begun.
            LeaseTakenError: It is being changed just now; it may still hold.
            LeaseUnreadableError: Nobody can say who holds it.
        """
        ...

    def release(self, lease: Lease, /) -> None:
        """Let the next one in at once; a lease that is lost already stays lost.

        Raises:
            LeaseTakenError: It is being changed just now.
            LeaseUnreadableError: Nobody can say who holds it.
        """
        ...
