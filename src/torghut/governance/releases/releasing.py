"""Signed releases: the latch is opened by declared keys alone, over exactly what they answer for.

What is signed names the latch, the incident, all its triggers, the reason and the time, so a
signature fits nothing else. It is kept right after the event that it stands under, and whoever acts
on a release verifies it again: one that somebody only wrote into the log opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.signatures import sign_payload
from torghut.eventlog.decider import Decider
from torghut.governance.approvals.errors import KeyUndeclaredError, SignatureInvalidError
from torghut.governance.approvals.keyring import Holder, Keyring
from torghut.governance.approvals.statements import read_statement, statement_bytes
from torghut.governance.releases.errors import (
    ReleaseLatchError,
    ReleaseLateError,
    ReleaseRoleError,
    ReleaseUnprovenError,
)
from torghut.governance.safety.latch import LATCH, EvaluateSafety, ReleaseLoop
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import SafetyPolicy, StopPolicy
from torghut.schemas.governing.fields import Person
from torghut.schemas.governing.latch import (
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    LoopStopped,
    ReleaseRequested,
    ReleaseSigned,
    ReleaseStatement,
    SafetyEvaluated,
)

PAYLOAD_TYPE: Final = "application/vnd.torghut.release-statement+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRelease:
    """A release that somebody signed, handed in.

    Attributes:
        latch: That it is handed in to.
        envelope: As it was handed in.
        at_ns: Wall time.
    """

    latch: str
    envelope: bytes
    keyring: Keyring
    at_ns: int
    policy: SafetyPolicy


SignedCommand: TypeAlias = EvaluateSafety | SignedRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLatch:
    """What the events of a latch come to, with the signatures under its releases.

    Attributes:
        latch: What all that was written comes to, signed or not.
        signed: The signatures since the incident began that is open, or that was the last.
        persons_needed: By the last release: two where its incident had been seen in live mode.
        recovered: The last recovery.
        clean: The longest row of clean evaluations that ends with it or comes after.
    """

    latch: LatchState = LATCH.initial
    signed: tuple[ReleaseSigned, ...] = ()
    persons_needed: int = 1
    recovered: LoopRecovered | None = None
    clean: int = 0


def sign_release(statement: ReleaseStatement, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope of ``statement``; the same again gives the same bytes."""
    return sign_payload(statement_bytes(statement), PAYLOAD_TYPE, key)


def read_release(envelope: bytes, keyring: Keyring) -> tuple[ReleaseStatement, Holder]:
    """Return what was signed, and who signed it.

    Raises:
        SignatureInvalidError: It is no statement, or not signed by the key that it names.
        KeyUndeclaredError: Nobody is known by that key.
        ReleaseRoleError: The key is a machine's.
    """
    statement, holder = read_statement(
        envelope, keyring, payload_type=PAYLOAD_TYPE, model=ReleaseStatement
    )
    if not holder.roles:
        raise ReleaseRoleError(found=holder.role)
    return statement, holder


def check_proven(state: SignedLatch, latch: str, keyring: Keyring, policy: StopPolicy) -> None:
    """Check that what opened the latch is what people signed, or what evaluations show.

    Each of their keys must be declared now, and each signature made within the declared time of the
    release. What recovers takes as many clean evaluations as are declared. A latch that never
    opened has nothing to prove.

    Raises:
        ReleaseUnprovenError: Somebody wrote it who is not known.
    """
    over, released, recovered = state.latch.over, state.latch.released, state.recovered
    if over is None:
        return
    if released is not None and released.incident_id == over:
        _check_signed(state, released, latch, keyring, policy)
    elif recovered is None or state.clean < policy.recovery_evaluations:
        raise ReleaseUnprovenError(
            expected=f"{policy.recovery_evaluations} clean evaluations in a row that open {over}",
            found=f"{state.clean}",
        )


def _check_signed(
    state: SignedLatch, released: LoopReleased, latch: str, keyring: Keyring, policy: StopPolicy
) -> None:
    """Check that as many people as it takes signed a release, about the time that it was made."""
    keys = {person.key for person in released.persons}
    if len(keys) < state.persons_needed:
        raise ReleaseUnprovenError(
            expected=f"a release by {state.persons_needed} keys", found=f"{len(keys)}"
        )
    for person in released.persons:
        if not any(
            _speaks(one, person, released, latch, keyring)
            and _is_timely(one, released.at_ns, keyring, policy)
            for one in state.signed
        ):
            raise ReleaseUnprovenError(
                expected=f"a release of {released.incident_id} that {person.key} signed",
                found=f"no signature over it within {policy.release_confirm_ms} ms that holds "
                "by the keys declared now",
            )


