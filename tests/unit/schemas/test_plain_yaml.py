"""Declarations are plain YAML: what looks like text is text, and nothing is said twice."""

from __future__ import annotations

import pytest

from torghut.schemas.declarations.plain_yaml import PlainYamlError, read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -0.5", {"a": -0.5}),
        ("a: 1e-3", {"a": 0.001}),
        ("a: true", {"a": True}),
        ("a: null", {"a": None}),
        ("a:", {"a": None}),
        ("a: [x, 2]", {"a": ["x", 2]}),
        ("a: {b: c}", {"a": {"b": "c"}}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("a: >-\n  two\n  lines", {"a": "two lines"}),
    ],
)
def test_plain_yaml_is_read(text: str, value: object) -> None:
    assert read_plain(text) == value


@pytest.mark.parametrize(
    "word", ["off", "yes", "No", "TRUE", "17:00", "2001-09-11", "0x1F", "010", "1_000", ".inf", "="]
)
def test_what_other_readers_guess_stays_text(word: str) -> None:
    assert read_plain(f"a: {word}") == {"a": word}


@pytest.mark.parametrize("quoted", ['"1"', "'1'"])
def test_quoted_number_is_text(quoted: str) -> None:
    assert read_plain(f"a: {quoted}") == {"a": "1"}


def test_merge_key_is_an_ordinary_key() -> None:
    assert read_plain("<<: {a: 1}") == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a: 1\na: 2", 2, "a again"),
        ('a: 1\n"a": 2', 2, "a again"),
        ("a: !!python/object:os.system x", 1, "tag:yaml.org,2002:python/object:os.system"),
        ("a: !!str 1", 1, "tag:yaml.org,2002:str"),
        ("!thing {a: 1}", 1, "!thing"),
        ("a: &x 1\nb: *x", 1, "x"),
        ("a: *x", 1, "an alias"),
        ("1: a", 1, "1"),
        ("[a]: b", 1, "['a']"),
        ("a: 1\n---\nb: 2", 2, "another"),
        ("a: 1\n---\n", 2, "another"),
        ("", 1, "nothing"),
        ("# only a remark", 2, "nothing"),
        ("[" * 30, 1, "more"),
    ],
)
def test_more_than_plain_yaml_is_refused(text: str, line: int, found: str) -> None:
    with pytest.raises(PlainYamlError) as refused:
        read_plain(text)

    assert refused.value.line == line
    assert refused.value.found == found


@pytest.mark.parametrize("text", ["a: [1, 2", "a: b: c", "\ta: 1", "a: 'x", "a: \x01", "%FOO\n--"])
def test_what_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(PlainYamlError) as refused:
        read_plain(text)

    assert refused.value.expected == "YAML"


def test_expanding_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*a, *a]\n" for c in "bcdefgh")

    with pytest.raises(PlainYamlError, match="line 1"):
        read_plain(bomb)
