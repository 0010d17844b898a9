"""What two switches put on record beside themselves: packages to go back to, a revision's fence.

A throw alone says that something is to be undone, not what with; what decides must be in the log.
Each record's id is made of the throw's, so that looking again, after a crash too, adds nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import Known
from torghut.schemas.control import (
    REASON_MAX,
    ControlRecord,
    PackageChanged,
    RevisionFence,
    SwitchThrown,
)
from torghut.schemas.live.control_ids import fence_id, is_by_fencing, reverting_id
from torghut.workflows.live.loop.in_force import standing_records


def beside(
    record: SwitchThrown, fold: DecisionFold, revision: str, named: Collection[str] = ()
) -> Sequence[ControlRecord]:
    """Return what makes a throw whole and is not on record; nothing for the other switches.

    Args:
        record: The throw, for all symbols.
        fold: The memory of the log.
        revision: That decides here.
        named: Revisions that the throw fences; none: the one that decides where it is recorded.
    """
    match record.name:
        case "revert-packages":
            wanted: Sequence[ControlRecord] = list(_reverting(record, fold))
        case "last-stable-revision":
            wanted = _fencing(record, fold, revision, named)
        case _:
            return ()
    return [one for one in wanted if fold.identities.recognise(one) is Known.NEW]


def taken_over(fold: DecisionFold, revision: str) -> Sequence[RevisionFence]:
    """Return what says that another revision decides now than the log's fences were made for."""
    found = fences(fold)
    own, holding = found.get(revision), _holding(found.values())
    if own is not None and own.state == "fenced":
        said = own if holding is None else None
    else:
        said = holding
    if said is None:
        return ()
    base = said.control_id.rpartition(":")[0] or "revision-fence"
    return (
        RevisionFence(
            control_id=f"{base}:{_short(f'{said.control_id} {revision}')}",
            revision=said.revision,
            state="fenced",
            decides=revision,
            reason=f"{revision} decides from here on; {said.reason}"[:REASON_MAX],
        ),
    )


def undoing(record: SwitchThrown, fold: DecisionFold, revision: str) -> Sequence[ControlRecord]:
    """Return what a switch's release takes back besides and is not on record.

    Args:
        record: The release, for all symbols.
        fold: The memory of the log.
        revision: That decides here.
    """
    match record.name:
        case "revert-packages":
            wanted: Sequence[ControlRecord] = list(_restoring(record, fold))
        case "last-stable-revision":
            wanted = list(_unfencing(record, fold, revision))
        case _:
            return ()
    return [one for one in wanted if fold.identities.recognise(one) is Known.NEW]


def fences(fold: DecisionFold) -> Mapping[str, RevisionFence]:
    """Return the newest word about each revision, in the order in which they hold."""
    newest: dict[str, RevisionFence] = {}
    for record in standing_records(fold):
        if isinstance(record, RevisionFence):
            newest.pop(record.revision, None)
            newest[record.revision] = record
    return newest


def _holding(found: Collection[RevisionFence]) -> RevisionFence | None:
    """Return the fence by which decisions abstain; as ``fold.control`` judges it."""
    holding: RevisionFence | None = None
    for one in found:
        if one.revision == one.decides:
            holding = one if one.state == "fenced" else None
        elif one.state == "fenced":
            holding = None
    return holding


def _reverting(record: SwitchThrown, fold: DecisionFold) -> Iterator[PackageChanged]:
    """Yield the package to go back to for each router name; null where there is none here."""
    for router in sorted(fold.promoted.by_router):
        previous = fold.promoted.previous(router)
        known = previous in fold.packages
        why = "" if known else "no package was promoted before, the defensive weights serve; "
        yield PackageChanged(
            control_id=reverting_id(record.control_id, router),
            router=router,
            package=previous if known else None,
            reason=f"switch revert-packages: {why}{record.reason}"[:REASON_MAX],
        )


def _restoring(record: SwitchThrown, fold: DecisionFold) -> Iterator[PackageChanged]:
    """Yield the package that was promoted last for each router name that serves another."""
    for router in sorted(fold.promoted.by_router):
        newest = fold.promoted.newest(router)
        if newest != fold.served.get(router, ""):
            yield PackageChanged(
                control_id=reverting_id(record.control_id, router),
                router=router,
                package=newest or None,
                reason=record.reason,
            )


def _unfencing(record: SwitchThrown, fold: DecisionFold, revision: str) -> Iterator[RevisionFence]:
    """Yield the release of each revision that the switch fenced."""
    for fenced, one in fences(fold).items():
        if one.state == "fenced" and is_by_fencing(one.control_id):
            yield RevisionFence(
                control_id=fence_id(record.control_id, _short(fenced)),
                revision=fenced,
                state="released",
                decides=revision,
                reason=record.reason,
            )


def _fencing(
    record: SwitchThrown, fold: DecisionFold, revision: str, named: Collection[str]
) -> Sequence[RevisionFence]:
    """Return a fence of each revision that a throw names, that of this log's own last.

    A throw that names none fences the revision that decides where it is first recorded, and none
    that takes the log over from it.
    """
    stem = fence_id(record.control_id, "")
    if not named and any(one.control_id.startswith(stem) for one in fences(fold).values()):
        return ()
    own = fences(fold).get(revision)
    wanted = set(named or (revision,))
    if own is not None and own.state == "fenced":
        wanted.add(revision)  # said again: the fence of another one would let this one go
    return [
        RevisionFence(
            control_id=fence_id(record.control_id, _short(one) if named else "any"),
            revision=one,
            state="fenced",
            decides=revision,
            reason=record.reason,
        )
        for one in sorted(wanted, key=lambda one: (one == revision, one))
    ]


def _short(text: str) -> str:
    """Return what stands for a text in an id."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