def _speaks(
    signed: ReleaseSigned, person: Person, released: LoopReleased, latch: str, keyring: Keyring
) -> bool:
    """Say whether a signature is ``person``'s, under exactly this release."""
    try:
        statement, holder = read_release(signed.envelope.encode(), keyring)
    except (SignatureInvalidError, KeyUndeclaredError, ReleaseRoleError):
        return False
    last = person == released.persons[-1]
    return (
        holder.person == person
        and statement.latch == latch
        and statement.incident_id == released.incident_id
        and statement.triggers == released.triggers
        and (statement.reason.strip() == released.reason or not last)
    )


def _is_timely(signed: ReleaseSigned, at_ns: int, keyring: Keyring, policy: StopPolicy) -> bool:
    """Say whether a signature was made within the declared time of ``at_ns``."""
    try:
        statement, _ = read_release(signed.envelope.encode(), keyring)
    except (SignatureInvalidError, KeyUndeclaredError, ReleaseRoleError):
        return False
    return abs(at_ns - statement.signed_at_ns) <= policy.release_confirm_ms * NS_PER_MS


def _decide(command: SignedCommand, state: SignedLatch) -> Sequence[LatchEvent]:
    if isinstance(command, EvaluateSafety):
        return LATCH.decide(command, state.latch)
    statement, holder = read_release(command.envelope, command.keyring)
    at_ns = max(command.at_ns, state.latch.time_ns)
    _check_handed_in(statement, command, at_ns)
    release = ReleaseLoop(
        incident_id=statement.incident_id,
        triggers=frozenset(statement.triggers),
        person=holder.person,
        reason=statement.reason,
        at_ns=at_ns,
        policy=command.policy,
    )
    latch = state.latch if _is_asked(state, command, at_ns) else replace(state.latch, request=None)
    return list(_with_signature(LATCH.decide(release, latch), command, holder))


def _is_asked(state: SignedLatch, command: SignedRelease, at_ns: int) -> bool:
    """Say whether the first half of a release is one that may still be confirmed."""
    request, policy = state.latch.request, command.policy.stop
    return request is not None and any(
        one.person == request.person and _is_timely(one, at_ns, command.keyring, policy)
        for one in state.signed
    )


def _check_handed_in(statement: ReleaseStatement, command: SignedRelease, at_ns: int) -> None:
    """Check that what was signed is for here and now.

    Raises:
        ReleaseLatchError: It is for another latch.
        ReleaseLateError: It was signed at another time.
    """
    if statement.latch != command.latch:
        raise ReleaseLatchError(expected=command.latch, found=statement.latch)
    apart_ms = (at_ns - statement.signed_at_ns) // NS_PER_MS
    allowed_ms = command.policy.stop.release_confirm_ms
    if abs(apart_ms) > allowed_ms:
        raise ReleaseLateError(allowed_ms=allowed_ms, found_ms=apart_ms)


def _with_signature(
    events: Sequence[LatchEvent], command: SignedRelease, holder: Holder
) -> Iterator[LatchEvent]:
    """Yield ``events`` with the signature after them; nothing where there are none."""
    for event in events:
        yield event
        if isinstance(event, ReleaseRequested | LoopReleased):
            yield ReleaseSigned(
                incident_id=event.incident_id,
                person=holder.person,
                envelope=command.envelope.decode("ascii"),
                at_ns=event.at_ns,
            )


def _evolve(state: SignedLatch, event: LatchEvent) -> SignedLatch:
    incident = state.latch.incident
    after = replace(state, latch=LATCH.evolve(state.latch, event))
    opens = incident is not None and after.latch.incident is None
    match event:
        case LoopStopped() if incident is None:
            return replace(after, signed=())
        case SafetyEvaluated():
            return replace(after, clean=max(state.clean, after.latch.streaks.clean))
        case LoopRecovered() if opens:
            return replace(after, recovered=event, clean=state.latch.streaks.clean)
        case ReleaseSigned():
            return replace(after, signed=(*state.signed, event))
        case LoopReleased() if opens:
            live = incident is not None and incident.live
            return replace(after, persons_needed=2 if live else 1)
        case _:
            return after


SIGNED_LATCH: Final[Decider[SignedCommand, LatchEvent, SignedLatch]] = Decider(
    initial=SignedLatch(), decide=_decide, evolve=_evolve
)
"""``LATCH``, opened through signatures alone."""
