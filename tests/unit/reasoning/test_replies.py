"""One whole answer of the pinned model is read, and everything else is a fault that says why."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from torghut.reasoning.errors import (
    AdviceFaultError,
    AnswerCutOffError,
    AnswerDeclinedError,
    AnswerMalformedError,
    ModelDiffersError,
    ReplyMalformedError,
)
from torghut.reasoning.replies import TOKENS_MAX, Reply, read_answer, read_reply, repeats
from torghut.schemas.reasoning.steps import AdviceAnswer, SignalAnswer

MODEL: Final = "example-model-1"
ANSWER: Final = {
    "verdict": "adjust",
    "factor": 0.5,
    "confidence": 0.8,
    "rationale": "r",
    "risk_flags": ["liquidity"],
    "abstain_reason": None,
    "citations": ["blend:score"],
}


def body(
    message: dict[str, Any] | None = None, *, finish: object = "stop", **fields: object
) -> bytes:
    """Return a good completion, but for what is said."""
    said = {"role": "assistant", "content": "yes", "refusal": None, **(message or {})}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    usage = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
    return json.dumps({"model": MODEL, "choices": [choice], "usage": usage, **fields}).encode()


def answer(**fields: object) -> str:
    """Return a good answer as text, but for what is said."""
    return json.dumps({**ANSWER, **fields})


def fault(data: bytes) -> AdviceFaultError:
    """Return the fault of a body."""
    with pytest.raises(AdviceFaultError) as caught:
        read_reply(data, model=MODEL)
    return caught.value


def test_whole_answer_of_the_pinned_model_is_read_with_its_tokens() -> None:
    assert read_reply(body(), model=MODEL) == Reply(content="yes", tokens=42)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>busy</html>", id="page"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(body()[:-1], id="cut-off"),
        pytest.param(body() + b"{}", id="two"),
        pytest.param(b"\xff" + body(), id="not-utf-8"),
        pytest.param(b"\xef\xbb\xbf" + body(), id="byte-order-mark"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep-objects"),
        pytest.param(b'"' + b'\\"' * 100_000, id="unclosed-text-of-quotes"),
        pytest.param(body(usage=float("nan")), id="nan"),
        pytest.param(b'{"model":"' + MODEL.encode() + b'",' + body()[1:], id="key-twice"),
        pytest.param(b'{"model":' + b"9" * 5000 + b"}", id="endless-number"),
    ],
)
def test_body_that_is_not_one_json_object_is_malformed(data: bytes) -> None:
    found = fault(data)

    assert isinstance(found, ReplyMalformedError)
    assert found.place == "body"
    assert found.resolution == "invalid"


@pytest.mark.parametrize("model", ["example-model-2", "", None, 1, ["example-model-1"]])
def test_answer_of_another_model_is_not_read(model: object) -> None:
    assert isinstance(fault(body(model=model)), ModelDiffersError)


@pytest.mark.parametrize(
    "choices", [None, [], {}, "one", [{"message": {}}, {"message": {}}], ["one"], [None]]
)
def test_completion_without_exactly_one_choice_is_malformed(choices: object) -> None:
    found = fault(body(choices=choices))

    assert isinstance(found, ReplyMalformedError)
    assert found.place.startswith("choices")


@pytest.mark.parametrize("message", [None, "yes", ["yes"], 1])
def test_choice_without_a_message_is_malformed(message: object) -> None:
    found = fault(body(choices=[{"message": message, "finish_reason": "stop"}]))

    assert isinstance(found, ReplyMalformedError)
    assert found.place == "choices.0.message"


@pytest.mark.parametrize("finish", ["length", "content_filter", "tool_calls", "STOP", "", None, 0])
def test_answer_that_ended_for_another_reason_is_cut_off(finish: object) -> None:
    assert isinstance(fault(body(finish=finish)), AnswerCutOffError)


@pytest.mark.parametrize(
    "message",
    [
        {"refusal": "I cannot"},
        {"tool_calls": [{"id": "1"}]},
        {"function_call": {"name": "f"}},
        {"content": None},
        {"content": ""},
        {"content": 1},
        {"content": [{"type": "text", "text": "yes"}]},
    ],
)
def test_message_that_is_no_text_of_an_answer_is_declined(message: dict[str, Any]) -> None:
    assert isinstance(fault(body(message)), AnswerDeclinedError)


def test_refusal_is_told_as_such_even_where_the_answer_is_cut_off() -> None:
    assert isinstance(fault(body({"refusal": "no"}, finish="length")), AnswerDeclinedError)


def test_fault_does_not_repeat_what_a_refusal_says() -> None:
    assert "I cannot" not in str(fault(body({"refusal": "I cannot"})))


def test_empty_list_of_tool_calls_is_no_call() -> None:
    assert read_reply(body({"tool_calls": []}), model=MODEL).content == "yes"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"prompt_tokens": 1},
        {"total_tokens": 3},
        {"prompt_tokens": "1", "completion_tokens": 2},
        {"prompt_tokens": 1.5, "completion_tokens": 2},
        {"prompt_tokens": True, "completion_tokens": 2},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": TOKENS_MAX + 1, "completion_tokens": 2},
    ],
)
def test_tokens_that_are_not_told_believably_are_not_known(usage: object) -> None:
    assert read_reply(body(usage=usage), model=MODEL) == Reply(content="yes", tokens=None)


def test_answer_that_fits_its_schema_is_read() -> None:
    found = read_answer(answer(), "advice", AdviceAnswer)

    assert found == AdviceAnswer.model_validate({**ANSWER, "risk_flags": ("liquidity",)})


def test_whole_number_is_a_level() -> None:
    assert read_answer(answer(confidence=1), "advice", AdviceAnswer).confidence == 1.0


def test_space_around_an_answer_is_no_fault() -> None:
    assert read_answer(f"\n {answer()}\n", "advice", AdviceAnswer).verdict == "adjust"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="nothing"),
        pytest.param("approve", id="word"),
        pytest.param("[]", id="list"),
        pytest.param(answer()[:-1], id="cut-off"),
        pytest.param(answer() + " I hope this helps.", id="chatty"),
        pytest.param(f"```json\n{answer()}\n```", id="fenced"),
        pytest.param(answer() + answer(), id="two"),
        pytest.param('{"verdict": "veto", ' + answer()[1:], id="key-twice"),
        pytest.param(answer().replace("'", '"').replace('"', "'"), id="single-quotes"),
        pytest.param(answer().replace("}", ",}"), id="trailing-comma"),
        pytest.param(answer(factor=float("nan")), id="nan"),
        pytest.param("\ud800", id="half-of-a-pair"),
        pytest.param('{"a":' * 100_000, id="deep"),
        pytest.param('"' + '\\"' * 100_000, id="unclosed-text-of-quotes"),
    ],
)
def test_text_that_clients_would_repair_is_malformed(content: str) -> None:
    with pytest.raises(AnswerMalformedError):
        read_answer(content, "advice", AdviceAnswer)


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence": "0.8"},
        {"confidence": True},
        {"confidence": 1.01},
        {"confidence": -0.01},
        {"confidence": None},
        {"factor": 50},
        {"verdict": "ADJUST"},
        {"verdict": "buy"},
        {"rationale": ""},
        {"risk_flags": ["doom"]},
        {"risk_flags": "liquidity"},
        {"citations": ["no such: form"]},
        {"citations": ["blend:score"] * 17},
        {"note": "more"},
    ],
)
def test_answer_that_does_not_fit_its_schema_is_malformed(fields: dict[str, object]) -> None:
    with pytest.raises(AnswerMalformedError) as caught:
        read_answer(answer(**fields), "advice", AdviceAnswer)

    assert caught.value.step == "advice"
    assert next(iter(fields)) in caught.value.problem


@pytest.mark.parametrize("missing", sorted(ANSWER))
def test_answer_says_every_field(missing: str) -> None:
    fields = {name: value for name, value in ANSWER.items() if name != missing}

    with pytest.raises(AnswerMalformedError):
        read_answer(json.dumps(fields), "advice", AdviceAnswer)


def test_answer_to_one_step_is_none_to_another() -> None:
    with pytest.raises(AnswerMalformedError):
        read_answer(answer(), "signal", SignalAnswer)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"Bearer sk-a/b+c"}',
        b'{"a":"Bearer sk-a\\/b+c"}',
        b'{"a":"Bearer sk-a/b\\u002Bc"}',
        b'{"sk-a/b+c":1}',
        b'[["x",{"y":"{\\"z\\":\\"sk-a\\\\/b+c\\"}"}]]',
        b"no JSON, but sk-a/b+c",
    ],
)
def test_secret_is_seen_however_json_spells_it(body: bytes) -> None:
    assert repeats(body, "sk-a/b+c")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"a":"sk-a/b-c"}', b"[" * 100_000, b"\xff"])
def test_body_without_the_secret_does_not_repeat_it(body: bytes) -> None:
    assert not repeats(body, "sk-a/b+c")


@pytest.mark.parametrize("depth", [200, 900, 20_000])
def test_nesting_is_refused_at_the_same_depth_whatever_room_there_is(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    body = f'{{"model":"m1","odd":{nested},"choices":[]}}'.encode()

    with pytest.raises(ReplyMalformedError, match="levels"):
        read_reply(body, model="m1")


def test_brackets_in_a_text_are_no_nesting() -> None:
    body = ('{"model":"m1","odd":"' + "[" * 500 + '\\"' + "{" * 500 + '","choices":[]}').encode()

    with pytest.raises(ReplyMalformedError, match="choices"):
        read_reply(body, model="m1")
