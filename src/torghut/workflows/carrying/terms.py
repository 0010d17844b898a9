"""Which topics a worker reads and writes, and what its waits for the broker may take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from torghut.schemas.control import (
    ControlRecord,
    FillReported,
    FundamentalsArrived,
    NewsArrived,
    OrderReported,
    PositionReported,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedTopics:
    """The topics of one deployment, as declared in ``streams/topics``.

    Attributes:
        contexts: Market contexts; their partitions are the log's.
        decisions: What became of them, partition by partition.
        fills: Fills and orders, by symbol: partitioned as the contexts are.
        positions: Positions, likewise.
        news: News of one symbol, likewise.
        fundamentals: Fundamentals of one symbol, likewise.
        passages: What news and fundamentals say, for those who ask for advice.
        commands: All other control records: every worker reads it whole.
        governance: Events of governance, from its own log.
        quarantine: Records that were no context, with their offsets.
        heartbeats: That the partitions' loops are there.
        control_outcomes: What became of control records, by the partition that decided it.
    """

    contexts: str = "torghut.market-context.v1"
    decisions: str = "torghut.decisions.v1"
    fills: str = "torghut.fills.v1"
    positions: str = "torghut.positions.v1"
    news: str = "torghut.news.v1"
    fundamentals: str = "torghut.fundamentals.v1"
    passages: str = "torghut.passages.v1"
    commands: str = "torghut.commands.v1"
    governance: str = "torghut.governance-events.v1"
    quarantine: str = "torghut.quarantine.v1"
    heartbeats: str = "torghut.heartbeats.v1"
    control_outcomes: str = "torghut.control-outcomes.v1"

    @property
    def keyed(self) -> Sequence[str]:
        """Topics of control records by symbol."""
        return (self.fills, self.positions, self.news, self.fundamentals)

    @property
    def relied_on(self) -> Collection[str]:
        """Every topic that a worker reads or writes something on that must not be lost."""
        read = (self.contexts, *self.keyed, self.commands)
        return (*read, self.decisions, self.control_outcomes, self.quarantine)

    def of(self, record: ControlRecord) -> str:
        """Return the topic that carries a control record."""
        if record.symbol == "*":
            return self.commands
        match record:
            case FillReported() | OrderReported():
                return self.fills
            case PositionReported():
                return self.positions
            case NewsArrived():
                return self.news
            case FundamentalsArrived():
                return self.fundamentals
            case _:
                return self.commands


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryingBudgets:
    """How long a worker waits, in ms, and how much it takes.

    Attributes:
        take_records: Most records handed out at once, of all partitions.
        take_ms: Longest wait for the next of them.
        unheard_max: Outcomes of a partition that are not published yet; with more of them it
            decides no further block, so that what it decides is heard while it counts.
        keep_up_ms: Longest wait for that before each block: control records come with it.
        settle_ms: Longest time that what was published is not final: those who read what is not
            hear it at once, and all others so much later.
        retry_ms: Between attempts to reach the broker.
        retry_max_ms: Longest time between attempts to take a partition up that cannot be.
        probe_ms: Between two questions to the log whether it is there, and whether a partition is
            still claimed; longest wait for each.
        topics_ms: Between two looks whether the topics still keep what they acknowledge.
        release_ms: From losing partitions until what was decided last is published; what is not
            done by then is cancelled.
        let_go_ms: Longest wait after that until their clients are let go of. The broker's own
            budget for that may be longer: they end beside, and nobody waits for them.
        controls_ms: Longest wait for the control records that were there when a partition was
            gained; nothing is decided before they are taken.
    """

    take_records: int = 512
    take_ms: int = 200
    unheard_max: int = 512
    keep_up_ms: int = 500
    settle_ms: int = 1000
    retry_ms: int = 250
    retry_max_ms: int = 10_000
    probe_ms: int = 2_000
    topics_ms: int = 60_000
    release_ms: int = 5_000
    let_go_ms: int = 2_000
    controls_ms: int = 10_000
