"""Which topics a worker reads and writes, and what its waits for the broker may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedTopics:
    """The topics of one deployment, as declared in ``streams/topics``.

    Attributes:
        contexts: Market contexts; their partitions are the log's.
        decisions: What became of them, partition by partition.
        keyed: Control records by symbol, partitioned as the contexts are.
        whole: Control records that every worker reads whole.
        quarantine: Records that were no context, with their offsets.
        heartbeats: That the partitions' loops are there.
    """

    contexts: str = "torghut.market-context.v1"
    decisions: str = "torghut.decisions.v1"
    keyed: tuple[str, ...] = ("torghut.fills.v1", "torghut.positions.v1")
    whole: tuple[str, ...] = ("torghut.commands.v1", "torghut.news.v1", "torghut.fundamentals.v1")
    quarantine: str = "torghut.quarantine.v1"
    heartbeats: str = "torghut.heartbeats.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryingBudgets:
    """How long a worker waits, in ms, and how much it takes.

    Attributes:
        take_records: Most records handed out at once, of all partitions.
        take_ms: Longest wait for the next of them.
        retry_ms: Between attempts to reach the broker.
        retry_max_ms: Longest time between attempts to take a partition up that cannot be.
        release_ms: From losing a partition until everything of it is let go.
        controls_ms: Longest wait for the control records that were there when a partition was
            gained; nothing is decided before they are taken.
    """

    take_records: int = 2000
    take_ms: int = 200
    retry_ms: int = 250
    retry_max_ms: int = 10_000
    release_ms: int = 5_000
    controls_ms: int = 10_000
