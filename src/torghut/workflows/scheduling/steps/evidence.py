"""Whether what governance rests on is still as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.governance.rollouts.manifest import final_manifest_of
from torghut.governance.verification.checks import Breach
from torghut.workflows.aggregates import STOP_LATCH, rollout_of
from torghut.workflows.rollout.checking import (
    check_manifest,
    find_envelope,
    is_altered,
    read_found,
)
from torghut.workflows.rollout.places import CURRENT, run_manifest
from torghut.workflows.rollout.publishing import own_manifests
from torghut.workflows.scheduling.governor import Governor, Turn
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.demanding import owed_incident
from torghut.workflows.scheduling.steps.safety import owed_evidence
from torghut.workflows.scheduling.steps.subjects import RunSubject

EvidenceState = Literal["intact", "corrupt", "unknown"]


async def altered_own(governor: Governor, runs: Sequence[RunSubject]) -> bool:
    """Return whether what governance itself has written once is not as it was written.

    That is the evidence of the stop in force, and the manifests and the incidents of ``runs``.
    """
    owed = owed_evidence(await governor.governance.state(STOP_LATCH))
    files = [] if owed is None else [owed]
    for run in runs:
        state = await governor.governance.state(rollout_of(run.run_id, run.attempt))
        files += own_manifests(state).items()
        triggered = (await governor.governance.state(run.rollback)).triggered
        if triggered is not None:
            files.append(owed_incident(triggered, run))
    return any(is_altered(governor.store, path, body) for path, body in files)


async def evidence_state(
    governor: Governor, turn: Turn, observed: Observed, serving: Sequence[RunSubject]
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
    found = {_state_of(governor, turn, place) for place in places}
    return "corrupt" if "corrupt" in found else "unknown" if "unknown" in found else "intact"


def _state_of(governor: Governor, turn: Turn, place: str) -> EvidenceState:
    """Return what became of a manifest and of everything that it cites."""
    body = read_found(governor.store, place)
    if body is ReadFault.MISSING:
        return "intact"
    if isinstance(body, ReadFault):
        return "unknown" if body is ReadFault.UNREADABLE else "corrupt"
    trusted = []
    if governor.key is not None:
        public = governor.key.public_key()
        trusted = [TrustedKey(fingerprint=fingerprint(public), key=public)]
    verdict = check_manifest(
        body,
        governor.store,
        envelope=find_envelope(body, governor.store, governor.store, place),
        trusted=trusted,
        now_ns=turn.now_ns,
    )
    broken = {Breach.INTEGRITY, Breach.CONTRACT}
    failed = any(not check.passed and check.breach in broken for check in verdict.checks)
    return "corrupt" if failed else "intact"
