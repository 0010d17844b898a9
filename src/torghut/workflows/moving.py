"""Copies a log into another store, hashes and all; cut short, it is taken up where it stopped.

Objects go first, for blocks cite them; then each partition's chain, the events in their order, and
last the snapshots. What is there already is compared, never copied twice. At the end both logs are
verified, and must come to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from torghut.eventlog.block import Head
from torghut.eventlog.envelopes import Envelope
from torghut.eventlog.ports import DecisionLog, EventFeed
from torghut.eventlog.verification import VerifyReport
from torghut.kernel.errors import ExitCode, TorghutError

_OBJECTS_AT_ONCE: Final = 200
_EVENTS_AT_ONCE: Final = 500


class LogContents(Protocol):
    """What a log holds besides chains and events, by name."""

    async def object_digests(self, after: str, limit: int, /) -> Sequence[str]:
        """Return the digests of the first ``limit`` objects above ``after``, ascending."""
        ...

    async def snapshot_keys(self) -> Sequence[tuple[int, str]]:
        """Return partition and key of every snapshot."""
        ...


class ReadableLog(DecisionLog, EventFeed, Protocol):
    """What a log is copied from."""


class CopiedLog(DecisionLog, EventFeed, LogContents, Protocol):
    """What a log is copied into."""

    async def take_over(self, envelopes: Sequence[Envelope], /) -> int:
        """Append events of another log as they are, behind those that are here already.

        Returns the position of the last event.

        Raises:
            ConcurrencyConflictError: They do not follow what is here.
            LogIntegrityError: One is not as it was written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A copy to be made.

    Attributes:
        source: The log that is copied.
        contents: Of that log.
        target: Where to.
        told: Says how far it is: what is being copied, how much of it is done, how much there is.
    """

    source: ReadableLog
    contents: LogContents
    target: CopiedLog
    told: Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a copy came to.

    Attributes:
        copied_blocks: Of this time; those of earlier times were there already.
        copied_events: Likewise.
        report: Of verifying the copy; that of the source is the same.
    """

    copied_blocks: int
    copied_events: int
    report: VerifyReport


class CopyDiffersError(TorghutError):
    """The target holds something that the log which is to be copied does not."""

    code: ClassVar[str] = "workflows.copy-differs"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, place: str, expected: str, found: str) -> None:
        super().__init__(
            f"{place}: expected {expected} as in the log that is copied, found {found}; "
            "copy it into an empty database, or end whoever writes to either"
        )
        self.place = place
        self.expected = expected
        self.found = found


async def move(moving: Moving) -> Moved:
    """Copy everything that is not there yet, and verify both logs.

    Raises:
        CopyDiffersError: The target is no beginning of a copy, or the two do not come to the same.
        TorghutError: One of them cannot be read or written, or is not as it was written.
    """
    await _objects(moving)
    partitions = await moving.source.partitions()
    heads = [await moving.source.head(partition) for partition in partitions]
    total = sum(head.number + 1 for head in heads)
    done = copied = 0
    for head in heads:
        before = await _checked_head(moving, head)
        done += before.number + 1
        async for block in moving.source.blocks(head.partition, after=before.number):
            await moving.target.append(block)
            done, copied = done + 1, copied + 1
            moving.told("blocks", done, max(done, total))
    events = await _events(moving)
    await _snapshots(moving)
    return Moved(copied_blocks=copied, copied_events=events, report=await _compared(moving))


async def _objects(moving: Moving) -> None:
    """Copy the objects that are not there yet."""
    last = ""
    done = 0
    while digests := await moving.contents.object_digests(last, _OBJECTS_AT_ONCE):
        there = set(await moving.target.object_digests(last, _OBJECTS_AT_ONCE))
        for digest in digests:
            if digest not in there:
                await moving.target.put_object(await moving.source.get_object(digest))
            done += 1
            moving.told("objects", done, done)
        last = digests[-1]


async def _checked_head(moving: Moving, head: Head) -> Head:
    """Return where the target's chain of a partition ends, if that is in the source's chain.

    Raises:
        CopyDiffersError: It is not.
    """
    found = await moving.target.head(head.partition)
    if found.number < 0:
        return found
    async for block in moving.source.blocks(head.partition, after=found.number - 1):
        if block.digest == found.digest:
            return found
        expected = block.digest
        break
    else:
        expected = f"an end at block {head.number}"
    raise CopyDiffersError(
        place=f"partition {head.partition}, block {found.number}",
        expected=expected,
        found=found.digest,
    )


async def _events(moving: Moving) -> int:
    """Copy the events that are not there yet, and return how many."""
    position = copied = 0
    while kept := await moving.target.events_after(position, _EVENTS_AT_ONCE):
        same = await moving.source.events_after(position, len(kept))
        if same != kept:
            raise CopyDiffersError(
                place=f"events above position {position}",
                expected=f"{len(same)} events",
                found="others",
            )
        position = kept[-1].position
    while envelopes := await moving.source.events_after(position, _EVENTS_AT_ONCE):
        position = await moving.target.take_over(envelopes)
        copied += len(envelopes)
        moving.told("events", position, position)
    return copied


async def _snapshots(moving: Moving) -> None:
    """Copy the snapshots; one of blocks that are no longer in the chain is left."""
    for partition, key in await moving.contents.snapshot_keys():
        snapshot = await moving.source.load_snapshot(partition, key)
        if snapshot is not None:
            await moving.target.save_snapshot(snapshot)


async def _compared(moving: Moving) -> VerifyReport:
    """Return what verifying the copy finds, if it is what verifying the source finds.

    Raises:
        CopyDiffersError: It is not.
    """
    source = await moving.source.verify(
        progress=lambda far: moving.told("source verified", far.blocks, far.blocks_total)
    )
    target = await moving.target.verify(
        progress=lambda far: moving.told("copy verified", far.blocks, far.blocks_total)
    )
    if source != target:
        raise CopyDiffersError(
            place="the copy, verified", expected=_told(source), found=_told(target)
        )
    return target


def _told(report: VerifyReport) -> str:
    """Return a report in a few words."""
    ends = ", ".join(f"{head.number}:{head.digest[:16]}" for head in report.heads)
    return (
        f"{report.blocks} blocks ending at {ends or 'none'}, {report.events} events, "
        f"{report.objects} objects, {report.findings_total} findings"
    )
