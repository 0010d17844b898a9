"""A declaration is refused with its file, its key, what was expected, found and to be done."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.errors import (
    DeclarationBytesError,
    DeclarationContentError,
    DeclarationSyntaxError,
)
from torghut.schemas.declarations.fields import Amount, Count, Ratio
from torghut.schemas.declarations.text import parse
from torghut.schemas.types import Message


class Part(Message):
    """A section of the example."""

    max_ratio: Ratio


class Example(Message):
    """A declaration as short as can be."""

    price: Amount
    count: Count
    parts: tuple[Part, ...] = ()


ADAPTER = TypeAdapter(Example)
GOOD = 'price: "0.10"\ncount: 3\nparts: [{max_ratio: 1}]'


def test_declaration_becomes_a_typed_value() -> None:
    example = parse(ADAPTER, GOOD, file="example.yaml")

    assert example == Example(price=Decimal("0.10"), count=3, parts=(Part(max_ratio=1.0),))


@pytest.mark.parametrize(
    ("old", "new", "key", "expected", "found", "advice"),
    [
        ("count", "cuont", "count", "a value", "nothing", "declare it"),
        ("count: 3", "count: 3\npirce: 1", "pirce", "a known key", "an unknown one", "mean price?"),
        ("count: 3", "count: 3\nzzz: 1", "zzz", "a known key", "an unknown one", "remove it"),
        ("count: 3", 'count: "3"', "count", "a valid integer", '"3"', "correct"),
        ("count: 3", "count: 3.5", "count", "a valid integer", "3.5", "correct"),
        ("count: 3", "count: true", "count", "a valid integer", "true", "correct"),
        ("count: 3", "count: 0", "count", "greater than or equal to 1", "0", "correct"),
        ('"0.10"', "0.10", "price", "a decimal number in quotes", "0.1", "correct"),
        ('"0.10"', '"1e3"', "price", "a decimal number in quotes", '"1e3"', "correct"),
        ('"0.10"', '"-1"', "price", "a decimal number in quotes", '"-1"', "correct"),
        ('"0.10"', '"NaN"', "price", "a decimal number in quotes", '"NaN"', "correct"),
        ('"0.10"', '"0"', "price", "greater than 0", '"0"', "correct"),
        ("ratio: 1", "ratio: 1.5", "parts[0].max_ratio", "less than or equal to 1", "1.5", "corr"),
        ("ratio: 1", "ratio: 1e999", "parts[0].max_ratio", "finite number", "", "correct"),
        ("ratio: 1", "ratio: .nan", "parts[0].max_ratio", "a valid number", ".nan", "correct"),
        ("ratio: 1", "ratioo: 1", "parts[0].max_ratioo", "a known key", "unknown", "max_ratio?"),
    ],
)
def test_wrong_content_is_named(
    old: str, new: str, key: str, expected: str, found: str, advice: str
) -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse(ADAPTER, GOOD.replace(old, new), file="example.yaml")

    problem = next(one for one in refused.value.problems if one.key == key)
    assert expected in problem.expected
    assert found in problem.found
    assert advice in problem.advice
    assert f"example.yaml: {key}: expected " in str(refused.value)
    assert refused.value.file == "example.yaml"


def test_every_problem_is_kept_and_the_first_five_are_shown() -> None:
    many = "[" + ", ".join(["{max_ratio: 2}"] * 9) + "]"

    with pytest.raises(DeclarationContentError) as refused:
        parse(ADAPTER, GOOD.replace("[{max_ratio: 1}]", many), file="example.yaml")

    assert len(refused.value.problems) == 9
    assert len(str(refused.value).splitlines()) == 6
    assert str(refused.value).endswith("and 4 more")


def test_long_values_are_shortened_in_the_message() -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse(ADAPTER, GOOD.replace("3", "x" * 10_000), file="example.yaml")

    assert len(str(refused.value)) < 300


def test_broken_text_is_named_by_its_line() -> None:
    with pytest.raises(DeclarationSyntaxError) as refused:
        parse(ADAPTER, GOOD + "\ncount: 4", file="example.yaml")

    assert str(refused.value) == (
        "example.yaml: line 4, column 1: expected each key once, found count again; "
        "write it in plain YAML"
    )


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "3"])
def test_document_that_is_no_map_is_refused(text: str) -> None:
    with pytest.raises(DeclarationContentError, match="the document: expected an object"):
        parse(ADAPTER, text, file="example.yaml")


def test_amount_keeps_its_digits_through_json() -> None:
    amount = TypeAdapter(Amount).validate_python(Decimal("0.00000001"))

    assert json.loads(TypeAdapter(Amount).dump_json(amount)) == "0.00000001"


def test_altered_bytes_are_an_integrity_failure() -> None:
    assert DeclarationBytesError(found="other bytes").exit_code is ExitCode.INTEGRITY
