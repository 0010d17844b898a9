"""Whether what governance rests on is still as it was written."""

from __future__ import annotations

from typing import Literal

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.governance.verification.checks import Breach
from torghut.workflows.rollout.checking import check_manifest, find_envelope, read_found
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.scheduling.governor import Governor, Turn
from torghut.workflows.scheduling.ports import Observed


def evidence_state(
    governor: Governor, turn: Turn, observed: Observed
) -> Literal["intact", "corrupt", "unknown"]:
    """Return what became of the log, of the current manifest and of everything that it cites.

    A log that is out of reach says nothing about evidence: that is what lag and age are for.
    """
    if observed.intact is False:
        return "corrupt"
    body = read_found(governor.store, CURRENT)
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
        envelope=find_envelope(body, governor.store, governor.store, CURRENT),
        trusted=trusted,
        now_ns=turn.now_ns,
    )
    broken = {Breach.INTEGRITY, Breach.CONTRACT}
    failed = any(not check.passed and check.breach in broken for check in verdict.checks)
    return "corrupt" if failed else "intact"
