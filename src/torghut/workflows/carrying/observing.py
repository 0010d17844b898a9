"""What happens to a worker's partitions, as figures and log lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torghut.kernel.clock import SteadyNs
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.live.position import Position
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.log_events import (
    BrokerLost,
    BrokerRefused,
    Defect,
    PartitionGivenBack,
    PartitionLost,
    PartitionTakenUp,
    PartitionTroubled,
)
from torghut.workflows.live.observing.journal import SILENT_JOURNAL, Journal
from torghut.workflows.live.observing.telemetry import SILENT_TELEMETRY, Telemetry

_DETAIL_MAX: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryingWitness:
    """Tells others what happened.

    Attributes:
        telemetry: Takes the figures.
        journal: Takes the log lines.
    """

    telemetry: Telemetry = SILENT_TELEMETRY
    journal: Journal = SILENT_JOURNAL

    def shared(self) -> None:
        """The group shared its partitions anew."""
        self.telemetry.count(metrics.CARRIED_REBALANCES, 1)

    def taken_up(self, partition: int, *, block: int, offset: int, published: Position) -> None:
        """A partition's contexts are decided from ``offset`` on."""
        self.journal.say(
            PartitionTakenUp(
                partition=partition, block=block, offset=offset, published=str(published)
            )
        )

    def given_back(self, partition: int, *, block: int) -> None:
        """A partition was given back."""
        self.journal.say(PartitionGivenBack(partition=partition, block=block))

    def lost(self, partition: int, error: TorghutError) -> None:
        """Another worker took a partition over."""
        self.telemetry.count(metrics.CARRIED_TAKEOVERS, 1)
        self.journal.say(
            PartitionLost(partition=partition, error_code=error.code, detail=_short(error))
        )

    def troubled(self, partition: int, error: TorghutError, *, again_ms: int) -> None:
        """A partition cannot be taken up for now."""
        self.journal.say(
            PartitionTroubled(
                partition=partition,
                error_code=error.code,
                detail=_short(error),
                again_seconds=again_ms / 1000,
            )
        )

    def acknowledged(self, came: Sequence[SteadyNs], now_ns: SteadyNs) -> None:
        """The broker has the outcomes of contexts that came in then."""
        waited = [(now_ns - one) / NS_PER_S for one in came]
        self.telemetry.observe(metrics.CARRIED_TO_ACKNOWLEDGED, waited)

    def broker_lost(self, error: TorghutError) -> None:
        """The broker does not answer."""
        self.journal.say(BrokerLost(detail=_short(error)))

    def broker_refused(self, error: TorghutError) -> None:
        """The broker will not be read from."""
        self.journal.say(BrokerRefused(error_code=error.code, detail=_short(error)))

    def failed(self, where: str, error: BaseException) -> None:
        """Something happened that nobody foresaw."""
        self.telemetry.count(metrics.DEFECTS, 1)
        self.journal.say(
            Defect(where=where, error=type(error).__name__, detail=str(error)[:_DETAIL_MAX])
        )


def _short(error: TorghutError) -> str:
    """Return an error in few words."""
    return str(error)[:_DETAIL_MAX]
