"""Judgements of verifying that every store makes alike: of events, of seals, of citations."""

from __future__ import annotations

from typing import assert_never

from torghut.eventlog.envelopes import Envelope, check_follows
from torghut.eventlog.errors import EventUnreadableError, LogIntegrityError
from torghut.eventlog.events import HeadsSealed, LogEvent, LossAccepted, SealedHead
from torghut.eventlog.verification import FindingKind, Tally, block_place
from torghut.schemas.block import BlocksArchived


def judge_event(tally: Tally, envelope: Envelope, *, after: int, previous: str | None) -> bool:
    """Judge the event after position ``after``; say whether it is as it was written.

    Args:
        tally: Takes what is found.
        envelope: As stored.
        after: Position before it.
        previous: Stored digest of its stream's event before; the genesis digest before the first,
            None if it is missing.
    """
    position = envelope.position
    if position != after + 1:
        tally.add(
            FindingKind.MISSING,
            place=f"event {after + 1}",
            expected="an event",
            found=f"position {position} next",
        )
    tally.events += 1
    place = f"event {position}, stream {envelope.stream}, version {envelope.version}"
    if previous is None:
        tally.add(FindingKind.UNCHAINED, place=place, expected="one before it", found="none")
        return False
    try:
        check_follows(envelope, version=envelope.version - 1, digest=previous)
    except LogIntegrityError as error:
        tally.add(FindingKind.ALTERED, place=place, expected=error.expected, found=error.found)
        return False
    return True


def judge_seal(tally: Tally, seal: SealedHead, found: str | None) -> None:
    """Compare a head that an event sealed with the stored digest of the block in its place."""
    if found != seal.digest:
        tally.add(
            FindingKind.TRUNCATED if found is None else FindingKind.REWRITTEN,
            place=block_place(seal.partition, seal.number),
            expected=f"{seal.digest}, as an event sealed it",
            found=found or "none",
        )


def note_seals(seals: dict[int, SealedHead], event: LogEvent) -> None:
    """Keep the last sealed head of each partition; forget those that an accepted loss took."""
    match event:
        case HeadsSealed():
            seals.update({head.partition: head for head in event.heads})
        case LossAccepted():
            left = {head.partition: head.number for head in event.heads}
            for partition, seal in tuple(seals.items()):
                if seal.number > left.get(partition, -1):
                    del seals[partition]
        case BlocksArchived():
            pass  # they are in the chain as before
        case _:
            assert_never(event)


def judge_unreadable(
    tally: Tally, error: LogIntegrityError, *, kind: FindingKind = FindingKind.UNREADABLE
) -> None:
    """Note what could not be read at all."""
    tally.add(kind, place=error.place, expected=error.expected, found=error.found)


def judge_later(tally: Tally, error: EventUnreadableError) -> None:
    """Note an event of the log's own that is intact, but of a later version than this code."""
    tally.add(
        FindingKind.UNREADABLE,
        place="events of the log's own stream",
        expected="events that this version reads",
        found=error.reason,
    )
