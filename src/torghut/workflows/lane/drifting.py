"""What the drift policy last came to, as governance's log has it."""

from __future__ import annotations

from typing import Final

from torghut.eventlog.ports import EventStore
from torghut.schemas.governing.drift import ActionWithheld, VerdictTaken
from torghut.schemas.publish import stated_type
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.lane.ports import DriftFound

_TAKEN: Final = stated_type(VerdictTaken)
_WITHHELD: Final = stated_type(ActionWithheld)
"""Types of the events that say how things are; an action that was withheld follows its verdict."""


async def last_drift(events: EventStore) -> DriftFound:
    """Return the newest verdict on drift; what was found before it is not read again.

    Raises:
        LogIntegrityError: An event is not as it was written.
    """
    withheld = False
    for envelope in reversed(await events.read_events(DRIFT.stream)):
        if envelope.type == _WITHHELD:
            withheld = True
        elif envelope.type == _TAKEN:
            event = DRIFT.read(envelope)
            assert isinstance(event, VerdictTaken)  # noqa: S101 - its type says so
            return DriftFound(verdict=event, withheld=withheld)
    return DriftFound(verdict=None)
