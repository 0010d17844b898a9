"""Ids say one thing in one way, and nothing else is taken for one."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.kernel.ids import (
    ContextId,
    DecisionId,
    IdentifierMalformedError,
    format_context_id,
    format_decision_id,
    parse_context_id,
    parse_decision_id,
    role_suffix,
    source_key,
    source_key_of_words,
    source_words,
    symbol_key,
)

CONTEXT: Final = "00112233445566778899aabbccddeeff:fxcm:EURUSD:quote:48213"
PACKAGE: Final = "ab" * 32

contexts: Final = st.builds(
    ContextId,
    source_key=st.binary(min_size=16, max_size=16),
    symbol=st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}:[A-Z0-9][A-Z0-9._-]{0,9}", fullmatch=True),
    stream=st.sampled_from(["quote", "trade", "depth", "bar"]),
    sequence=st.integers(0, 2**64 - 1),
)


def test_context_id_is_taken_apart() -> None:
    context = parse_context_id(CONTEXT)

    assert context.source_key.hex() == "00112233445566778899aabbccddeeff"
    assert (context.symbol, context.stream, context.sequence) == ("fxcm:EURUSD", "quote", 48213)


@given(contexts)
def test_context_id_survives_its_text(context: ContextId) -> None:
    assert parse_context_id(format_context_id(context)) == context


@given(contexts, st.sampled_from(["", PACKAGE]))
def test_decision_id_survives_its_text(context: ContextId, package: str) -> None:
    for decision in (
        DecisionId(context=context),
        DecisionId(context=context, role="shadow", package=package, run_id="run-1"),
    ):
        assert parse_decision_id(format_decision_id(decision)) == decision


@pytest.mark.parametrize(
    "text",
    [
        "",
        CONTEXT.upper(),
        CONTEXT + "\n",
        CONTEXT.replace("48213", "048213"),
        CONTEXT.replace("48213", "-1"),
        CONTEXT.replace("48213", "٣"),
        CONTEXT.replace("48213", str(2**64)),
        CONTEXT.replace("fxcm:", ""),
        CONTEXT.replace("quote", "Quote"),
        CONTEXT.replace("00112233", "0011223"),
        CONTEXT + "/serving",
    ],
)
def test_other_text_is_no_context_id(text: str) -> None:
    with pytest.raises(IdentifierMalformedError):
        parse_context_id(text)


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        "/",
        "/shadow",
        "/shadow/x/r",
        "/serving/",
        f"/serving/{PACKAGE}/run",
        f"/shadow/{PACKAGE}",
        f"/shadow/{PACKAGE}/",
        f"/shadow/{PACKAGE}/a/b",
        f"/Shadow/{PACKAGE}/run",
    ],
)
def test_other_text_is_no_decision_id(suffix: str) -> None:
    with pytest.raises(IdentifierMalformedError):
        parse_decision_id(CONTEXT + suffix)


def test_serving_names_neither_package_nor_run() -> None:
    assert role_suffix() == "/serving"
    with pytest.raises(IdentifierMalformedError):
        role_suffix(package=PACKAGE, run_id="run")


def test_other_roles_name_their_run() -> None:
    assert role_suffix("replay", run_id="r1") == "/replay/none/r1"
    with pytest.raises(IdentifierMalformedError):
        role_suffix("replay", package=PACKAGE)


def test_id_that_could_not_be_read_back_is_not_written() -> None:
    context = ContextId(source_key=bytes(15), symbol="fxcm:EURUSD", stream="quote", sequence=1)

    with pytest.raises(IdentifierMalformedError):
        format_context_id(context)


@given(st.binary(min_size=16, max_size=16))
def test_source_key_survives_its_words(key: bytes) -> None:
    assert source_key_of_words(*source_words(key)) == key


def test_source_key_is_the_beginning_of_the_digest() -> None:
    assert source_key("00ff" * 16) == bytes.fromhex("00ff" * 8)
    for wrong in ("00ff", "00FF" * 16):
        with pytest.raises(IdentifierMalformedError):
            source_key(wrong)
    with pytest.raises(IdentifierMalformedError):
        source_words(bytes(15))


def test_symbols_have_keys_of_their_own() -> None:
    assert symbol_key("fxcm:EURUSD") != symbol_key("fxcm:NZDUSD")


def test_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(IdentifierMalformedError) as refused:
        parse_context_id("x" * 10_000)

    assert len(str(refused.value)) < 400
