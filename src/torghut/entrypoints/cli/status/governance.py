"""How governance stands, in at most four lines: its scheduler, the stop latch, the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torghut.entrypoints.cli.console import ago
from torghut.entrypoints.cli.latch.wording import SHOW, release_command
from torghut.kernel.canonical import JsonObject
from torghut.kernel.times import instant
from torghut.kernel.units import NS_PER_S
from torghut.schemas.live.governance import GovernanceStanding, LatchClosed, ManifestStands
from torghut.workflows.live.observing.governed import GovernanceSeen

GOVERN: Final = "torghut scheduler run --log"
_FAULT: Final = 100
_OVERDUE_CYCLES: Final = 2


def is_there(seen: GovernanceSeen) -> bool:
    """Say whether there is anything to be said of governance."""
    faults = seen.page_fault or seen.lease_fault
    return bool(seen.log_there or seen.page or seen.lease or faults)


def governance_fields(seen: GovernanceSeen, now_ns: int) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of governance; nothing where nobody ever governed."""
    if not is_there(seen):
        return
    page = seen.page
    yield "governance", f"{_cycle(seen, now_ns)}; {_holder(seen, now_ns)}"
    if page is None:
        yield "stop latch", f"not known here: {SHOW}"
        return
    yield "stop latch", _latch(page.latch, now_ns)
    if page.manifest is not None:
        yield "manifest", f"{page.manifest.path}: {manifest_standing(page, page.manifest, now_ns)}"


def governance_in_short(seen: GovernanceSeen, now_ns: int) -> str:
    """Return governance without a time; empty where nobody ever governed."""
    if not is_there(seen):
        return ""
    closed = seen.page is not None and seen.page.latch is not None
    return f"governance {seen.holding(now_ns)}{', stop latch closed' if closed else ''}"


def next_for_latch(closed: LatchClosed) -> str:
    """Return what to type while governance keeps the loop stopped."""
    return SHOW if closed.recovers else release_command(closed.incident_id, closed.triggers)


def next_for_silence(seen: GovernanceSeen) -> str:
    """Return how to have governance again."""
    return f"{GOVERN} {'FILE' if seen.page is None else seen.page.log}"


def manifest_standing(page: GovernanceStanding, manifest: ManifestStands, now_ns: int) -> str:
    """Return how a manifest is to be read now: one that nobody finalised in time is a fail."""
    overdue_ns = _OVERDUE_CYCLES * page.every_s * NS_PER_S
    if manifest.status == "not-final" and now_ns - page.written_wall_ns > overdue_ns:
        return "fail, not-finalised in time"
    return {"not-final": "NOT FINAL"}.get(manifest.status, manifest.status)


def _cycle(seen: GovernanceSeen, now_ns: int) -> str:
    """Return when the last cycle was, and what came of it."""
    page = seen.page
    if seen.page_fault:
        return f"page unreadable: {seen.page_fault[:_FAULT]}"
    if page is None:
        return "no page of a scheduler" if seen.log_there else "never began"
    if page.last is None:
        return "no cycle yet"
    last = page.last
    return f"cycle {last.cycle} {ago(now_ns - last.at_ns)}: {last.outcome}, {last.reason}"


def _holder(seen: GovernanceSeen, now_ns: int) -> str:
    """Return whether somebody governs now."""
    lease = seen.lease
    match seen.holding(now_ns):
        case "unreadable":
            return f"lease unreadable: {seen.lease_fault[:_FAULT]}"
        case "alive" if lease is not None:
            process = "" if seen.page is None else f", process {seen.page.pid}"
            return f"{lease.holder} alive, epoch {lease.epoch}{process}"
        case "silent" if lease is not None:
            return f"silent since {instant(lease.expires_wall_ns)}, {lease.holder} held it last"
        case "let go" if lease is not None:
            return f"let go by {lease.holder}: nobody governs"
        case _:
            return "nobody ever held the lease"


def _latch(closed: LatchClosed | None, now_ns: int) -> str:
    """Return how the latch stood at the last cycle."""
    if closed is None:
        return "open at the last cycle"
    people = "two people" if closed.live else "people"
    takes = "recovers by itself" if closed.recovers else f"waits for {people}"
    return (
        f"closed by governance since {instant(closed.since_ns)}, {ago(now_ns - closed.since_ns)}: "
        f"{', '.join(closed.triggers)}; {takes}; {SHOW}"
    )


def governance_json(seen: GovernanceSeen, now_ns: int) -> JsonObject:
    """Return governance for machines; ``manifest`` as it is to be read now."""
    page, lease = seen.page, seen.lease
    manifest = None if page is None else page.manifest
    return {
        "holding": seen.holding(now_ns),
        "lease": None
        if lease is None
        else {
            "holder": lease.holder,
            "epoch": lease.epoch,
            "expires_wall_ns": str(lease.expires_wall_ns),
        },
        "lease_fault": seen.lease_fault or None,
        "page": None if page is None else page.model_dump(mode="json"),
        "page_fault": seen.page_fault or None,
        "manifest": None
        if page is None or manifest is None
        else manifest_standing(page, manifest, now_ns),
    }
