"""A program without a model: it says what a test wants of a question, as an endpoint would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from torghut.kernel.canonical import JsonObject, canonical_bytes, canonical_text
from torghut.kernel.digests import sha256_hex
from torghut.reasoning.errors import DeadlineError
from torghut.reasoning.replies import read_answer, read_reply
from torghut.reasoning.verdict import Committee
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import (
    STEPS,
    AdviceAnswer,
    CounterAnswer,
    RiskAnswer,
    SignalAnswer,
    StepName,
)
from torghut.workflows.reasoning.ports import Call, Program, Thought, Transcript

MODEL: Final = "a-model"
PINNED: Final = ModelParameters(model=MODEL)

Says = Callable[[AdviceContext], str]
"""What comes of a question: approve, veto, invalid or late."""


@dataclass(slots=True, kw_only=True)
class FakeProgram(Program):
    """Answers each step with a whole chat completion.

    Attributes:
        says: What comes of a question.
        named: Digest of the package that it stands in for.
        confidence: That it states.
    """

    says: Says
    named: str | None = None
    confidence: float = 0.9

    @property
    @override
    def parameters(self) -> ModelParameters:
        return PINNED

    @property
    @override
    def digest(self) -> str | None:
        return self.named

    @override
    async def think(
        self, shown: AdviceContext, *, deadline_ns: int, transcript: Transcript
    ) -> Thought:
        said = self.says(shown)
        if said == "late":
            transcript.calls.append(_call("signal", shown, None, "reasoning.deadline"))
            raise DeadlineError(step="signal")
        found: dict[StepName, str] = {}
        for step, answer in _answers(shown, said, self.confidence).items():
            call = _call(step, shown, answer, "")
            transcript.calls.append(call)
            found[step] = read_reply(call.reply or b"", model=MODEL).content
        committee = Committee(
            signal=read_answer(found["signal"], "signal", SignalAnswer),
            counter=read_answer(found["counter"], "counter", CounterAnswer),
            risk=read_answer(found["risk"], "risk", RiskAnswer),
            advice=read_answer(found["advice"], "advice", AdviceAnswer),
        )
        return Thought(committee=committee, tokens=10 * len(STEPS))


def _answers(shown: AdviceContext, said: str, confidence: float) -> Mapping[StepName, JsonObject]:
    """Return the four answers that come to ``said``."""
    cited = [shown.facts[0].id]
    vetoes = said == "veto"
    return {
        "signal": {"stance": "flat", "strength": 0.0, "summary": "none", "citations": cited},
        "counter": {"objection": "none", "severity": 0.0, "citations": cited},
        "risk": {
            "veto": vetoes,
            "exposure_factor": 1.0,
            "flags": [],
            "rationale": "none",
            "citations": cited,
        },
        "advice": {
            "verdict": "veto" if vetoes else "approve",
            "factor": None,
            "confidence": confidence,
            "rationale": "none",
            "risk_flags": [],
            "abstain_reason": None,
            "citations": ["fact:made-up"] if said == "invalid" else cited,
        },
    }


def _call(step: StepName, shown: AdviceContext, answer: JsonObject | None, code: str) -> Call:
    """Return a call, and its reply as it came."""
    message: JsonObject = {
        "role": "assistant",
        "content": "" if answer is None else canonical_text(answer),
    }
    reply = canonical_bytes(
        {"model": MODEL, "choices": [{"message": message, "finish_reason": "stop"}]}
    )
    return Call(
        step=step,
        request=sha256_hex(f"{step} {shown.model_dump_json()}".encode()),
        reply=None if answer is None else reply,
        tokens=10,
        elapsed_ns=1_000_000,
        code=code,
    )
