"""How the live service behaves: what it waits for, how long, and how much it takes at once.

None of it enters a decision: it is not part of the declarations that decisions cite.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Why
from torghut.schemas.types import Message

Budget = Annotated[int, Field(ge=1, le=3_600_000, description="Milliseconds.")]
Bytes = Annotated[int, Field(ge=1024, le=2**30)]


class LoopBudgets(Message):
    """What deciding and making durable may take."""

    batch_records: Annotated[
        Count, Field(description="Most contexts of a live block: the kernel ends within 2 ms.")
    ]
    pending_max: Annotated[
        Count, Field(description="Contexts that may wait; then senders are told to.")
    ]
    commit_slow_ms: Annotated[Budget, Field(description="A longer commit is log-slow.")]
    commit_away_ms: Annotated[Budget, Field(description="A longer one is log-away.")]
    retry_ms: Annotated[Budget, Field(description="Between attempts to have the log back.")]
    drain_ms: Annotated[Budget, Field(description="From SIGTERM until everything is let go.")]
    snapshot_blocks: Annotated[Count, Field(description="Blocks between snapshots.")]
    aside_ms: Annotated[
        int,
        Field(ge=0, le=1000, description="That an answer may wait for a moment between blocks."),
    ] = 0


class Timeliness(Message):
    """When what comes is too old to open anything on."""

    lag_begin_ms: Annotated[Budget, Field(description="Lag from which on nothing is opened.")]
    lag_end_ms: Annotated[Budget, Field(description="Lag below which that ends.")]
    pause_ms: Annotated[
        Budget, Field(description="A longer halt of the process makes what waited in it old.")
    ]
    silent_ms: Annotated[Budget, Field(description="Without a context for longer: source-silent.")]
    clock_apart_ms: Annotated[
        Budget, Field(description="Wall and steady clock further apart: clock-stepped.")
    ]


class Telling(Message):
    """How subscribers are told."""

    heartbeat_ms: Budget
    stale_ms: Annotated[Budget, Field(description="Silence after which a client turns stale.")]
    send_ms: Annotated[
        Budget, Field(description="A subscriber that takes nothing for longer is let go.")
    ]
    subscribers_max: Count
    kept_outcomes: Annotated[
        Count, Field(description="Newest outcomes kept in memory; older are read from the log.")
    ]


class Switching(Message):
    """How switch files are followed."""

    poll_ms: Annotated[Budget, Field(description="Between two looks; 500 at most.")]
    acknowledge_ms: Annotated[Budget, Field(description="That one who throws waits for workers.")]

    @model_validator(mode="after")
    def _often_enough(self) -> Self:
        if self.poll_ms > 500:  # noqa: PLR2004 - the design's own bound: twice a second
            message = "a look at least every 500 ms"
            raise ValueError(message)
        return self


class Door(Message):
    """What the API takes."""

    body_bytes: Annotated[Bytes, Field(description="Longest body of a request or message.")]
    records_max: Annotated[Count, Field(description="Contexts or records in one request.")]
    requests_per_s: Annotated[Count, Field(description="Of one token; bursts of as many again.")]
    request_ms: Annotated[Budget, Field(description="From first byte to whole body.")]
    answer_ms: Annotated[Budget, Field(description="Longest wait for an outcome.")]
    connections_max: Count
    feeds_max: Annotated[Count, Field(description="Feeds that senders may name.")]


class LivePolicy(Message):
    """Everything that the live service is bound by."""

    kind: Literal["live-policy.v1"]
    why: Why
    loop: LoopBudgets
    timeliness: Timeliness
    telling: Telling
    switching: Switching
    door: Door

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.loop.commit_slow_ms >= self.loop.commit_away_ms:
            message = "commit_slow_ms below commit_away_ms"
            raise ValueError(message)
        if self.timeliness.lag_end_ms >= self.timeliness.lag_begin_ms:
            message = "lag_end_ms below lag_begin_ms"
            raise ValueError(message)
        if self.telling.heartbeat_ms >= self.telling.stale_ms:
            message = "heartbeat_ms below stale_ms"
            raise ValueError(message)
        return self
