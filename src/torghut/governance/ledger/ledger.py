"""A promotion ledger, of a router or a program: candidates are tried, one serves, is taken back.

Who serves changes by compare-and-swap: whoever changes it says which change they saw last. What was
promoted under the same promotion id, or reverted for the same cause, is not promoted or reverted
again. A promotion to live cites the event by which its approval was used up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.governance.ledger.errors import (
    AliasStaleError,
    ApprovalMissingError,
    CandidateConflictError,
    CandidateUnknownError,
    ChampionError,
    DeclarationsUnsupportedError,
    ManifestUnfitError,
    NotChampionError,
    PromotionSpentError,
    QuarantinedError,
)
from torghut.governance.ledger.state import Known, LedgerState, evolve
from torghut.governance.safety.reasons import reason_text
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.approvals import ApprovalUsed, ManifestFacts
from torghut.schemas.governing.ledger import (
    LEDGER_EVENT,
    CandidateDemoted,
    CandidatePromoted,
    CandidateRegistered,
    ChampionRetained,
    LedgerCandidate,
    LedgerEvent,
    PromotionReverted,
)
from torghut.schemas.rollout.phases import Target
from torghut.schemas.upcasting import STEPS

ROLLBACKS_MAX: Final = 2
"""Taken back so often, a candidate is quarantined: what fails twice is no accident."""

_PREFIX: Final = "ledger-"
_PROGRAM: Final = "program:"
"""Begins the name of a program's ledger; no router is called so, for theirs have no colon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCandidate:
    """Put on record that a run evaluated a candidate: one more trial, whatever came of it."""

    candidate: LedgerCandidate
    run_id: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """Let a candidate serve.

    Attributes:
        expected_version: How often who serves had changed when this was decided.
        manifest: Verified just now.
        replaces: Package that serves while the ledger has no champion; None: none does.
        approval: Of the approval that is used up by this promotion; None for paper.
    """

    promotion_id: str
    digest: str
    target: Target
    expected_version: int
    manifest: ManifestFacts
    replaces: str | None
    approval: tuple[str, ApprovalUsed] | None
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demote:
    """Let a candidate that does not serve contend no longer."""

    digest: str
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertToPrevious:
    """Let serve again what served before.

    Attributes:
        cause: Of the revert; an incident, or a person's command.
        unproven: Promotions that may not be gone back to.
    """

    expected_version: int
    cause: str
    reason: str
    at_ns: int
    unproven: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retain:
    """Change nothing: a candidate did not earn its place."""

    digest: str
    run_id: str
    reason: str
    at_ns: int


LedgerCommand: TypeAlias = RegisterCandidate | Promote | Demote | RevertToPrevious | Retain


def ledger_stream(router: str) -> str:
    """Return the stream of a router's ledger.

    Example:
        >>> ledger_stream("index-daily")
        'ledger-index-daily'
    """
    return _PREFIX + router


def router_of(stream: str) -> str:
    """Return the router whose ledger ``stream`` is.

    Example:
        >>> router_of("ledger-index-daily")
        'index-daily'
    """
    return stream.removeprefix(_PREFIX)


def program_ledger(name: str) -> str:
    """Return the name of the ledger of the programs that are called ``name``.

    Example:
        >>> program_ledger("committee"), is_program_ledger("program:committee")
        ('program:committee', True)
    """
    return _PROGRAM + name


def is_program_ledger(ledger: str) -> bool:
    """Say whether a ledger is of programs, which advise, and not of a router's packages."""
    return ledger.startswith(_PROGRAM)


def read_ledger_event(envelope: Envelope) -> LedgerEvent:
    """Return the event of a ledger in ``envelope``."""
    return read_event(envelope, LEDGER_EVENT, STEPS)


def promotion_id(router: str, digest: str, target: Target, content_hash: str) -> str:
    """Return what names one promotion, however often it is asked for: it comes from its content."""
    named = {"candidate": digest, "manifest": content_hash, "router": router, "target": target}
    return f"promotion-{sha256_hex(canonical_bytes(named))[:32]}"


def _decide(command: LedgerCommand, state: LedgerState) -> Sequence[LedgerEvent]:
    match command:
        case RegisterCandidate():
            return _register(command, state)
        case Promote():
            return _promote(command, state)
        case Demote():
            return _demote(command, state)
        case RevertToPrevious():
            return _revert(command, state)
        case Retain():
            return _retain(command, state)
        case _:
            assert_never(command)


