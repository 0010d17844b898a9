"""Putting on record who serves: a promotion with all that it takes, or its taking back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from torghut.eventlog.envelopes import Causes
from torghut.governance.approvals.approval import APPROVAL, UseApproval
from torghut.governance.approvals.errors import NotionalCapExceededError, NotRequestedError
from torghut.governance.ledger.errors import ApprovalMissingError, CandidateUnknownError
from torghut.governance.ledger.ledger import (
    LEDGER,
    LedgerCommand,
    Promote,
    RegisterCandidate,
    RevertToPrevious,
    is_program_ledger,
    ledger_stream,
    promotion_id,
    read_ledger_event,
)
from torghut.governance.ledger.state import LedgerState, Term
from torghut.governance.rollouts.target import decide_target
from torghut.schemas.control import PackageChanged
from torghut.schemas.governing.approvals import ApprovalUsed
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.phases import Target
from torghut.workflows.approving.current import check_current
from torghut.workflows.approving.errors import LiveUnfoundedError, StopHoldsError
from torghut.workflows.approving.grounds import LiveGrounds
from torghut.workflows.approving.makers import check_maker_known
from torghut.workflows.approving.manifests import (
    CheckedManifest,
    check_champion,
    check_patch,
    replaced_by,
)
from torghut.workflows.approving.office import Office, approval_stream, read_approval_event
from torghut.workflows.approving.proving import (
    check_proven_term,
    promotion_on_record,
    stop_at,
    unproven_terms,
)
from torghut.workflows.streams import Streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Who serves now.

    Attributes:
        control: What a running loop is to be sent; None where no package changes.
        again: Whether it was on record before.
    """

    router: str
    ledger: LedgerState
    control: PackageChanged | None
    again: bool


async def register_candidate(
    streams: Streams, router: str, candidate: LedgerCandidate, *, run_id: str, at_ns: int
) -> int:
    """Put on record that a run evaluates a candidate, and return the router's trials so far.

    For whoever runs the lane, before anything is judged: what is corrected for having looked so
    often counts this look too. The same run again is no further trial.

    Raises:
        CandidateConflictError: The candidate's id stands for something else.
    """
    stream = ledger_stream(router)
    causes = Causes(correlation_id=run_id, causation_id=run_id)
    command = RegisterCandidate(candidate=candidate, run_id=run_id, at_ns=at_ns)
    await streams.run(LEDGER, read_ledger_event, stream, command, causes=causes)
    return (await streams.state(LEDGER, read_ledger_event, stream)).trials


async def promote(
    office: Office,
    manifest: CheckedManifest,
    *,
    approval: str | None,
    grounds: LiveGrounds,
    notional_cap: Decimal | None = None,
    replaces: str | None = None,
) -> Changed:
    """Promote a manifest's candidate to the manifest's target, and return who serves.

    To live, the approval is used up first, and by this promotion alone: killed in between, the same
    again goes on where it was, within the time that is declared for it. A stop that closes while
    this is at work takes the promotion back, before anybody is told of it.

    Args:
        office: Where it is put on record.
        manifest: Of the run that speaks for it, verified just now.
        approval: Its id; for live, and for nothing else.
        grounds: What else must speak for live; asked for nothing else.
        notional_cap: Up to which it is to trade; by default what was approved.
        replaces: Package that serves while the ledger has no champion, where no patch says so.

    Raises:
        LedgerError: The candidate cannot be promoted.
        ApprovalError: The approval does not serve.
        RunRefusedError: The run does not earn it any more.
        PromotionUnprovenError: Nothing proves what it would replace, or that it was made before.
    """
    router, known = await office.registered(manifest.document.candidate_id)
    digest = known.candidate.digest
    check_patch(manifest, known.candidate)
    facts = manifest.facts(digest)
    ledger = await office.ledger(router)
    name = promotion_id(router, digest, facts.target, facts.content_hash)
    at_ns = await office.now()
    if ledger.champion is not None:
        await check_proven_term(office, router, ledger.champion)
        if ledger.champion.promotion_id == name:
            await _check_asked_again(office, router, name, approval, notional_cap)
            await _take_back_if_stopped(office, router, name)
            return await _changed(office, router, name, again=True)

    def command(used: ApprovalUsed | None) -> Promote:
        return Promote(
            promotion_id=name,
            digest=digest,
            target=facts.target,
            expected_version=ledger.version,
            manifest=facts,
            replaces=replaced_by(manifest) or replaces,
            approval=None if used is None or approval is None else (approval, used),
            at_ns=at_ns,
        )

    if approval is not None:
        await check_maker_known(office.events, digest, office.keyring)
    use = (
        None
        if approval is None
        else UseApproval(
            promotion_id=name,
            manifest=facts,
            notional_cap=notional_cap or await _approved_cap(office, approval),
            at_ns=at_ns,
            policy=office.policy,
        )
    )
    used = None if use is None or approval is None else await _use(office, approval, use, dry=True)
    LEDGER.decide(command(used), ledger)  # refused here, the approval is not used up
    check_champion(manifest, digest, ledger)
    await check_current(office, manifest, target=facts.target)
    await _check_grounds(office, manifest, grounds, target=facts.target)
    if use is not None and approval is not None:
        used = await _use(office, approval, use, dry=False)
    again = await _change(office, router, command(used), whole=manifest.document.run_id)
    await _take_back_if_stopped(office, router, name)
    return await _changed(office, router, name, again=again)


