"""What numbers, times and JSON of known texts are."""

from __future__ import annotations

import math

import pytest

from torghut.adapters.sources.decoding.numbers import real, whole
from torghut.adapters.sources.decoding.strictjson import parse_json
from torghut.adapters.sources.decoding.templates import build_program, fnv1a
from torghut.adapters.sources.decoding.times import TimeForm, detect_form, parse_time
from torghut.adapters.sources.decoding.verdicts import RefusedError, excerpt, numbers_in
from torghut.schemas.codes import RefusalCode


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.38701", 1.38701),
        ("-1.5", -1.5),
        ("+1.5", 1.5),
        ("007", 7.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-5", 1e-5),
        ("1E+3", 1000.0),
        ("1e400", math.inf),
        ("1e-400", 0.0),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("9007199254740993", 9007199254740992.0),
        ("0.1234567890123456789", 0.1234567890123456789),
    ],
)
def test_decimal_text_is_the_nearest_float64(text: str, number: float) -> None:
    assert real(text) == number


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan"])
def test_nan_is_a_number_here(text: str) -> None:
    number = real(text)

    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " 1",
        "1 ",
        "1_000",
        "0x10",
        "1,5",
        "1.2.3",
        "--1",
        "1e",
        "e5",
        ".",
        "+",
        "abc",
        "\u0661",
        "\uff11",
        "\u22121",
        "\u0131nf",
        "1\n",
        "infinit",
        "nan1",
        "1e5.0",
        "None",
        "true",
    ],
)
def test_other_text_is_no_number(text: str) -> None:
    assert real(text) is None


@pytest.mark.parametrize(
    ("text", "integer"),
    [("0", 0), ("-0", 0), ("007", 7), ("-5", -5), (str(2**64), 2**64), ("9" * 5_000, 10**40)],
)
def test_integer_text_is_exact_up_to_40_digits(text: str, integer: int) -> None:
    assert whole(text) == integer


@pytest.mark.parametrize("text", ["", "+5", "1.0", "1_0", " 1", "1 ", "\u0661", "0x1", "-", "1e3"])
def test_other_text_is_no_integer(text: str) -> None:
    assert whole(text) is None


def test_huge_negative_integer_stays_negative() -> None:
    assert whole("-" + "9" * 5_000) == -(10**40)


@pytest.mark.parametrize(
    ("text", "form", "ns"),
    [
        ("1723161255", TimeForm.S, 1_723_161_255_000_000_000),
        ("1723161255208", TimeForm.MS, 1_723_161_255_208_000_000),
        ("1723161255208001", TimeForm.US, 1_723_161_255_208_001_000),
        ("1723161255208001002", TimeForm.NS, 1_723_161_255_208_001_002),
        ("100000000", TimeForm.S, 100_000_000_000_000_000),
        ("7258118399999", TimeForm.MS, 7_258_118_399_999_000_000),
        ("2024-08-08T23:54:15.208001002Z", TimeForm.RFC3339, 1_723_161_255_208_001_002),
        ("2024-08-09 01:54:15.2+02:00", TimeForm.RFC3339, 1_723_161_255_200_000_000),
        ("2024-08-08t20:54:15-03:00", TimeForm.RFC3339, 1_723_161_255_000_000_000),
        ("1970-01-01T00:00:00.000000001Z", TimeForm.RFC3339, 1),
    ],
)
def test_time_is_nanoseconds_since_1970(text: str, form: TimeForm, ns: int) -> None:
    assert parse_time(text, form) == ns


