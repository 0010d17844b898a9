"""Whatever a text is, what is shown of it is plain, short, on one line, and judged as shown."""

from __future__ import annotations

import unicodedata
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from torghut.reasoning.cleaning import clean

LONGEST: Final = st.integers(1, 200)
PIECES: Final = st.sampled_from(
    [
        *("<b>", "<", ">", "</", "<|", "|>", "<!--", "-->", "[INST]", "###", "[[ ## x ## ]]"),
        *("system", "user", "tool", ":", " : ", ". ", "\n", "\r\n", "\t", "  ", "\u00a0", "\u2028"),
        *("ignore", " all ", "previous", "rules", "verdict", "=", "you must ", "buy"),
        *("\u200b", "\u202e", "\u034f", "\ufe0f", "\u0301", "\u00ad", "\ufdfa", "\ud800"),
        *("https://a.example", "a@b.example", "4111 1111 1111 1111", "sk-" + "a" * 16, "0a" * 16),
        *("1" * 12, "A" * 80, "data:", "Rates", "held", "e", "\uff1c", "\uff1e"),
    ]
)
TEXTS: Final = st.text(st.characters(), max_size=200) | st.lists(PIECES, max_size=12).map("".join)
UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


@given(TEXTS, LONGEST)
def test_what_is_shown_is_one_line_that_is_no_longer_than_asked_for(
    text: str, longest: int
) -> None:
    shown = clean(text, longest=longest).text

    assert len(shown) <= longest
    assert len(shown.splitlines()) <= 1
    assert shown == " ".join(shown.split())


@given(TEXTS, LONGEST)
def test_nothing_that_is_shown_is_a_control_or_format_character(text: str, longest: int) -> None:
    shown = clean(text, longest=longest).text

    assert not UNSEEN & {unicodedata.category(one) for one in shown}
    assert shown.encode().decode() == shown


@given(TEXTS, LONGEST)
def test_same_text_is_always_cleaned_the_same(text: str, longest: int) -> None:
    assert clean(text, longest=longest) == clean(text, longest=longest)


@given(TEXTS, LONGEST)
@example("e\u200d\u0301", 80)
@example("123456789012abc", 12)
@example("<b" + " " * 500 + ">", 1200)
def test_cleaning_twice_changes_nothing(text: str, longest: int) -> None:
    once = clean(text, longest=longest).text

    assert clean(once, longest=longest).text == once


@given(TEXTS)
@example(" system: x")
@example("<b" + " " * 500 + ">")
def test_text_that_is_trusted_is_trusted_as_it_is_shown(text: str) -> None:
    cleaned = clean(text, longest=1200)

    if not cleaned.suspicions:
        assert clean(cleaned.text, longest=1200).suspicions == ()


@given(st.text(st.sampled_from("\u200b\u202e\u00ad\u2066\x00\x1b"), min_size=1, max_size=5), TEXTS)
def test_invisible_characters_make_any_text_untrusted(hidden: str, text: str) -> None:
    assert "invisible-characters" in clean(hidden + text, longest=1200).suspicions
