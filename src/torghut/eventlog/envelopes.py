"""Events in their envelopes: chained within a stream, stored as canonical JSON, lifted when read.

An event is stored once in the version it was written in, and never rewritten. Reading lifts it
step by step to the version that the code knows.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from torghut.eventlog.block import GENESIS
from torghut.eventlog.errors import (
    ConcurrencyConflictError,
    EventUnreadableError,
    LogIntegrityError,
)
from torghut.kernel.canonical import JsonObject, canonical_bytes, parse_json_object
from torghut.schemas.types import Message, first_problem

E = TypeVar("E", bound=Message)

Steps = Mapping[str, Callable[[JsonObject], JsonObject]]
"""By event type: what lifts its body by one version, to another type."""

_TAG: Final = b"torghut.event.v1\0"
_LENGTH: Final = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """Why events were appended.

    Attributes:
        correlation_id: The whole workflow.
        causation_id: The direct cause: a command, another event, a context.
    """

    correlation_id: str
    causation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event with its place and its causes.

    Attributes:
        stream: ``<category>-<id>``.
        version: Place in the stream, from 1.
        position: Place in the log, from 1 and without gaps; events only.
        recorded_at_ns: When the log took it, by the clock it was given.
        causes: Why it was appended.
        digest: sha256 over the digest of the stream's event before and everything here but the
            position.
        type: The event's own, ``<area>.<event>.v<N>``.
        body: The event as canonical JSON.
    """

    stream: str
    version: int
    position: int
    recorded_at_ns: int
    causes: Causes
    digest: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next event of a stream goes.

    Attributes:
        version: Of the stream so far.
        digest: Of its last event; ``GENESIS`` before the first.
        position: Of the log's last event so far.
    """

    version: int = 0
    digest: str = GENESIS
    position: int = 0


def encode_event(event: Message) -> tuple[str, bytes]:
    """Return the type of ``event`` and its canonical JSON.

    Raises:
        EventUnreadableError: It has no ``type``, so it could never be read again.
    """
    body = canonical_bytes(event.model_dump(mode="json"))
    return _type_of(parse_json_object(body)), body


def seal_events(
    stream: str, events: Sequence[Message], *, after: Place, recorded_at_ns: int, causes: Causes
) -> Sequence[Envelope]:
    """Return ``events`` in envelopes that follow ``after`` and each other."""
    sealed: list[Envelope] = []
    for index, event in enumerate(events, start=1):
        type_, body = encode_event(event)
        open_ = Envelope(
            stream=stream,
            version=after.version + index,
            position=after.position + index,
            recorded_at_ns=recorded_at_ns,
            causes=causes,
            digest=sealed[-1].digest if sealed else after.digest,
            type=type_,
            body=body,
        )
        sealed.append(replace(open_, digest=envelope_digest(open_, previous=open_.digest)))
    return sealed


def envelope_digest(envelope: Envelope, *, previous: str) -> str:
    """Return the digest, 64 hex digits, of ``envelope`` after the event digested ``previous``."""
    hasher = hashlib.sha256(_TAG + bytes.fromhex(previous))
    for content in (
        envelope.stream.encode(),
        _LENGTH.pack(envelope.version),
        _LENGTH.pack(envelope.recorded_at_ns),
        envelope.causes.correlation_id.encode(),
        envelope.causes.causation_id.encode(),
        envelope.type.encode(),
        envelope.body,
    ):
        hasher.update(_LENGTH.pack(len(content)) + content)
    return hasher.hexdigest()


def check_follows(envelope: Envelope, *, version: int, digest: str) -> None:
    """Check that ``envelope`` is intact and comes after the event that is described.

    Raises:
        LogIntegrityError: It does not, or is not as it was written.
    """
    place = f"stream {envelope.stream}, version {version + 1}"
    if envelope.version != version + 1:
        raise LogIntegrityError(
            place=place, expected="an event", found=f"version {envelope.version} next"
        )
    found = envelope_digest(envelope, previous=digest)
    if found != envelope.digest:
        raise LogIntegrityError(place=place, expected=envelope.digest, found=found)


def check_feed(found: Iterable[tuple[Envelope, str | None]], *, after: int) -> Sequence[Envelope]:
    """Return the events of several streams if none is missing or altered from ``after`` on.

    Args:
        found: Each with the stored digest of its stream's event before it; None if there is none.
        after: Position before the first of them.

    Raises:
        LogIntegrityError: A position is missing, or an event is not as it was written.
    """
    checked: list[Envelope] = []
    for position, (envelope, previous) in enumerate(found, start=after + 1):
        if envelope.position != position:
            raise LogIntegrityError(
                place=f"event {position}",
                expected="an event",
                found=f"position {envelope.position} next",
            )
        before = envelope.version - 1
        digest = previous if before else GENESIS
        if digest is None:
            raise LogIntegrityError(
                place=f"event {position}",
                expected=f"one before it in {envelope.stream}",
                found="none",
            )
        check_follows(envelope, version=before, digest=digest)
        checked.append(envelope)
    return checked


def read_event(envelope: Envelope, adapter: TypeAdapter[E], steps: Steps) -> E:
    """Return the event in ``envelope``, lifted to the newest version of its type.

    Raises:
        EventUnreadableError: It does not fit what ``adapter`` reads, also after lifting.
    """
    body = lift(parse_json_object(envelope.body), steps)
    try:
        return adapter.validate_json(canonical_bytes(body))
    except ValidationError as error:
        reason = first_problem(error).at("the event")
        raise EventUnreadableError(type=envelope.type, reason=reason) from error


def lift(body: JsonObject, steps: Steps) -> JsonObject:
    """Return ``body`` after every step that starts at its type.

    Raises:
        EventUnreadableError: The steps lead in a circle, or to a body without a type.
    """
    for _ in range(len(steps) + 1):
        step = steps.get(_type_of(body))
        if step is None:
            return body
        body = step(body)
    raise EventUnreadableError(type=_type_of(body), reason="steps that lead back to it")


def _type_of(body: JsonObject) -> str:
    """Return the type that an event's body names."""
    type_ = body.get("type")
    if not isinstance(type_, str):
        raise EventUnreadableError(type="?", reason=f"no type in {sorted(body)}")
    return type_


def version_conflict(stream: str, *, expected: int, actual: int) -> ConcurrencyConflictError:
    """Return the refusal of events that do not follow the stream's last one."""
    return ConcurrencyConflictError(
        stream=stream, expected=f"version {expected}", actual=f"version {actual}"
    )
