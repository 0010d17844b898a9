"""JSON without the licence that parsers take: no NaN, no repeated keys, no half characters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NoReturn

from torghut.adapters.sources.decoding.numbers import whole
from torghut.adapters.sources.decoding.verdicts import RefusedError
from torghut.schemas.codes import RefusalCode

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class _RepeatedKeyError(ValueError):
    """An object names one key twice, so it says two things."""


def parse_json(text: str) -> Json:
    """Return the value that ``text`` spells.

    Raises:
        RefusedError: It spells none, or two.

    Example:
        >>> parse_json('{"a":[1,"2"]}')
        {'a': [1, '2']}
    """
    try:
        value: Json = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except _RepeatedKeyError as error:
        raise RefusedError(RefusalCode.DUPLICATE_KEY) from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(RefusalCode.UNDECODABLE) from error
    return value


def _unrepeated(pairs: Sequence[tuple[str, Json]]) -> Json:
    """Return the object of these members, each named once."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found


def _refuse_constant(name: str) -> NoReturn:
    """Refuse what JSON has no word for."""
    raise ValueError(name)


def _integer(digits: str) -> int:
    """Return an integer; one of absurd length only keeps being too large."""
    return whole(digits) or 0


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unrepeated, parse_constant=_refuse_constant, parse_int=_integer
)
