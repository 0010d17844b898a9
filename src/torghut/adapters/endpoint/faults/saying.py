"""Faults of what is said: the answer arrives whole, and is none, or says what it must not.

Each comes at once, or as late as its script says: ``veto:500``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, cast

from torghut.adapters.endpoint.chat import completion
from torghut.adapters.endpoint.faults.exchange import Exchange, Fault


def _says(change: Callable[[str], str | None], *, finish: str = "stop") -> Fault:
    """Return a fault of the answer's content: what a good one would be, changed."""

    async def fault(exchange: Exchange) -> None:
        await exchange.pause(0)
        said = completion(change(exchange.good), exchange.request, finish=finish)
        await exchange.answer(said)

    return fault


def _answers(change: Callable[[dict[str, object]], object]) -> Fault:
    """Return a fault of the answer's fields, as far as it is an object."""

    def changed(content: str) -> str:
        fields: dict[str, object] = json.loads(content)
        change(fields)
        return json.dumps(fields, separators=(",", ":"))

    return _says(changed)


def _sets(**fields: object) -> Fault:
    """Return a fault that answers with other values of fields that the answer has."""
    return _answers(lambda answer: answer.update({k: v for k, v in fields.items() if k in answer}))


def _wraps(change: Callable[[dict[str, object]], object]) -> Fault:
    """Return a fault of what stands around the answer."""

    async def fault(exchange: Exchange) -> None:
        await exchange.pause(0)
        body = completion(exchange.good, exchange.request)
        changed = change(body)
        await exchange.answer(body if changed is None else changed)

    return fault


async def _echo_key(exchange: Exchange) -> None:
    """Repeat the key that came with the request, beside a good answer."""
    await exchange.pause(0)
    body = completion(exchange.good, exchange.request)
    body["system_fingerprint"] = exchange.request.token or "none"
    await exchange.answer(body)


def _choices(body: dict[str, object]) -> list[dict[str, dict[str, object]]]:
    """Return the choices."""
    return cast("list[dict[str, dict[str, object]]]", body["choices"])


def _first(body: dict[str, object]) -> dict[str, object]:
    """Return the message of the only choice."""
    (choice,) = _choices(body)
    return choice["message"]


SAID: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        # What the answer says
        "approve": _sets(
            verdict="approve",
            factor=None,
            abstain_reason=None,
            confidence=1.0,
            veto=False,
            exposure_factor=1.0,
        ),
        "adjust": _sets(
            verdict="adjust",
            factor=0.5,
            abstain_reason=None,
            confidence=1.0,
            veto=False,
            exposure_factor=1.0,
        ),
        "defer": _sets(
            verdict="defer", factor=None, abstain_reason="undecided", confidence=1.0, veto=False
        ),
        "veto": _sets(verdict="veto", factor=None, abstain_reason=None, confidence=1.0),
        "critic-veto": _sets(veto=True),
        "unsure": _sets(confidence=0.0),
        "forged-citation": _sets(citations=["news:made-up"]),
        "nothing-cited": _sets(citations=[]),
        "empty": _says(lambda _: ""),
        "null": _says(lambda _: None),
        "prose": _says(lambda _: "I would approve this trade."),
        "fenced": _says(lambda good: f"```json\n{good}\n```"),
        "malformed": _says(lambda good: good.replace(":", "=", 1)),
        "unquoted": _says(lambda good: good.replace('"', "", 2)),
        "truncated": _says(lambda good: good[: len(good) // 2]),
        "cut-off": _says(lambda good: good[: len(good) // 2], finish="length"),
        "cut-off-whole": _says(lambda good: good, finish="length"),
        "filtered": _says(lambda good: good, finish="content_filter"),
        "duplicate-keys": _says(lambda good: '{"verdict":"approve","verdict":"veto",' + good[1:]),
        "trailing": _says(lambda good: good + good),
        "array": _says(lambda good: f"[{good}]"),
        "nan": _says(lambda good: good[:-1] + ',"confidence":NaN}'),
        "number-as-text": _sets(
            confidence="0.9", strength="0.9", severity="0.9", exposure_factor="1.0"
        ),
        "wrong-types": _sets(verdict=1, stance=1, veto="no", objection=7, rationale=False),
        "unknown-verdict": _sets(verdict="buy", stance="up", flags=["panic"], objection=""),
        "out-of-range": _sets(confidence=1.5, strength=-1.0, severity=9.0, exposure_factor=2.0),
        "adjust-unbounded": _sets(verdict="adjust", factor=3.0, exposure_factor=3.0),
        "extra-key": _answers(lambda answer: answer.update(target=1_000_000)),
        "missing-key": _answers(lambda answer: answer.pop("citations")),
        "long-rationale": _sets(rationale="x" * 5000, summary="x" * 5000, objection="x" * 5000),
        "deep": _says(lambda _: "[" * 5000 + "]" * 5000),
        # What stands around it
        "no-choices": _wraps(lambda body: body.update(choices=[])),
        "two-choices": _wraps(lambda body: body.update(choices=[*_choices(body), *_choices(body)])),
        "tool-call": _wraps(
            lambda body: _first(body).update(
                content=None, tool_calls=[{"id": "1", "type": "function", "function": {}}]
            )
        ),
        "refusal": _wraps(lambda body: _first(body).update(content=None, refusal="I cannot.")),
        "other-model": _wraps(lambda body: body.update(model="another-model")),
        "no-usage": _wraps(lambda body: {k: v for k, v in body.items() if k != "usage"}),
        "absurd-usage": _wraps(
            lambda body: body.update(
                usage={"prompt_tokens": -5, "completion_tokens": 2**60, "total_tokens": 1}
            )
        ),
        "echo-key": _echo_key,
        "error-with-200": _wraps(lambda _: {"error": {"message": "overloaded"}}),
    }
)
"""Faults of what is said, by name."""
