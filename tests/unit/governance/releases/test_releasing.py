"""The latch opens for declared keys alone, and only over exactly what they signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from tests.support.governance.governing import SECOND_NS, START_NS, Memory, readings, safety_policy
from tests.support.governance.promoting import fingerprint_of, key_of, keyring, someone
from torghut.artifacts.signatures import parse_envelope, sign_payload
from torghut.governance.approvals.errors import KeyUndeclaredError, SignatureInvalidError
from torghut.governance.releases.errors import (
    ReleaseLatchError,
    ReleaseLateError,
    ReleaseRoleError,
    ReleaseUnprovenError,
)
from torghut.governance.releases.releasing import (
    PAYLOAD_TYPE,
    SIGNED_LATCH,
    SignedCommand,
    SignedLatch,
    SignedRelease,
    check_proven,
    read_release,
    sign_release,
)
from torghut.governance.safety.errors import (
    IncidentMismatchError,
    NotStoppedError,
    SecondPersonNeededError,
    TriggersUnacknowledgedError,
)
from torghut.governance.safety.latch import LATCH, EvaluateSafety
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.latch import (
    LATCH_EVENT,
    LatchEvent,
    LoopRecovered,
    LoopReleased,
    ReleaseRequested,
    ReleaseSigned,
    ReleaseStatement,
    SafetyReadings,
)

Latch = Memory[SignedCommand, LatchEvent, SignedLatch]
FALLBACK: Final = readings(fallback_ratio=reading_of(0.25, samples=8))
LIVE: Final = readings(mode="live", drawdown_ratio=reading_of(0.09))


def stopped(*told: SafetyReadings) -> Latch:
    """Return a latch after ``told``, a minute apart."""
    memory: Latch = Memory(SIGNED_LATCH, LATCH_EVENT)
    for number, one in enumerate(told or [FALLBACK], start=1):
        memory.send(
            EvaluateSafety(
                latch="main",
                evaluation=number,
                at_ns=START_NS + number * 60 * SECOND_NS,
                readings=one,
                policy=safety_policy(),
            )
        )
    return memory


def statement(memory: Latch, **changes: object) -> ReleaseStatement:
    """Return what is to be signed of what is open, but for ``changes``."""
    incident = memory.state.latch.incident
    stated: dict[str, object] = {
        "latch": "main",
        "incident_id": "incident-" + "0" * 64 if incident is None else incident.incident_id,
        "triggers": ["drawdown"] if incident is None else sorted(incident.triggers),
        "reason": "looked at it",
        "signed_at_ns": memory.state.latch.time_ns,
    }
    return ReleaseStatement.model_validate({**stated, **changes})


def signed(memory: Latch, who: str = "ben", **changes: object) -> SignedRelease:
    """Return ``who``'s release of what is open, but for ``changes``."""
    return handed(memory, sign_release(statement(memory, **changes), key_of(who)))


def handed(memory: Latch, envelope: bytes, *, after_s: int = 0) -> SignedRelease:
    """Return an envelope that is handed in now, or later."""
    return SignedRelease(
        latch="main",
        envelope=envelope,
        keyring=keyring(),
        at_ns=memory.state.latch.time_ns + after_s * SECOND_NS,
        policy=safety_policy(),
    )


def test_release_is_on_record_with_the_signature_behind_it() -> None:
    memory = stopped()
    command = signed(memory)
    released, beside = memory.send(command)

    assert isinstance(released, LoopReleased)
    assert isinstance(beside, ReleaseSigned)
    assert released.persons == (someone("ben"),)
    assert (beside.person, beside.at_ns) == (someone("ben"), released.at_ns)
    assert beside.envelope.encode() == command.envelope
    assert memory.state.latch.incident is None
    check_proven(memory.state, "main", keyring(), safety_policy().stop)


def test_same_release_again_changes_nothing() -> None:
    memory = stopped()
    command = signed(memory)
    memory.send(command)

    assert memory.send(command) == []


def test_live_loop_is_let_go_by_two_keys_within_the_declared_time() -> None:
    memory = stopped(LIVE)

    assert [type(one) for one in memory.send(signed(memory))] == [ReleaseRequested, ReleaseSigned]
    assert memory.state.latch.incident is not None
    refused = memory.attempt(signed(memory, reason="I said so"))
    assert isinstance(refused, SecondPersonNeededError)
    released, _ = memory.send(signed(memory, "eve"))
    assert isinstance(released, LoopReleased)
    assert released.persons == (someone("ben"), someone("eve"))
    check_proven(memory.state, "main", keyring(), safety_policy().stop)


