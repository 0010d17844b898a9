"""Who made a candidate: the keys that it was submitted under, which may not approve it."""

from __future__ import annotations

from torghut.eventlog.ports import EventStore
from torghut.governance.lanes.queue import STREAM, read_lane_event
from torghut.schemas.governing.lanes import CandidateSubmitted


async def makers_of(events: EventStore, candidate: str) -> frozenset[str]:
    """Return the fingerprints under which a candidate was ever submitted.

    Args:
        events: Governance's log.
        candidate: Digest of its package, or of its declarations.
    """
    found = set[str]()
    for envelope in await events.read_events(STREAM):
        if envelope.type != CandidateSubmitted.model_fields["type"].default:
            continue
        event = read_lane_event(envelope)
        if not isinstance(event, CandidateSubmitted) or event.asked.author is None:
            continue
        spec = event.asked.candidate
        if candidate in (spec.package, spec.declarations):
            found.add(event.asked.author)
    return frozenset(found)
