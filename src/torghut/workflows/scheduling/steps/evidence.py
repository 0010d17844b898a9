"""Whether what governance rests on is still as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.governance.rollouts.manifest import final_manifest_of
from torghut.governance.rollouts.rollout import RolloutState
from torghut.governance.verification.checks import Breach
from torghut.governance.verification.origin import OriginKind, origin_of
from torghut.workflows.aggregates import STOP_LATCH, rollout_of
from torghut.workflows.rollout.checking import (
    check_manifest,
    find_envelope,
    is_altered,
    read_found,
)
from torghut.workflows.rollout.places import CURRENT, SIGNATURE, run_manifest
from torghut.workflows.rollout.publishing import own_manifests
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.rollback.demanding import owed_incident
from torghut.workflows.scheduling.steps.safety import owed_evidence
from torghut.workflows.scheduling.steps.subjects import RunSubject

EvidenceState = Literal["intact", "corrupt", "unknown"]


async def altered_own(governor: Governor, runs: Sequence[RunSubject]) -> bool:
    """Return whether what governance itself has written once is not as it was written.

    That is the evidence of the stop in force, and the manifests, the signatures of the final ones
    and the incidents of ``runs``.
    """
    owed = owed_evidence(await governor.governance.state(STOP_LATCH))
    files = [] if owed is None else [owed]
    for run in runs:
        state = await governor.governance.state(rollout_of(run.run_id, run.attempt))
        files += own_manifests(state).items()
        triggered = (await governor.governance.state(run.rollback)).triggered
        if triggered is not None:
            files.append(owed_incident(triggered, run))
        if _is_forged(governor, state):
            return True
    return any(is_altered(governor.store, path, body) for path, body in files)


def _is_forged(governor: Governor, run: RolloutState) -> bool:
    """Return whether what stands as the signature of a run's final manifest is none of it.

    One by another key may be by an older one, and is for its readers to judge.
    """
    final = final_manifest_of(run)
    if final is None:
        return False
    found = read_found(governor.store, run_manifest(final) + SIGNATURE)
    if isinstance(found, ReadFault):
        return found not in {ReadFault.MISSING, ReadFault.UNREADABLE}
    stated = final.model_dump(mode="json")
    return origin_of(found, stated, _trusted(governor)).kind is OriginKind.FORGED


def _trusted(governor: Governor) -> Sequence[TrustedKey]:
    """Return the key that governance signs with, if it has one."""
    if governor.key is None:
        return []
    public = governor.key.public_key()
    return [TrustedKey(fingerprint=fingerprint(public), key=public)]


async def evidence_state(
    governor: Governor, at: CycleAt, observed: Observed, serving: Sequence[RunSubject]
) -> EvidenceState:
    """Return what became of the log, of manifests that count, and of everything that they cite.

    Those are the current one and the final ones of what serves. A log that is out of reach says
    nothing about evidence: that is what lag and age are for.
    """
    if observed.intact is False:
        return "corrupt"
    places = [CURRENT]
    for run in serving:
        state = await governor.governance.state(rollout_of(run.run_id, run.attempt))
        final = final_manifest_of(state)
        places += [] if final is None else [run_manifest(final)]
    found = {_state_of(governor, at, place) for place in places}
    return "corrupt" if "corrupt" in found else "unknown" if "unknown" in found else "intact"


def _state_of(governor: Governor, at: CycleAt, place: str) -> EvidenceState:
    """Return what became of a manifest and of everything that it cites."""
    body = read_found(governor.store, place)
    if body is ReadFault.MISSING:
        return "intact"
    if isinstance(body, ReadFault):
        return "unknown" if body is ReadFault.UNREADABLE else "corrupt"
    verdict = check_manifest(
        body,
        governor.store,
        envelope=find_envelope(body, governor.store, governor.store, place),
        trusted=_trusted(governor),
        now_ns=at.now_ns,
    )
    broken = {Breach.INTEGRITY, Breach.CONTRACT}
    failed = any(not check.passed and check.breach in broken for check in verdict.checks)
    forged = verdict.origin.kind is OriginKind.FORGED
    return "corrupt" if failed or forged else "intact"
