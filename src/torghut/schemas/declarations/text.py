"""Declaration text into a typed value, or a refusal that names file, key, expected and found."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from torghut.schemas.declarations.errors import (
    DeclarationContentError,
    DeclarationSyntaxError,
    Problem,
)
from torghut.schemas.declarations.plain_yaml import PlainYamlError, read_plain

T = TypeVar("T")

_FOUND_CHARACTERS: Final = 80


def parse(adapter: TypeAdapter[T], text: str, *, file: str) -> T:
    """Return the value that the YAML ``text`` of ``file`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    try:
        document = read_plain(text)
    except PlainYamlError as error:
        problem = Problem(
            key=f"line {error.line}, column {error.column}",
            expected=error.expected,
            found=error.found,
            advice="write it in plain YAML",
        )
        raise DeclarationSyntaxError(file=file, problems=[problem]) from error
    return validate(adapter, json.dumps(document), file=file)


def validate(adapter: TypeAdapter[T], document: str, *, file: str) -> T:
    """Return the value in the JSON ``document``, without any conversion between types.

    Raises:
        DeclarationContentError: It does not fit the declared model.
    """
    try:
        return adapter.validate_json(document, strict=True)
    except ValidationError as error:
        known = sorted(set(_property_names(adapter.json_schema())))
        problems = [
            _problem(_path(found["loc"]), found["type"], found["msg"], found["input"], known)
            for found in error.errors(include_url=False)
        ]
        raise DeclarationContentError(file=file, problems=problems) from error


def _problem(key: str, kind: str, message: str, found: object, known: Sequence[str]) -> Problem:
    """Return pydantic's finding as a problem."""
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it"
        return Problem(key=key, expected="a known key", found="an unknown one", advice=hint)
    if kind == "missing":
        return Problem(key=key, expected="a value", found="nothing", advice="declare it")
    expected = message.removeprefix("Input should be ").removeprefix("Value error, ")
    shown = _short(json.dumps(found, default=str))
    return Problem(key=key, expected=expected, found=shown, advice="correct the value")


def _path(place: Sequence[int | str]) -> str:
    """Return ``gates[3].threshold`` for ``("gates", 3, "threshold")``."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return path.removeprefix(".") or "the document"


def _short(text: object) -> str:
    """Return the beginning of ``text``, on one line."""
    line = " ".join(str(text).split())
    return line if len(line) <= _FOUND_CHARACTERS else line[:_FOUND_CHARACTERS] + "…"


def _property_names(schema: object) -> Iterator[str]:
    """Yield every key that a JSON Schema knows, at any depth."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from (str(name) for name in properties)
        for value in schema.values():
            yield from _property_names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _property_names(value)
