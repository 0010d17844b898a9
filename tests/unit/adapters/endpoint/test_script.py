"""A script of faults says what is done with each request, and begins again after the last."""

from __future__ import annotations

from itertools import islice
from typing import Final

import pytest

from torghut.adapters.endpoint.script import Script, ScriptMalformedError, Step, parse_script
from torghut.kernel.errors import ExitCode

KNOWN: Final = ("good", "slow", "reset", "half-body")


def first(text: str, count: int) -> list[str]:
    """Return the faults of the first requests."""
    return [step.fault for step in islice(parse_script(text, KNOWN), count)]


def test_steps_are_taken_in_order_and_then_again() -> None:
    assert first("good,reset", 5) == ["good", "reset", "good", "reset", "good"]


def test_step_is_repeated_as_often_as_it_says() -> None:
    assert first("good,slow*3,reset", 6) == ["good", "slow", "slow", "slow", "reset", "good"]


def test_step_says_how_long_what_it_does_takes() -> None:
    assert list(islice(parse_script("slow:200*2,slow", KNOWN), 3)) == [
        Step(fault="slow", ms=200),
        Step(fault="slow", ms=200),
        Step(fault="slow"),
    ]


def test_step_may_take_no_time_at_all() -> None:
    assert next(iter(parse_script("slow:0", KNOWN))).ms == 0


def test_script_can_be_read_twice_from_its_beginning() -> None:
    script = parse_script("good,reset", KNOWN)

    assert next(iter(script)) == next(iter(script)) == Step(fault="good")


def test_lines_commas_spaces_and_comments_only_separate() -> None:
    text = "# first good ones, reset\n good*2 , \n\n half-body # then half a body\nreset,\n"

    assert parse_script(text, KNOWN) == parse_script("good*2,half-body,reset", KNOWN)


def test_one_word_is_a_script() -> None:
    assert parse_script("good", ["good"]) == Script(((Step(fault="good"), 1),))


def test_names_may_come_one_at_a_time() -> None:
    assert parse_script("reset", iter(KNOWN)) == parse_script("reset", KNOWN)


@pytest.mark.parametrize("text", ["", " \n ", ",,", "# good", "\n#good\n#reset"])
def test_text_without_a_step_is_no_script(text: str) -> None:
    with pytest.raises(ScriptMalformedError):
        parse_script(text, KNOWN)


@pytest.mark.parametrize(
    "word",
    [
        "bad",
        "Good",
        "good reset",
        "good*",
        "good:",
        "good*-1",
        "good:-1",
        "good:1.5",
        "good*2:3",
        "good:12345678",
        "good*1234567",
        "good:\u0661",
        "*3",
        ":200",
        "good;reset",
    ],
)
def test_word_that_is_no_step_is_refused_and_shown(word: str) -> None:
    with pytest.raises(ScriptMalformedError) as caught:
        parse_script(f"good,{word},reset", KNOWN)

    assert caught.value.found == word
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("word", ["good*0", "good*00", "good*000000"])
def test_step_that_is_never_taken_is_refused(word: str) -> None:
    with pytest.raises(ScriptMalformedError):
        parse_script(word, KNOWN)


def test_refusal_names_every_fault_there_is() -> None:
    with pytest.raises(ScriptMalformedError, match="good, half-body, reset, slow"):
        parse_script("bad", KNOWN)


def test_refusal_of_a_long_word_shows_only_its_start() -> None:
    with pytest.raises(ScriptMalformedError) as caught:
        parse_script("x" * 10_000, KNOWN)

    assert len(str(caught.value)) < 300
