"""One spelling out, and no ambiguity in."""

from __future__ import annotations

import math
from collections import OrderedDict
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum

import pytest
import rfc8785
from typing_extensions import override

from torghut.kernel.canonical import (
    JsonNotCanonicalError,
    JsonRefusedError,
    JsonValue,
    canonical_bytes,
    canonical_text,
    parse_json,
    parse_json_object,
)


def test_the_example_of_the_standard_has_the_bytes_of_the_standard() -> None:
    value: JsonValue = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }

    assert canonical_text(value) == (
        '{"literals":[null,true,false],'
        '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf16_units() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    spelled = parse_json_object(canonical_bytes(dict.fromkeys(keys)))

    assert list(spelled) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_whole_doubles_and_integers_are_spelled_alike() -> None:
    assert canonical_bytes([1.0, 1, -0.0, 0]) == b"[1,1,0,0]"


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {"\udfff": 1}]
)
def test_what_has_no_canonical_form_is_refused(value: JsonValue) -> None:
    with pytest.raises(JsonNotCanonicalError):
        canonical_bytes(value)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"b":{"a":1,"a":2}}', "twice"),
        (b'{"a":1,"\\u0061":2}', "twice"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"-Infinity", "Infinity"),
        (b"1e999", "beyond the range"),
        (b"-1e999", "beyond the range"),
        (b'"\xff"', "not UTF-8"),
        ('"é"'.encode("latin-1"), "not UTF-8"),
        ('"a"'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf"a"', "BOM"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'[{"a":["\\ud800x"]}]', "surrogate"),
        (b"[" * 100_000, "nesting"),
        (b"", "Expecting value"),
        (b"{} {}", "Extra data"),
        (b"{'a':1}", "Expecting property name"),
        (b"[1,]", "Expecting value"),
        (b"01", "Extra data"),
        (b"9" * 5000, "beyond the range"),
        (b"9007199254740993", "does not hold"),
        (b"-9007199254740993", "does not hold"),
        (b"\x00", "Expecting value"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data: bytes, found: str) -> None:
    with pytest.raises(JsonRefusedError, match=found):
        parse_json(data)


def test_whole_numbers_that_a_double_holds_are_read() -> None:
    spelled = b"[9007199254740991,-9007199254740991,9007199254740992,100000000000000000000,1e+21]"

    assert parse_json(spelled) == [2**53 - 1, 1 - 2**53, 2.0**53, 1e20, 1e21]
    assert canonical_bytes(parse_json(spelled)) == spelled


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_an_object_is_demanded_where_one_belongs() -> None:
    assert parse_json_object(b'{"a":[1,2.5,null]}') == {"a": [1, 2.5, None]}
    with pytest.raises(JsonRefusedError, match="list where an object belongs"):
        parse_json_object(b"[]")


class Word(StrEnum):
    """A text with a name."""

    RED = "red"


class Letters(Enum):
    """A text that is not one."""

    A = "a"


class Shade(str, Enum):  # noqa: UP042 -- its ``str`` is the point
    """A text whose own ``str`` says something else."""

    DARK = "dark"


class Level(IntEnum):
    """A number with a name."""

    LOW = 3


class Half(int):
    """A number that says of itself that it is another one."""

    @override
    def __int__(self) -> int:
        return 7


@pytest.mark.parametrize("key", [1, True, None, 1.5, (1,), b"a", Letters.A])
def test_keys_that_are_no_texts_are_refused_however_deep(key: object) -> None:
    value: JsonValue = {key: "a"}  # type: ignore[dict-item]

    for nested in (value, [value], {"a": {"b": [value]}}, [{"é": value}], [value, 0.5]):
        with pytest.raises(JsonNotCanonicalError):
            canonical_bytes(nested)


@pytest.mark.parametrize(
    "value",
    [
        Word.RED,
        Shade.DARK,
        Level.LOW,
        Half(1),
        {Word.RED: 1},
        {Shade.DARK: 1},
        {"a": [Word.RED, Level.LOW, Half(2), True]},
        (1, (2, "a")),
        OrderedDict(b=1, a=2),
    ],
)
def test_what_only_looks_like_json_is_spelled_as_the_standards_library_does(
    value: JsonValue,
) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        {"a": ":2e-05,[1700000000000000000,-0.0]"},
        {"a": '":2e-05,"', "b": 2e-05},
        {"a": "\\", "b": [1e22, "1e22", 0.0]},
        {'":1e22,"': -0.0, "b": '\\":1e-7'},
        ['{"a":[1.5e-05]}', 1.0, -2.0e-8, 2**53 - 1],
    ],
)
def test_numbers_within_texts_are_left_alone_and_those_beside_them_are_not(
    value: JsonValue,
) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [Letters.A, {1, 2}, b"a", Decimal(1), {"a": object()}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(JsonNotCanonicalError):
        canonical_bytes(value)  # type: ignore[arg-type]


def test_nesting_without_end_is_refused() -> None:
    endless: list[JsonValue] = []
    endless.append(endless)

    with pytest.raises(JsonNotCanonicalError):
        canonical_bytes(endless)
