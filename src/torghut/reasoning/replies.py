"""A chat completion read strictly: one whole answer of the pinned model, or a fault that says why.

Clients usually repair what they get: close a truncated text, take the last of two keys, read a
number out of a string. Where an answer bounds a position, each of these is a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError

from torghut.kernel.canonical import JsonObject, JsonRefusedError, JsonValue, parse_json_object
from torghut.reasoning.errors import (
    AnswerCutOffError,
    AnswerDeclinedError,
    AnswerMalformedError,
    ModelDiffersError,
    ReplyMalformedError,
)
from torghut.schemas.types import Message, first_problem

T = TypeVar("T", bound=Message)

TOKENS_MAX: Final = 10_000_000
"""A reply that says it used more says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a completion says.

    Attributes:
        content: The answer's text.
        tokens: Used by prompt and answer together; None where the reply does not say, or not
            believably.
    """

    content: str
    tokens: int | None


def read_reply(body: bytes, *, model: str) -> Reply:
    """Return the one answer in ``body``.

    Args:
        body: Of a response with status 200.
        model: That must have answered.

    Raises:
        ReplyMalformedError: It is no chat completion with one choice.
        ModelDiffersError: Another model answered.
        AnswerCutOffError: The answer is not whole.
        AnswerDeclinedError: There is something else in place of an answer.
    """
    try:
        said = parse_json_object(body)
    except (JsonRefusedError, RecursionError) as error:
        raise ReplyMalformedError(
            place="body", expected="one JSON object", found=str(error)
        ) from error
    found = said.get("model")
    if found != model:
        raise ModelDiffersError(expected=model, found=str(found))
    choices = said.get("choices")
    if not isinstance(choices, list) or len(choices) != 1:
        raise ReplyMalformedError(place="choices", expected="one", found=_kind(choices))
    choice = _object(choices[0], "choices.0")
    message = _object(choice.get("message"), "choices.0.message")
    if message.get("tool_calls") or message.get("function_call"):
        raise AnswerDeclinedError(found="a call of a tool")
    if message.get("refusal"):
        raise AnswerDeclinedError(found="a refusal")
    if (finish := choice.get("finish_reason")) != "stop":
        raise AnswerCutOffError(finish=str(finish))
    content = message.get("content")
    if not isinstance(content, str) or not content:
        raise AnswerDeclinedError(found=f"{_kind(content)} as its content")
    return Reply(content=content, tokens=_tokens(said.get("usage")))


def read_answer(content: str, step: str, kind: type[T]) -> T:
    """Return the answer that ``content`` spells, and nothing else does.

    Raises:
        AnswerMalformedError: It is not exactly one JSON object with the fields of ``kind``.
    """
    try:
        return kind.model_validate_json(_checked(content, step), strict=True)
    except ValidationError as error:
        problem = first_problem(error)
        raise AnswerMalformedError(step=step, problem=problem.at("the answer")) from error


def _checked(content: str, step: str) -> str:
    """Return ``content`` if it is JSON that can be read in one way."""
    try:
        parse_json_object(content.encode())
    except (JsonRefusedError, RecursionError, UnicodeEncodeError) as error:
        raise AnswerMalformedError(step=step, problem=str(error)) from error
    return content


def _tokens(usage: JsonValue) -> int | None:
    """Return how many tokens a reply says it used, if that can be."""
    if not isinstance(usage, dict):
        return None
    parts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    counts = [n for n in parts if isinstance(n, int) and not isinstance(n, bool)]
    if len(counts) != len(parts) or any(not 0 <= n <= TOKENS_MAX for n in counts):
        return None
    return sum(counts)


def _object(value: JsonValue, place: str) -> JsonObject:
    """Return ``value`` if it is an object."""
    if not isinstance(value, dict):
        raise ReplyMalformedError(place=place, expected="an object", found=_kind(value))
    return value


def _kind(value: JsonValue) -> str:
    """Return what ``value`` is, without what it says."""
    match value:
        case None:
            return "nothing"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case str():
            return "a text" if value else "an empty text"
        case _:
            return type(value).__name__
