"""Who made a candidate: the keys that it was submitted or signed for under; none may approve it."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.errors import MakerUnknownError
from torghut.governance.approvals.keyring import Keyring
from torghut.governance.approvals.making import (
    MAKERS,
    ClaimCandidate,
    proven_makers,
    read_maker_event,
    sign_candidate,
)
from torghut.governance.approvals.making import STREAM as SIGNED
from torghut.governance.lanes.queue import STREAM, read_lane_event
from torghut.schemas.governing.lanes import CandidateSubmitted, MakerSigned
from torghut.workflows.streams import Streams


async def makers_of(events: EventStore, candidate: str) -> frozenset[str]:
    """Return the fingerprints under which a candidate was ever submitted, or signed for.

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
    signed = await _signed(events)
    return frozenset(found) | {one.person.key for one in signed if one.candidate == candidate}


async def claim_candidate(
    events: EventStore,
    candidate: str,
    key: Ed25519PrivateKey,
    *,
    keyring: Keyring,
    at_ns: int,
) -> None:
    """Put on record that the holder of ``key`` made a candidate; again changes nothing.

    Raises:
        KeyUndeclaredError: Nobody is known by that key.
        RoleMissingError: It is a machine's.
    """
    command = ClaimCandidate(envelope=sign_candidate(candidate, key), keyring=keyring, at_ns=at_ns)
    causes = Causes(correlation_id=f"maker-{candidate[:16]}", causation_id="torghut lane submit")
    await Streams(events).run(MAKERS, read_maker_event, SIGNED, command, causes=causes)


async def is_maker_known(events: EventStore, candidate: str, keyring: Keyring) -> bool:
    """Say whether somebody who is declared now signed for having made a candidate."""
    return any(proven_makers(await _signed(events), candidate, keyring))


async def check_maker_known(events: EventStore, candidate: str, keyring: Keyring) -> None:
    """Check that somebody who is declared now signed for having made a candidate.

    Raises:
        MakerUnknownError: Nobody did.
    """
    if not await is_maker_known(events, candidate, keyring):
        raise MakerUnknownError(
            expected=f"who made {candidate}, signed by a declared key",
            found="nobody: submit it again with `torghut lane submit --author KEY`, "
            "the private key of who made it",
        )


async def _signed(events: EventStore) -> list[MakerSigned]:
    """Return every word of somebody who made something."""
    return [read_maker_event(one) for one in await events.read_events(SIGNED)]
