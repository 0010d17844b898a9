"""Old messages stay readable: each step lifts one type by one version, until it is the newest.

A message states its type with its version, ``<area>.<event>.v<N>``. When a released message
changes, its model takes the next version, the old schema stays published, and a step is added
here that lifts the old form. What is stored is never rewritten; reading lifts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, TypeVar

from pydantic import ValidationError

from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.kernel.errors import TorghutError
from torghut.schemas.types import Message, first_problem

MessageT = TypeVar("MessageT", bound=Message)
Step = Callable[[JsonObject], JsonObject]
"""Takes a message of one version and returns it as the next; it must state its new type."""


def _with_refused(records: JsonObject) -> JsonObject:
    """Lift block records of a time when a clashing control record was not kept apart."""
    return {**records, "type": "eventlog.block-records.v2", "refused": []}


def _with_later_controls(records: JsonObject) -> JsonObject:
    """Lift block records of a time when fills and positions said less; they say it in no key."""
    return {**records, "type": "eventlog.block-records.v3"}


STEPS: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "eventlog.block-records.v1": _with_refused,
        "eventlog.block-records.v2": _with_later_controls,
    }
)
"""Every step, by the type that it lifts."""


class MessageTypeError(TorghutError):
    """A message states no type, or one that is not known here; a newer Torghut may know it."""

    code: ClassVar[str] = "schemas.message-type"

    def __init__(self, *, found: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"expected a type among {', '.join(known)}, found {found}; "
            "read it with the Torghut that wrote it, or a newer one"
        )
        self.found = found
        self.known = known


class MessageContentError(TorghutError):
    """A message does not fit the published schema of its type."""

    code: ClassVar[str] = "schemas.message-content"

    def __init__(self, *, type_: str, place: str, reason: str, found: str) -> None:
        super().__init__(
            f"{place}: expected what the schema of {type_} says, found {found}: {reason}; "
            "compare it with its published schema"
        )
        self.type = type_
        self.place = place
        self.reason = reason
        self.found = found


def upcast(payload: JsonObject, steps: Mapping[str, Step] = STEPS) -> JsonObject:
    """Return ``payload`` lifted to the newest version of its type.

    A step that does not change the type would be taken for ever, so every step must.

    Example:
        >>> upcast({"type": "market.context-refused.v1"})
        {'type': 'market.context-refused.v1'}
    """
    while (step := steps.get(str(payload.get("type")))) is not None:
        lifted = step(payload)
        if lifted.get("type") == payload.get("type"):
            message = f"the step from {payload.get('type')} does not state the next version"
            raise ValueError(message)
        payload = lifted
    return payload


def read_message(
    body: bytes, models: Mapping[str, type[MessageT]], steps: Mapping[str, Step] = STEPS
) -> MessageT:
    """Return the message that ``body`` spells, whatever version it was written in.

    Args:
        body: One JSON object.
        models: The newest model of every type that is expected here, by type.
        steps: Lifts older versions.

    Raises:
        JsonRefusedError: ``body`` is no JSON object, or one that can be read in two ways.
        MessageTypeError: Its type is none of ``models``.
        MessageContentError: It does not fit its model.
    """
    payload = upcast(parse_json_object(body), steps)
    stated = str(payload.get("type"))
    model = models.get(stated)
    if model is None:
        raise MessageTypeError(found=stated, known=tuple(sorted(models)))
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        first = first_problem(error)
        raise MessageContentError(
            type_=stated,
            place=first.place or "the message",
            reason=first.reason,
            found=first.found,
        ) from error
