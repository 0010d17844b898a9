"""What the drift policy last came to, as governance's log has it."""

from __future__ import annotations

from typing import Final

from torghut.eventlog.ports import EventStore
from torghut.schemas.governing.drift import ActionWithheld, VerdictTaken
from torghut.schemas.publish import stated_type
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.drift.calling import status_called
from torghut.workflows.lane.ports import DriftFound

_TELLING: Final = frozenset({stated_type(VerdictTaken), stated_type(ActionWithheld)})
"""Types of the events that say how things are; an action that was withheld follows its verdict."""


async def last_drift(events: EventStore) -> DriftFound:
    """Return the newest verdict on drift; what was found before it is not read again.

    Raises:
        LogIntegrityError: An event is not as it was written.
    """
    for envelope in reversed(await events.read_events(DRIFT.stream)):
        if envelope.type not in _TELLING:
            continue
        event = DRIFT.read(envelope)
        if isinstance(event, VerdictTaken):
            status = status_called(event.verdict.status, withheld=False)
        else:
            status = status_called("drifted", withheld=True)
        return DriftFound(status=status, at_ns=event.at_ns)
    return DriftFound(status=None)
