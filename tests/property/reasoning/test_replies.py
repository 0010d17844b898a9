"""Whatever bytes come: they are one whole answer, or a fault of the reasoning path, never more."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.reasoning.errors import AdviceFaultError, AnswerMalformedError
from torghut.reasoning.replies import TOKENS_MAX, read_answer, read_reply
from torghut.schemas.reasoning.steps import STEPS, AdviceAnswer, SignalAnswer

MODEL: Final = "m"
WORDS: Final = st.sampled_from(["stop", MODEL, "yes", "", "choices", "length"]) | st.text()
LEAVES: Final = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
VALUES: Final = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
GOOD: Final = json.dumps(
    {
        "model": MODEL,
        "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
).encode()
LEVELS: Final = st.floats(0.0, 1.0)
SIGNALS: Final = st.builds(
    SignalAnswer,
    stance=st.sampled_from(["long", "short", "flat"]),
    strength=LEVELS,
    summary=st.text(min_size=1, max_size=50),
    citations=st.lists(st.sampled_from(["blend:score", "news:n1"]), max_size=3).map(tuple),
)


def perhaps(value: st.SearchStrategy[Any], usual: object) -> st.SearchStrategy[Any]:
    """Return what is mostly as usual."""
    return st.just(usual) | st.just(usual) | value


MESSAGES: Final = st.fixed_dictionaries(
    {"content": perhaps(VALUES, "yes")},
    optional={"refusal": VALUES, "tool_calls": VALUES, "function_call": VALUES},
)
CHOICES: Final = st.fixed_dictionaries(
    {"message": MESSAGES | VALUES, "finish_reason": perhaps(VALUES, "stop")}
)
BODIES: Final = st.fixed_dictionaries(
    {
        "model": perhaps(VALUES, MODEL),
        "choices": st.lists(CHOICES, min_size=1, max_size=2) | VALUES,
        "usage": st.fixed_dictionaries({"prompt_tokens": VALUES, "completion_tokens": VALUES})
        | VALUES,
    }
).map(lambda value: json.dumps(value).encode())


@given(st.binary(max_size=200) | BODIES)
def test_bytes_are_a_whole_answer_or_a_fault(body: bytes) -> None:
    with contextlib.suppress(AdviceFaultError):
        reply = read_reply(body, model=MODEL)

        assert reply.content
        assert reply.tokens is None or 0 <= reply.tokens <= 2 * TOKENS_MAX


@given(st.binary(max_size=8), st.integers(0, len(GOOD)), st.integers(0, 8))
def test_damaged_reply_is_read_or_a_fault(damage: bytes, at: int, lost: int) -> None:
    with contextlib.suppress(AdviceFaultError):
        read_reply(GOOD[:at] + damage + GOOD[at + lost :], model=MODEL)


@given(st.integers(0, len(GOOD) - 1))
def test_reply_that_ends_early_is_always_a_fault(end: int) -> None:
    with pytest.raises(AdviceFaultError):
        read_reply(GOOD[:end], model=MODEL)


@given(
    st.text(st.characters())
    | VALUES.map(json.dumps)
    | st.dictionaries(WORDS, VALUES).map(json.dumps),
    st.sampled_from(sorted(STEPS)),
)
def test_text_fits_its_step_or_is_malformed(content: str, step: str) -> None:
    kind = next(kind for name, kind in STEPS.items() if name == step)

    with contextlib.suppress(AnswerMalformedError):
        assert isinstance(read_answer(content, step, kind), kind)


@given(SIGNALS)
def test_answer_comes_back_as_it_was_written(signal: SignalAnswer) -> None:
    assert read_answer(signal.model_dump_json(), "signal", SignalAnswer) == signal


@given(SIGNALS, st.data())
def test_answer_that_ends_early_is_always_malformed(
    signal: SignalAnswer, data: st.DataObject
) -> None:
    whole = signal.model_dump_json()
    end = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(AnswerMalformedError):
        read_answer(whole[:end], "signal", SignalAnswer)


@given(SIGNALS)
def test_answer_to_one_step_never_fits_another(signal: SignalAnswer) -> None:
    with pytest.raises(AnswerMalformedError):
        read_answer(signal.model_dump_json(), "advice", AdviceAnswer)
