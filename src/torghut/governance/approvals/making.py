"""Who made a candidate, by their own word: a signature over its digest, kept on record.

Whoever made it cannot approve it, so nobody knows who may while nobody has said so. A name that was
only written into the log is no word of anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.signatures import sign_payload
from torghut.eventlog.decider import Decider
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.governance.approvals.errors import ApprovalError, RoleMissingError
from torghut.governance.approvals.keyring import Holder, Keyring
from torghut.governance.approvals.statements import read_statement, statement_bytes
from torghut.schemas.governing.lanes import MAKER_EVENT, MakerSigned, MakerStatement

STREAM: Final = "makers-main"
"""The stream of who made what."""

PAYLOAD_TYPE: Final = "application/vnd.torghut.maker-statement+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCandidate:
    """Say that one made a candidate; said again it changes nothing.

    Attributes:
        envelope: As it was handed in.
    """

    envelope: bytes
    keyring: Keyring
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MakersState:
    """Who said what.

    Attributes:
        said: Each candidate with the key of one who said that they made it.
    """

    said: frozenset[tuple[str, str]] = frozenset()
    time_ns: int = 0


def sign_candidate(candidate: str, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope by which the holder of ``key`` says that they made ``candidate``."""
    return sign_payload(statement_bytes(MakerStatement(candidate=candidate)), PAYLOAD_TYPE, key)


def read_maker_event(envelope: Envelope) -> MakerSigned:
    """Return the event in ``envelope``.

    Raises:
        EventUnreadableError: It is none of this stream.
    """
    return read_event(envelope, MAKER_EVENT, {})


def proven_makers(events: Sequence[MakerSigned], candidate: str, keyring: Keyring) -> Iterator[str]:
    """Yield the keys that signed for ``candidate``, of people who are declared now."""
    for event in events:
        if event.candidate != candidate:
            continue
        try:
            statement, holder = read_candidate(event.envelope.encode(), keyring)
        except ApprovalError:
            continue
        if (statement.candidate, holder.person) == (candidate, event.person):
            yield holder.person.key


def read_candidate(envelope: bytes, keyring: Keyring) -> tuple[MakerStatement, Holder]:
    """Return what somebody says that they made, and who says so.

    Raises:
        ApprovalError: Nobody who is declared says so, or a machine does.
    """
    statement, holder = read_statement(
        envelope, keyring, payload_type=PAYLOAD_TYPE, model=MakerStatement
    )
    if not holder.roles:
        raise RoleMissingError(expected="the key of a person", found=f"a {holder.role}'s")
    return statement, holder


def _decide(command: ClaimCandidate, state: MakersState) -> Sequence[MakerSigned]:
    statement, holder = read_candidate(command.envelope, command.keyring)
    candidate, person = statement.candidate, holder.person
    if (candidate, person.key) in state.said:
        return []
    return [
        MakerSigned(
            candidate=candidate,
            person=person,
            envelope=command.envelope.decode("ascii"),
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _evolve(state: MakersState, event: MakerSigned) -> MakersState:
    return MakersState(
        said=state.said | {(event.candidate, event.person.key)},
        time_ns=max(state.time_ns, event.at_ns),
    )


MAKERS: Final[Decider[ClaimCandidate, MakerSigned, MakersState]] = Decider(
    initial=MakersState(), decide=_decide, evolve=_evolve
)
