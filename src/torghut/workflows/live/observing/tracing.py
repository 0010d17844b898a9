"""Traces: when each step of a block or of a request began and ended, told once it is over.

Nothing is asked of the hot path but to hand over what it has measured anyhow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTrace:
    """A block's way from being taken to being told; the steps follow each other.

    Attributes:
        partition: Of the log.
        number: Of the block.
        contexts: In it.
        decisions: In it.
        control_records: In it that were new.
        begun_wall_ns: When it was taken.
        decide_ns: How long until it was whole.
        commit_ns: How long from then until it was durable.
        hand_over_ns: How long from then until all of it was told.
    """

    partition: int
    number: int
    contexts: int
    decisions: int
    control_records: int
    begun_wall_ns: int
    decide_ns: int
    commit_ns: int
    hand_over_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTrace:
    """An HTTP request, answered.

    Attributes:
        route: Its template; never the path as sent.
        method: As sent, or other.
        status: Of the answer.
        begun_wall_ns: When its head was there.
        took_ns: Until the end of its answer.
        traceparent: Its W3C trace context as it came; empty if none did.
    """

    route: str
    method: str
    status: int
    begun_wall_ns: int
    took_ns: int
    traceparent: str = ""


class Tracer(Protocol):
    """Exports traces; never waits and never raises, rather a trace is lost and counted."""

    def block(self, trace: BlockTrace) -> None:
        """Export a block's way."""
        ...

    def request(self, trace: RequestTrace) -> None:
        """Export a request."""
        ...

    async def close(self, budget_ms: int) -> None:
        """Export what waits, for as long as the budget lasts; what comes later is lost."""
        ...


class SilentTracer(Tracer):
    """Exports nothing."""

    @override
    def block(self, trace: BlockTrace) -> None:
        return

    @override
    def request(self, trace: RequestTrace) -> None:
        return

    @override
    async def close(self, budget_ms: int) -> None:
        return


SILENT_TRACER: Final = SilentTracer()