def _register(command: RegisterCandidate, state: LedgerState) -> Sequence[LedgerEvent]:
    """Return the registration; the same run again is no further trial, but what lost contends."""
    candidate = command.candidate
    named = state.ids.get(candidate.candidate_id)
    if named is not None and named != candidate.digest:
        raise CandidateConflictError(
            expected=f"{candidate.candidate_id} to be {named}", found=candidate.digest
        )
    known = state.candidates.get(candidate.digest)
    again = command.run_id in state.runs
    if again and (known is None or known.role != "retained"):
        return []
    return [
        CandidateRegistered(
            candidate=candidate,
            run_id=command.run_id,
            trial=state.trials + (not again),
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _promote(command: Promote, state: LedgerState) -> Sequence[LedgerEvent]:
    """Return the promotion, if the candidate earned it and nobody changed who serves meanwhile."""
    champion = state.champion
    if champion is not None and champion.promotion_id == command.promotion_id:
        return []
    known = _known(command.digest, state)
    if known.candidate.package is None:
        raise DeclarationsUnsupportedError(
            expected="a candidate that is a package, which can be taken back",
            found="declarations: put them in force by hand, until a term in office carries them",
        )
    if command.promotion_id in state.promotions:
        raise PromotionSpentError(expected="a promotion of its own", found=command.promotion_id)
    if known.role == "quarantined":
        raise QuarantinedError(
            expected=f"one taken back less than {ROLLBACKS_MAX} times", found=str(known.rollbacks)
        )
    _check_manifest(command)
    _check_approval(command)
    _check_version(command.expected_version, state)
    return [
        CandidatePromoted(
            promotion_id=command.promotion_id,
            digest=command.digest,
            target=command.target,
            manifest=command.manifest.content_hash,
            approval=None if command.approval is None else command.approval[0],
            replaces=command.replaces if champion is None else champion.package,
            version=state.version + 1,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _check_manifest(command: Promote) -> None:
    """Check that the manifest is a final, signed pass of the candidate for the target."""
    facts = command.manifest
    wanted = ManifestFacts(
        content_hash=facts.content_hash,
        candidate=command.digest,
        target=command.target,
        status="pass",
        finalised=True,
        signed=True,
    )
    if facts != wanted:
        raise ManifestUnfitError(expected=str(wanted), found=str(facts))


def _check_approval(command: Promote) -> None:
    """Check that live has an approval which this promotion used up, and paper has none."""
    if command.target == "paper":
        if command.approval is not None:
            raise ApprovalMissingError(expected="no approval for paper", found="one")
        return
    if command.approval is None:
        raise ApprovalMissingError(expected="an approval for live", found="none")
    _, used = command.approval
    expected = (command.promotion_id, command.digest, command.manifest.content_hash)
    found = (used.promotion_id, used.promotion.candidate, used.live_manifest)
    if expected != found:
        raise ApprovalMissingError(
            expected=f"one used up by {', '.join(expected)}", found=", ".join(found)
        )


def _demote(command: Demote, state: LedgerState) -> Sequence[LedgerEvent]:
    """Return the demotion; what is demoted or quarantined stays so."""
    known = _contending(command.digest, state)
    if known.role in ("demoted", "quarantined"):
        return []
    at_ns = max(command.at_ns, state.time_ns)
    return [
        CandidateDemoted(digest=command.digest, reason=reason_text(command.reason), at_ns=at_ns)
    ]


def _revert(command: RevertToPrevious, state: LedgerState) -> Sequence[LedgerEvent]:
    """Return the revert to exactly what served before; for the same cause there is one."""
    if command.cause in state.reverts:
        return []
    champion = state.champion
    if champion is None or champion.digest is None:
        raise NotChampionError(expected="a champion to take back", found="none")
    _check_version(command.expected_version, state)
    rollbacks = _known(champion.digest, state).rollbacks + 1
    restored = state.previous(command.unproven)
    return [
        PromotionReverted(
            cause=command.cause,
            digest=champion.digest,
            rollbacks=rollbacks,
            quarantined=rollbacks >= ROLLBACKS_MAX,
            restored=restored.digest,
            package=restored.package,
            reason=reason_text(command.reason),
            version=state.version + 1,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _retain(command: Retain, state: LedgerState) -> Sequence[LedgerEvent]:
    """Return that nothing changed; a candidate that does not contend has lost already."""
    if _contending(command.digest, state).role != "challenger":
        return []
    return [
        ChampionRetained(
            digest=command.digest,
            run_id=command.run_id,
            reason=reason_text(command.reason),
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _contending(digest: str, state: LedgerState) -> Known:
    """Return a candidate that does not serve."""
    known = _known(digest, state)
    if known.role == "champion":
        raise ChampionError(expected="a candidate that does not serve", found=digest)
    return known


def _known(digest: str, state: LedgerState) -> Known:
    """Return a candidate."""
    known = state.candidates.get(digest)
    if known is None:
        raise CandidateUnknownError(expected="a candidate of the ledger", found=digest)
    return known


def _check_version(expected: int, state: LedgerState) -> None:
    """Check that nobody changed who serves since somebody looked."""
    if expected != state.version:
        raise AliasStaleError(expected=f"change {expected} last", found=f"change {state.version}")


LEDGER: Final[Decider[LedgerCommand, LedgerEvent, LedgerState]] = Decider(
    initial=LedgerState(), decide=_decide, evolve=evolve
)
