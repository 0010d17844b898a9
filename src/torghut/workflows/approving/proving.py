"""What stands behind a promotion on record: an approval that verifies, and an open stop latch.

A ledger's events can be written by every process of the installation, like all others. So what is
said to serve live counts where it is relied on only with the approval that it used up, verified
again; and a stop that stands before the promotion in the log undoes it, whenever it was seen.
"""

from __future__ import annotations

from torghut.governance.approvals.errors import ApprovalError
from torghut.governance.approvals.state import check_used
from torghut.governance.ledger.errors import PromotionUnprovenError
from torghut.governance.ledger.ledger import ledger_stream, read_ledger_event
from torghut.governance.ledger.state import LedgerState, Term
from torghut.governance.safety.latch import LATCH
from torghut.schemas.governing.ledger import CandidatePromoted
from torghut.workflows.aggregates import STOP_LATCH
from torghut.workflows.approving.office import Office


async def promotion_on_record(
    office: Office, router: str, promotion: str
) -> tuple[CandidatePromoted, int] | None:
    """Return a promotion and its place in the log; None where there is none of that name."""
    for envelope in await office.events.read_events(ledger_stream(router)):
        event = read_ledger_event(envelope)
        if isinstance(event, CandidatePromoted) and event.promotion_id == promotion:
            return event, envelope.position
    return None


async def check_proven_term(office: Office, router: str, term: Term) -> None:
    """Check that an approval stands behind who serves; on paper none needs to.

    Raises:
        PromotionUnprovenError: Somebody only wrote it into the log, or a key that granted it is
            declared no more.
    """
    if term.target != "live":
        return
    found = await promotion_on_record(office, router, term.promotion_id)
    fault = "no promotion" if found is None else await _fault(office, found[0])
    if fault:
        raise PromotionUnprovenError(
            expected=f"an approval behind {term.promotion_id}, by which {term.digest} serves live",
            found=f"{fault}; take it back with `torghut promotion revert {router}`",
        )


async def unproven_terms(office: Office, router: str, ledger: LedgerState) -> frozenset[str]:
    """Return the promotions of those who served before that nothing proves."""
    found = set[str]()
    for term in ledger.before:
        try:
            await check_proven_term(office, router, term)
        except PromotionUnprovenError:
            found.add(term.promotion_id)
    return frozenset(found)


async def _fault(office: Office, promoted: CandidatePromoted) -> str:
    """Return why no approval stands behind a promotion to live; empty where one does."""
    if promoted.approval is None:
        return "none named"
    try:
        used = check_used(await office.approval(promoted.approval), office.policy)
    except ApprovalError as error:
        return f"{error.code} of {promoted.approval}: {error}"
    expected = (promoted.promotion_id, promoted.digest, promoted.manifest)
    given = (used.promotion_id, used.promotion.candidate, used.live_manifest)
    return "" if given == expected else f"{promoted.approval}, used for {', '.join(given)}"


async def stop_at(office: Office, position: int) -> str | None:
    """Return the incident that kept the loop stopped at a place in the log; None where none did.

    Places in one log order the events of all its streams, whatever clocks said.
    """
    envelopes = await office.events.read_events(STOP_LATCH.stream)
    before = [STOP_LATCH.read(one) for one in envelopes if one.position < position]
    incident = LATCH.fold(before).incident
    return None if incident is None else incident.incident_id
