"""YAML read by the few rules that a reader can keep in mind.

A plain scalar is ``true``, ``false``, ``null`` or a decimal number, and otherwise text: ``off``,
``17:00`` and ``2001-09-11`` stay what they look like. Tags, anchors, aliases, repeated keys and
second documents are refused. It is scanned by libyaml, which every wheel of PyYAML brings and which
takes a fifth of the time: each command reads some twenty files before it does anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final

import yaml

from torghut.kernel.errors import TorghutError

Plain = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None

_DEPTH_MAX: Final = 20
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "": None}


class PlainYamlError(TorghutError):
    """A text is not YAML, or uses more of it than declarations may.

    Attributes:
        line: Counted from 1; 0 where there is none.
        column: Counted from 1; 0 where there is none.
    """

    code: ClassVar[str] = "declarations.not-plain-yaml"

    def __init__(self, *, line: int, column: int, expected: str, found: str) -> None:
        super().__init__(f"line {line}, column {column}: expected {expected}, found {found}")
        self.line = line
        self.column = column
        self.expected = expected
        self.found = found


def read_plain(text: str) -> Plain:
    """Return the one document in ``text`` as maps, lists, text, numbers, booleans and null.

    Raises:
        PlainYamlError: It is not YAML, or not plain.
    """
    events = _events(text)
    document = _value(next(events), events, 1)
    for event in events:
        if not isinstance(event, yaml.StreamEndEvent):
            raise _refusal(event, "one document", "another")
    return document


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events but for the ones that only frame them."""
    try:
        event: yaml.Event
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent):
                continue
            if isinstance(event, yaml.DocumentStartEvent) and not event.explicit:
                continue
            yield event
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise PlainYamlError(
            line=mark.line + 1 if mark else 0,
            column=mark.column + 1 if mark else 0,
            expected="YAML",
            found=str(error.problem),
        ) from error
    except yaml.YAMLError as error:
        raise PlainYamlError(line=0, column=0, expected="YAML", found=str(error)) from error


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Plain:
    """Return the value that starts with ``event``, taking the rest of it from ``events``."""
    if isinstance(event, yaml.DocumentStartEvent):
        event = next(events)
    if depth > _DEPTH_MAX:
        raise _refusal(event, f"at most {_DEPTH_MAX} levels", "more")
    if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        found = "an alias" if isinstance(event, yaml.AliasEvent) else "nothing"
        raise _refusal(event, "a value", found)
    if event.anchor is not None or event.tag is not None:
        raise _refusal(event, "a value without tag or anchor", str(event.tag or event.anchor))
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _list(events, depth)
    return _map(events, depth)


def _list(events: Iterator[yaml.Event], depth: int) -> Plain:
    """Return the list whose start was just read."""
    values: list[Plain] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        values.append(_value(event, events, depth + 1))
    return values


def _map(events: Iterator[yaml.Event], depth: int) -> Plain:
    """Return the map whose start was just read."""
    values: dict[str, Plain] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, depth + 1)
        if not isinstance(key, str):
            raise _refusal(event, "keys that are text", str(key))
        if key in values:
            raise _refusal(event, "each key once", f"{key} again")
        values[key] = _value(next(events), events, depth + 1)
    return values


def _scalar(event: yaml.ScalarEvent) -> Plain:
    """Return what a scalar spells; in quotes it is always text."""
    text: str = event.value
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _refusal(event: yaml.Event, expected: str, found: str) -> PlainYamlError:
    """Return the refusal of what stands at ``event``."""
    mark = event.start_mark
    return PlainYamlError(
        line=mark.line + 1 if mark else 0,
        column=mark.column + 1 if mark else 0,
        expected=expected,
        found=found,
    )