def test_first_half_that_came_too_early_is_asked_anew() -> None:
    memory = stopped(LIVE)
    memory.send(signed(memory))
    late = memory.state.latch.time_ns + 900 * SECOND_NS + 1
    envelope = sign_release(statement(memory, signed_at_ns=late), key_of("eve"))

    (asked, _) = memory.send(replace(handed(memory, envelope), at_ns=late))

    assert isinstance(asked, ReleaseRequested)
    assert asked.person == someone("eve")


REFUSED: Final[dict[str, tuple[Callable[[Latch], SignedRelease], type[TorghutError]]]] = {
    "a key nobody declared": (lambda one: signed(one, "stranger"), KeyUndeclaredError),
    "a machine's key": (lambda one: signed(one, "clock"), ReleaseRoleError),
    "another latch": (lambda one: signed(one, latch="other"), ReleaseLatchError),
    "another incident": (
        lambda one: signed(one, incident_id="incident-" + "0" * 64),
        IncidentMismatchError,
    ),
    "another trigger": (
        lambda one: signed(one, triggers=["drawdown"]),
        TriggersUnacknowledgedError,
    ),
    "a trigger too many": (
        lambda one: signed(one, triggers=["drawdown", "fallback-ratio"]),
        TriggersUnacknowledgedError,
    ),
    "signed long ago": (lambda one: signed(one, signed_at_ns=0), ReleaseLateError),
    "signed ahead of time": (lambda one: signed(one, signed_at_ns=2**62), ReleaseLateError),
    "no envelope": (lambda one: handed(one, b"no envelope"), SignatureInvalidError),
    "no text": (lambda one: handed(one, "ä".encode()), SignatureInvalidError),
    "no statement": (
        lambda one: handed(one, sign_payload(b"{}", PAYLOAD_TYPE, key_of("ben"))),
        SignatureInvalidError,
    ),
    "something of another kind": (
        lambda one: handed(one, sign_payload(b"{}", "text/plain", key_of("ben"))),
        SignatureInvalidError,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_signed_as_it_must_be_changes_nothing(case: str) -> None:
    command, error = REFUSED[case]
    memory = stopped()
    refused = memory.attempt(command(memory))

    assert isinstance(refused, error)
    assert memory.state.latch.incident is not None


def test_nothing_is_released_while_nothing_is_stopped() -> None:
    memory = stopped(readings())

    assert isinstance(memory.attempt(signed(memory)), NotStoppedError)


def test_other_bytes_that_say_the_same_are_not_what_is_signed() -> None:
    memory = stopped()
    spaced = canonical_bytes(statement(memory).model_dump(mode="json")).replace(b":", b": ", 1)

    refused = memory.attempt(handed(memory, sign_payload(spaced, PAYLOAD_TYPE, key_of("ben"))))

    assert isinstance(refused, SignatureInvalidError)


def test_release_signed_by_another_key_than_it_names_is_no_release() -> None:
    memory = stopped()
    body = sign_release(statement(memory), key_of("ben"))
    named = body.replace(fingerprint_of("ben").encode(), fingerprint_of("eve").encode())

    assert isinstance(memory.attempt(handed(memory, named)), SignatureInvalidError)
    assert parse_envelope(named).signatures[0][0] == fingerprint_of("eve")
    assert read_release(body, keyring())[1].person == someone("ben")


def unsigned(memory: Latch, *names: str) -> LoopReleased:
    """Return a release that somebody merely wrote."""
    incident = memory.state.latch.incident
    assert incident is not None
    return LoopReleased(
        incident_id=incident.incident_id,
        triggers=tuple(sorted(incident.triggers)),
        persons=tuple(someone(name) for name in names),
        reason="looked at it",
        at_ns=memory.state.latch.time_ns,
    )


def test_release_that_somebody_only_wrote_proves_nothing() -> None:
    memory = stopped()
    state = SIGNED_LATCH.evolve(memory.state, unsigned(memory, "ben"))

    with pytest.raises(ReleaseUnprovenError):
        check_proven(state, "main", keyring(), safety_policy().stop)


def test_one_key_does_not_prove_the_release_of_a_live_loop() -> None:
    memory = stopped(LIVE)
    memory.send(signed(memory))
    state = SIGNED_LATCH.evolve(memory.state, unsigned(memory, "ben"))

    with pytest.raises(ReleaseUnprovenError):
        check_proven(state, "main", keyring(), safety_policy().stop)


def test_signature_over_one_incident_proves_nothing_of_the_next() -> None:
    memory = stopped()
    memory.send(signed(memory))
    kept = [one for one in memory.events() if isinstance(one, ReleaseSigned)]
    memory.send(
        EvaluateSafety(
            latch="main",
            evaluation=2,
            at_ns=START_NS + 600 * SECOND_NS,
            readings=FALLBACK,
            policy=safety_policy(),
        )
    )
    state = SIGNED_LATCH.evolve(memory.state, unsigned(memory, "ben"))
    state = SIGNED_LATCH.evolve(state, kept[0])

    with pytest.raises(ReleaseUnprovenError):
        check_proven(state, "main", keyring(), safety_policy().stop)


def test_key_that_is_declared_no_more_proves_nothing() -> None:
    memory = stopped()
    memory.send(signed(memory))

    with pytest.raises(ReleaseUnprovenError):
        check_proven(memory.state, "main", keyring({"eve": "production"}), safety_policy().stop)


FIVE_DAYS_NS: Final = 5 * 86_400 * SECOND_NS


def days_later(memory: Latch, who: str) -> SignedRelease:
    """Return ``who``'s release of what is open, signed and handed in five days on."""
    at_ns = memory.state.latch.time_ns + FIVE_DAYS_NS
    envelope = sign_release(statement(memory, signed_at_ns=at_ns), key_of(who))
    return replace(handed(memory, envelope), at_ns=at_ns)


def test_half_that_was_signed_days_ago_proves_nothing_of_a_release_now() -> None:
    memory = stopped(LIVE)
    memory.send(signed(memory, "eve"))
    memory.send(days_later(memory, "ben"))
    state = SIGNED_LATCH.evolve(memory.state, unsigned(memory, "eve", "ben"))
    assert state.latch.incident is None

    with pytest.raises(ReleaseUnprovenError, match="900000 ms"):
        check_proven(state, "main", keyring(), safety_policy().stop)


def test_half_is_good_for_the_declared_time_from_its_signature() -> None:
    memory = stopped(LIVE)
    early = memory.state.latch.time_ns
    first = sign_release(statement(memory, signed_at_ns=early), key_of("ben"))
    memory.send(handed(memory, first, after_s=800))
    late = early + 901 * SECOND_NS

    def eve(at_ns: int) -> SignedRelease:
        envelope = sign_release(statement(memory, signed_at_ns=at_ns), key_of("eve"))
        return replace(handed(memory, envelope), at_ns=at_ns)

    other = stopped(LIVE)
    other.send(handed(other, first, after_s=800))
    assert isinstance(other.send(eve(late - SECOND_NS))[0], LoopReleased)
    check_proven(other.state, "main", keyring(), safety_policy().stop)
    (asked, _) = memory.send(eve(late))
    assert isinstance(asked, ReleaseRequested)
    assert asked.person == someone("eve")


LAG: Final = readings(lag_ms=reading_of(600_000.0))


def test_recovery_is_proven_by_as_many_clean_evaluations_as_are_declared() -> None:
    early = stopped(LAG, readings()).state
    incident, last = early.latch.incident, early.latch.last
    assert incident is not None
    assert last is not None
    written = LoopRecovered(
        incident_id=incident.incident_id, evaluation=last.evaluation, at_ns=early.latch.time_ns
    )
    state = SIGNED_LATCH.evolve(early, written)

    with pytest.raises(ReleaseUnprovenError, match="3 clean evaluations"):
        check_proven(state, "main", keyring(), safety_policy().stop)
    memory = stopped(LAG, *[readings()] * 3)
    assert memory.state.latch.incident is None
    check_proven(memory.state, "main", keyring(), safety_policy().stop)


def test_signatures_change_nothing_of_what_the_latch_itself_says() -> None:
    memory = stopped(LIVE)
    memory.send(signed(memory))
    memory.send(signed(memory, "eve"))
    plain = [one for one in memory.events() if not isinstance(one, ReleaseSigned)]

    assert LATCH.fold(plain) == memory.state.latch
    memory.restart()
