"""What the drift policy last came to, as governance's log has it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torghut.eventlog.ports import EventStore
from torghut.schemas.governing.drift import ActionWithheld, VerdictTaken
from torghut.schemas.rollout.run import DriftStatus
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.lane.ports import DriftFound

_STATUSES: Final[Mapping[str, DriftStatus]] = MappingProxyType(
    {"stable": "stable", "drifted": "detected", "unhealthy": "unhealthy"}
)


async def last_drift(events: EventStore) -> DriftFound:
    """Return the newest verdict on drift; drift whose action rests is in cooldown, and still drift.

    Raises:
        LogIntegrityError: An event is not as it was written.
    """
    found = DriftFound(status=None)
    for envelope in await events.read_events(DRIFT.stream):
        event = DRIFT.read(envelope)
        if isinstance(event, VerdictTaken):
            found = DriftFound(status=_STATUSES[event.verdict.status], at_ns=event.at_ns)
        elif isinstance(event, ActionWithheld):
            found = DriftFound(status="cooldown", at_ns=event.at_ns)
    return found