@pytest.mark.parametrize(
    ("text", "form", "refusal"),
    [
        ("", TimeForm.NS, RefusalCode.MISSING_FIELD),
        ("soon", TimeForm.NS, RefusalCode.WRONG_TYPE),
        ("1723161255.5", TimeForm.S, RefusalCode.WRONG_TYPE),
        ("2024-08-08T23:54:15", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("2024-08-08T23:54Z", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("2024-02-30T00:00:00Z", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("2023-02-29T00:00:00Z", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("2016-12-31T23:59:60Z", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("2024-08-08T23:54:15.0000000001Z", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("2024-08-08T23:54:15+24:00", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("1723161255208", TimeForm.RFC3339, RefusalCode.WRONG_TYPE),
        ("1970-01-01T00:00:00Z", TimeForm.RFC3339, RefusalCode.TIME_OUT_OF_RANGE),
        ("1969-12-31T23:59:59Z", TimeForm.RFC3339, RefusalCode.TIME_OUT_OF_RANGE),
        ("2200-01-01T00:00:00Z", TimeForm.RFC3339, RefusalCode.TIME_OUT_OF_RANGE),
        ("-1", TimeForm.NS, RefusalCode.TIME_OUT_OF_RANGE),
        ("99999999", TimeForm.S, RefusalCode.TIME_OUT_OF_RANGE),
        ("7258118400", TimeForm.S, RefusalCode.TIME_OUT_OF_RANGE),
        ("1723161255208", TimeForm.NS, RefusalCode.TIME_OUT_OF_RANGE),
        ("1723161255208", TimeForm.S, RefusalCode.TIME_OUT_OF_RANGE),
        ("9" * 5_000, TimeForm.MS, RefusalCode.TIME_OUT_OF_RANGE),
    ],
)
def test_other_time_is_refused_with_its_code(
    text: str, form: TimeForm, refusal: RefusalCode
) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_time(text, form)

    assert refused.value.refusal is refusal


@pytest.mark.parametrize("seconds", [100_000_000, 999_999_999, 1_723_161_255, 7_258_118_399])
@pytest.mark.parametrize("form", [TimeForm.S, TimeForm.MS, TimeForm.US, TimeForm.NS])
def test_no_integer_is_a_time_in_two_units(seconds: int, form: TimeForm) -> None:
    assert detect_form(str(seconds * 10**9 // form.ns_per_unit)) is form


@pytest.mark.parametrize("text", ["", "0", "1787", "20140501", "-1723161255", "2014-05-01"])
def test_what_is_no_time_shows_no_form(text: str) -> None:
    assert detect_form(text) is None


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", RefusalCode.UNDECODABLE),
        ("{", RefusalCode.UNDECODABLE),
        ("{} {}", RefusalCode.UNDECODABLE),
        ('{"a":NaN}', RefusalCode.UNDECODABLE),
        ('{"a":-Infinity}', RefusalCode.UNDECODABLE),
        ('{"a":01}', RefusalCode.UNDECODABLE),
        ('{"a":1,}', RefusalCode.UNDECODABLE),
        ('{"a":"\t"}', RefusalCode.UNDECODABLE),
        ('{"a":"\\ud800"}', RefusalCode.UNDECODABLE),
        ("[" * 100_000, RefusalCode.UNDECODABLE),
        ('{"a":1,"a":1}', RefusalCode.DUPLICATE_KEY),
        ('{"x":[{"a":1,"b":2,"a":3}]}', RefusalCode.DUPLICATE_KEY),
        ('{"a":1,"\\u0061":2}', RefusalCode.DUPLICATE_KEY),
    ],
)
def test_json_that_is_none_or_two_is_refused(text: str, refusal: RefusalCode) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_json(text)

    assert refused.value.refusal is refusal


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1.5,"b":[true,null,"\\u00e9"]}', {"a": 1.5, "b": [True, None, "\u00e9"]}),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        (f"{2**70}", 2**70),
        ("9" * 5_000, 10**40),
    ],
)
def test_json_that_is_one_is_its_value(text: str, value: object) -> None:
    assert parse_json(text) == value


def test_record_is_believed_whole_or_not_at_all() -> None:
    assert numbers_in(["1.5", "-2"]) == (RefusalCode.NONE, [1.5, -2.0])
    assert numbers_in(["1.5", "", "x"])[0] is RefusalCode.MISSING_FIELD
    assert numbers_in(["1.5", "x", ""])[0] is RefusalCode.WRONG_TYPE
    assert all(map(math.isnan, numbers_in(["1.5", "x"])[1]))


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (b"1,2\r", "1,2\\r"),
        (b"\x00\xff\x1b[31m", "\\x00\\xff\\x1b[31m"),
        ("caf\u00e9 \u202e".encode(), "caf\u00e9 \\u202e"),
        (b"\x00" * 200, "\\x00" * 30),
    ],
)
def test_excerpt_is_printable_and_short(head: bytes, shown: str) -> None:
    assert excerpt(head) == shown


def test_template_names_become_columns() -> None:
    program = build_program(["<whole a>,<real b>", "<real c>;<whole a>,<name d>"], {"x": 3})

    assert program.wholes == ("a", "d")
    assert program.reals == ("b", "c")
    assert program.templates == 2


def test_hash_of_words_is_fnv1a() -> None:
    assert fnv1a(b"") == 0xCBF29CE484222325
    assert fnv1a(b"a") == 0xAF63DC4C8601EC8C
    assert fnv1a(b"foobar") == 0x85944171F73967E8
