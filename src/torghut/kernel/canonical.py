"""JSON with one spelling: RFC 8785 bytes out, and a reader that refuses every ambiguity."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final, TypeAlias

import rfc8785

from torghut.kernel.errors import TorghutError

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | JsonObject | None"
"""What JSON can say. Whole numbers from 2^53 on are written as strings before they get here."""

JsonObject: TypeAlias = "Mapping[str, JsonValue]"

_EXACT_MAX: Final = 2**53
_EXACT_DIGITS: Final = len(str(_EXACT_MAX))

_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_SCALARS: Final = frozenset({bool, int, float, str, type(None)})
_KEYS: Final = frozenset({str})
_DOUBTFUL_NUMBER: Final = re.compile(
    r"[\[:,]-?[0-9]+(?:(?<=[0-9]{16})|(?:\.[0-9]+)?e|(?<=-0)\.0[,\]}])"
)
"""What looks like a large or a small number, or a negative zero, even inside a text."""

_TEXT: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')

_WHOLE: Final = re.compile(r"\.0[,\]}]")
"""What looks like the end of a double that is whole, even inside a text."""

_BUT_WHOLE: Final = re.compile(r'((?:[^".]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"|\.(?!0[,\]}]))+)|\.0')
"""All but what the standard library writes behind a double that is whole."""


class JsonNotCanonicalError(TorghutError):
    """A value has no canonical JSON: NaN, an infinity, a number from 2^53 on, a lone surrogate."""

    code: ClassVar[str] = "kernel.json-not-canonical"

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a value that RFC 8785 can spell, found that {found}; "
            "write large numbers as strings and leave out what is not finite"
        )
        self.found = found


class JsonRefusedError(TorghutError):
    """A text is no JSON, or JSON that two readers could understand differently."""

    code: ClassVar[str] = "kernel.json-refused"

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected one unambiguous JSON value in UTF-8, found {found}")
        self.found = found


def canonical_bytes(value: JsonValue) -> bytes:
    """Return the RFC 8785 form of ``value``: the only bytes of it that are ever hashed.

    Raises:
        JsonNotCanonicalError: There is no such form.

    Example:
        >>> canonical_bytes({"b": 1.0, "a": [True, None]})
        b'{"a":[true,null],"b":1}'
    """
    try:
        text = _ENCODER.encode([value])
        # The standard library makes text of a key that is none, and looks past what a subclass
        # says of itself. All else it spells as RFC 8785 does, several times as fast, but for the
        # ".0" of doubles that are whole.
        if "\\u" not in text and not _is_doubtful(text) and _is_plain(value):
            plain = "".join(_BUT_WHOLE.findall(text)) if _WHOLE.search(text) else text
            return plain[1:-1].encode("ascii")
        return rfc8785.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise JsonNotCanonicalError(found=str(error)) from error


def _is_doubtful(text: str) -> bool:
    """Say whether a number in ``text`` may be spelled otherwise; what texts in it say is none."""
    found = _DOUBTFUL_NUMBER.search(text) is not None
    return found and _DOUBTFUL_NUMBER.search(_TEXT.sub('""', text)) is not None


def _is_plain(value: JsonValue) -> bool:
    """Say whether ``value``, which ends, is of JSON's own types throughout, its keys texts."""
    inner: Iterable[JsonValue]
    if type(value) is dict:
        if not _KEYS.issuperset(map(type, value)):
            return False
        inner = value.values()
    elif type(value) is list or type(value) is tuple:
        inner = value
    else:
        return type(value) in _SCALARS
    if _SCALARS.issuperset(map(type, inner)):
        return True
    return all(type(one) in _SCALARS or _is_plain(one) for one in inner)


def canonical_text(value: JsonValue) -> str:
    """Return ``canonical_bytes`` of ``value`` as text."""
    return canonical_bytes(value).decode("utf-8")


def parse_json(data: bytes) -> JsonValue:
    """Return the one value that ``data`` spells.

    Raises:
        JsonRefusedError: It is not UTF-8, not JSON, names a key twice, or holds NaN, an infinity,
            a number that a double does not hold, a lone surrogate, or nesting without end.

    Example:
        >>> parse_json(b'{"a": 1}')
        {'a': 1}
        >>> parse_json(b'{"a": 1, "a": 2}')
        Traceback (most recent call last):
            ...
        torghut.kernel.canonical.JsonRefusedError: expected one unambiguous JSON value in UTF-8, \
found the key 'a' twice
    """
    try:
        text = data.decode("utf-8")
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_object_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        if "\\u" in text:
            _refuse_surrogates(value)
    except UnicodeDecodeError as error:
        raise JsonRefusedError(found=f"a byte that is not UTF-8 at {error.start}") from error
    except UnicodeEncodeError as error:
        raise JsonRefusedError(found="half of a surrogate pair") from error
    except RecursionError as error:
        raise JsonRefusedError(found="nesting too deep to read") from error
    except ValueError as error:
        raise JsonRefusedError(found=str(error)) from error
    return value


def parse_json_object(data: bytes) -> JsonObject:
    """Return the object that ``data`` spells.

    Raises:
        JsonRefusedError: As ``parse_json``, or it spells something else than an object.
    """
    value = parse_json(data)
    if not isinstance(value, Mapping):
        raise JsonRefusedError(found=f"{type(value).__name__} where an object belongs")
    return value


def _object_once(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return ``pairs`` as an object, refusing a key that comes twice."""
    result: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in result:
            raise JsonRefusedError(found=f"the key {key!r} twice")
        result[key] = value
    return result


def _refuse_constant(name: str) -> JsonValue:
    """Refuse ``NaN``, ``Infinity`` and ``-Infinity``, which are not JSON."""
    raise JsonRefusedError(found=name)


def _finite(digits: str) -> float:
    """Return the number that ``digits`` spell, unless no double can hold it."""
    number = float(digits)
    if not math.isfinite(number):
        raise JsonRefusedError(found=f"{digits[:40]}, beyond the range of a double")
    return number


def _whole(digits: str) -> int | float:
    """Return the number that ``digits`` spell, if a double can hold it and spells it so."""
    if len(digits) < _EXACT_DIGITS:
        return int(digits)
    number = _finite(digits)
    if rfc8785.dumps(number) != digits.encode():
        raise JsonRefusedError(found=f"{digits[:40]}, a whole number that a double does not hold")
    return number if abs(number) >= _EXACT_MAX else int(digits)


def _refuse_surrogates(value: JsonValue) -> None:
    """Raise UnicodeEncodeError if any text in ``value`` cannot be UTF-8."""
    match value:
        case str():
            value.encode("utf-8")
        case Mapping():
            for key, item in value.items():
                key.encode("utf-8")
                _refuse_surrogates(item)
        case Sequence():
            for item in value:
                _refuse_surrogates(item)
        case _:
            pass
