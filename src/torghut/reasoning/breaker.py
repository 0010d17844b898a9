"""The circuit breaker: after failures in a row nobody is asked for a while, then one call tries.

States and names are those of M. Nygard, Release It! (2007): closed, open, half-open. Time is the
caller's clock; the breaker decides from what it is told and asks nobody. A call that was let
through has the turn in which that was, and its answer counts in that turn alone: one that comes
late, when the breaker has opened meanwhile or another call tries, is nobody's answer any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torghut.schemas.reasoning.ledger import BreakerState


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When the breaker opens, and for how long.

    Attributes:
        failures: In a row, after which it opens.
        open_ns: How long it stays open before one call may try.
        open_max_ns: Longest time: each trial that fails doubles the wait up to this.
    """

    failures: int
    open_ns: int
    open_max_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A breaker as it stands.

    Attributes:
        state: ``half-open`` while one call tries.
        failures: In a row.
        until_ns: When an open breaker lets one call try.
        wait_ns: How long it was opened for last.
        turn: How often its state has changed.
    """

    state: BreakerState = "closed"
    failures: int = 0
    until_ns: int = 0
    wait_ns: int = 0
    turn: int = 0


def admit(breaker: Breaker, now_ns: int) -> tuple[Breaker, int | None]:
    """Return the breaker after somebody wants to call, and the turn of that; None: nobody may."""
    match breaker.state:
        case "closed":
            return breaker, breaker.turn
        case "open" if now_ns >= breaker.until_ns:
            trying = replace(breaker, state="half-open", turn=breaker.turn + 1)
            return trying, trying.turn
        case _:
            return breaker, None


def succeed(breaker: Breaker, turn: int) -> Breaker:
    """Return the breaker after a call of some turn was answered as it must be."""
    if turn != breaker.turn:
        return breaker
    if breaker.state == "closed":
        return replace(breaker, failures=0)
    return Breaker(turn=breaker.turn + 1)


def fail(breaker: Breaker, turn: int, policy: BreakerPolicy, now_ns: int) -> Breaker:
    """Return the breaker after a call of some turn failed."""
    if turn != breaker.turn:
        return breaker
    failures = breaker.failures + 1
    if breaker.state == "closed" and failures < policy.failures:
        return replace(breaker, failures=failures)
    wait_ns = policy.open_ns
    if breaker.state == "half-open":
        wait_ns = min(policy.open_max_ns, 2 * breaker.wait_ns)
    return Breaker(
        state="open",
        failures=failures,
        until_ns=now_ns + wait_ns,
        wait_ns=wait_ns,
        turn=breaker.turn + 1,
    )
