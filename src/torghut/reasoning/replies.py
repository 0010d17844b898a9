"""A chat completion read strictly: one whole answer of the pinned model, or a fault that says why.

Clients usually repair what they get: close a truncated text, take the last of two keys, read a
number out of a string. Where an answer bounds a position, each of these is a fault.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
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

_WITHIN: Final = 2
"""Levels of JSON within JSON that are looked into."""
_DEPTH_MAX: Final = 64
_NESTING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""Strings, so that their brackets do not count, and brackets.

One that is not closed is passed by as well, or it would be gone through from each of its quotes.
"""

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


def repeats(body: bytes, secret: str) -> bool:
    """Say whether a body spells a secret, as it is, escaped as JSON may, or in JSON within JSON."""
    if secret.encode() in body:
        return True
    try:
        return _spells(json.loads(body), secret, _WITHIN)
    except (ValueError, RecursionError):
        return False


def _spells(value: object, secret: str, within: int) -> bool:
    """Say whether a value holds a secret anywhere."""
    match value:
        case dict():
            return any(
                _spells(key, secret, within) or _spells(one, secret, within)
                for key, one in value.items()
            )
        case list():
            return any(_spells(one, secret, within) for one in value)
        case str() if secret in value:
            return True
        case str() if within and "\\" in value:
            with suppress(ValueError):
                return _spells(json.loads(value), secret, within - 1)
    return False


def _check_depth(data: bytes) -> None:
    """Refuse what is nested deeper than any answer is, whatever room there is on the stack.

    Raises:
        JsonRefusedError: It is.
    """
    depth = deepest = 0
    for token in _NESTING.findall(data):
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    if deepest > _DEPTH_MAX:
        raise JsonRefusedError(found=f"{deepest} levels, one within the other")


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
        _check_depth(body)
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


def tokens_said(body: bytes) -> int | None:
    """Return how many tokens a reply says it used, whatever else is wrong with it.

    None where it does not say, or not believably: what was asked is paid for all the same.
    """
    try:
        _check_depth(body)
        return _tokens(parse_json_object(body).get("usage"))
    except (JsonRefusedError, RecursionError):
        return None


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
        _check_depth(content.encode())
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