async def _changed(office: Office, router: str, name: str, *, again: bool) -> Changed:
    """Return who serves after a promotion, and what a running loop is to be sent."""
    after = await office.ledger(router)
    control = _to_send(name, router, after.champion, changed_from=_replaced(after))
    return Changed(router=router, ledger=after, control=control, again=again)


async def _check_asked_again(
    office: Office, router: str, name: str, approval: str | None, notional_cap: Decimal | None
) -> None:
    """Check that a promotion on record is asked for again as it was made.

    Raises:
        ApprovalMissingError: By another approval.
        NotionalCapExceededError: For more than was approved.
    """
    found = await promotion_on_record(office, router, name)
    cited = None if found is None else found[0].approval
    if approval != cited:
        raise ApprovalMissingError(expected=cited or "no approval", found=approval or "no approval")
    cap = None if approval is None else await _approved_cap(office, approval)
    if cap is not None and notional_cap is not None and notional_cap > cap:
        raise NotionalCapExceededError(expected=f"at most {cap:f}", found=f"{notional_cap:f}")


async def _take_back_if_stopped(office: Office, router: str, name: str) -> None:
    """Take a promotion back before which the stop latch closed in the log, unseen until now.

    Nothing was told to a loop by then, and whoever asks for the same again after a crash comes by
    here too.

    Raises:
        StopHoldsError: It closed.
    """
    found = await promotion_on_record(office, router, name)
    incident = None if found is None else await stop_at(office, found[1])
    if incident is None:
        return
    champion = (await office.ledger(router)).champion
    if champion is not None and champion.promotion_id == name:
        await revert(office, router, cause=incident, reason="promoted after the stop latch closed")
    raise StopHoldsError(
        expected="a stop latch that was open when the candidate was promoted",
        found=f"{incident}: the promotion is taken back; release the latch, and ask for another",
    )


async def _check_grounds(
    office: Office, manifest: CheckedManifest, grounds: LiveGrounds, *, target: Target
) -> None:
    """Check that everything speaks for the target that did when the run was admitted."""
    if target == "paper":
        return
    candidate = manifest.document.candidate_id
    _, missing = decide_target(target, await grounds.facts(candidate, now_ns=await office.now()))
    if missing:
        raise LiveUnfoundedError(expected="everything that live takes", found=", ".join(missing))


async def _approved_cap(office: Office, approval: str) -> Decimal:
    """Return the cap that was asked for."""
    requested = (await office.approval(approval)).requested
    if requested is None:
        raise NotRequestedError(expected=f"approval {approval}", found="none that holds")
    return requested.promotion.notional_cap


async def _use(office: Office, approval: str, use: UseApproval, *, dry: bool) -> ApprovalUsed:
    """Return the event by which a promotion uses an approval up; ``dry`` only looks.

    It is decided on what is verified now, not on what merely stands in the log.

    Raises:
        ConcurrencyConflictError: Somebody answered the approval meanwhile.
    """
    stream = approval_stream(approval)
    history = [read_approval_event(one) for one in await office.events.read_events(stream)]
    state = await office.holding(history, approval)
    events = APPROVAL.decide(use, state)
    if events and not dry:
        await office.events.append_events(
            stream,
            events,
            expected_version=len(history),
            causes=office.causes(use.promotion_id),
        )
    used = next((event for event in events if isinstance(event, ApprovalUsed)), state.used)
    if used is None:
        raise ApprovalMissingError(expected=f"approval {approval} used", found="something else")
    return used


async def revert(office: Office, router: str, *, cause: str, reason: str) -> Changed:
    """Let serve again what served before, and return who serves.

    Who served live by a promotion that nothing proves is passed over.

    Raises:
        LedgerError: Nothing can be taken back.
    """
    ledger = await office.ledger(router)
    if not ledger.candidates:
        raise CandidateUnknownError(expected=f"a ledger of {router}", found="none")
    command = RevertToPrevious(
        expected_version=ledger.version,
        cause=cause,
        reason=reason,
        at_ns=office.now_ns,
        unproven=await unproven_terms(office, router, ledger),
    )
    again = await _change(office, router, command, whole=cause)
    after = await office.ledger(router)
    stands = after.reverts.get(cause) == after.serving  # nobody promoted anything since
    control = _to_send(f"revert-{cause}", router, after.champion, changed_from=ledger.serving)
    if again and stands and not is_program_ledger(router):
        control = PackageChanged(control_id=f"revert-{cause}", router=router, package=after.serving)
    return Changed(router=router, ledger=after, control=control, again=again)


async def _change(office: Office, router: str, command: LedgerCommand, *, whole: str) -> bool:
    """Put ``command`` on record, and return whether it was there before."""
    events = await office.streams.run(
        LEDGER, read_ledger_event, ledger_stream(router), command, causes=office.causes(whole)
    )
    return not events


def _to_send(
    control_id: str, router: str, champion: Term | None, *, changed_from: str | None
) -> PackageChanged | None:
    """Return what a running loop is to be sent; None where its package stays.

    A loop knows nothing of programs: who asks beside it follows their ledger.
    """
    package = None if champion is None else champion.package
    if package == changed_from or is_program_ledger(router):
        return None
    return PackageChanged(control_id=control_id, router=router, package=package)


def _replaced(ledger: LedgerState) -> str | None:
    """Return the package that served until the champion was promoted."""
    return None if ledger.champion is None else ledger.champion.replaced
