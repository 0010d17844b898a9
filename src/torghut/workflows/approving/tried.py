"""The runs that tried a candidate: the newest one, and whether a manifest is of one."""

from __future__ import annotations

from collections.abc import Sequence

from torghut.governance.ledger.errors import CandidateConflictError, CandidateUnknownError
from torghut.governance.ledger.ledger import ledger_stream, read_ledger_event
from torghut.schemas.governing.ledger import CandidateRegistered
from torghut.workflows.approving.manifests import CheckedManifest
from torghut.workflows.approving.office import Office


async def runs_of(office: Office, ledger: str, digest: str) -> Sequence[str]:
    """Return the runs that tried a candidate, newest first."""
    history = await office.events.read_events(ledger_stream(ledger))
    events = map(read_ledger_event, reversed(history))
    found = [
        one.run_id
        for one in events
        if isinstance(one, CandidateRegistered) and one.candidate.digest == digest
    ]
    return list(dict.fromkeys(found))


async def newest_run(office: Office, ledger: str, digest: str) -> str:
    """Return the run that tried a candidate last.

    Raises:
        CandidateUnknownError: None did: only what was evaluated can be promoted.
    """
    found = await runs_of(office, ledger, digest)
    if not found:
        raise CandidateUnknownError(
            expected=f"a run of the lane that tried {digest} for {ledger}", found="none"
        )
    return found[0]


async def check_tried(office: Office, manifest: CheckedManifest, ledger: str, digest: str) -> None:
    """Check that a manifest is of a candidate, and of the ledger that it contends in.

    Raises:
        CandidateUnknownError: No ledger has what it is of.
        CandidateConflictError: It is of another candidate.
    """
    found, known = await office.registered(manifest.document.candidate_id)
    if (found, known.candidate.digest) != (ledger, digest):
        raise CandidateConflictError(
            expected=f"a manifest of {digest} for {ledger}",
            found=f"one of {known.candidate.digest} for {found}",
        )
