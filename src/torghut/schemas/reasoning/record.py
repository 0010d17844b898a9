"""What is kept of a question: what was shown, each call with its reply, and what it came to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torghut.schemas.context import ContextIdText
from torghut.schemas.control import ResolutionName, Share
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.steps import StepName
from torghut.schemas.types import Message, Nanoseconds, SafeCount, Sha256

ReplyEncoding = Literal["utf-8", "base64"]
FaultCode = Annotated[str, Field(max_length=100, description="Of a fault; empty without one.")]


class ModelParameters(Message):
    """What is pinned of a model."""

    model: Annotated[str, Field(min_length=1, max_length=200, description="As answers name it.")]
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    seed: Annotated[SafeCount | None, Field(description="Null: the endpoint takes none.")] = 0
    max_tokens: Annotated[SafeCount, Field(description="Of one answer.")] = 800


class CallRecorded(Message):
    """One call of the endpoint: a request that can be rendered again, and the reply as it came."""

    step: StepName
    request: Annotated[Sha256, Field(description="Of the request's canonical JSON.")]
    reply: Annotated[str | None, Field(description="Null: none came whole.")]
    encoding: Annotated[ReplyEncoding, Field(description="Of the reply.")]
    tokens: Annotated[SafeCount | None, Field(description="Null: it does not say.")]
    elapsed_ns: Nanoseconds
    code: FaultCode


class AdviceRecord(Message):
    """A question and its answer. Its name is its sha256; the control record cites it."""

    type: Literal["reasoning.advice-record.v1"] = "reasoning.advice-record.v1"
    context_id: ContextIdText
    program: Annotated[
        Sha256 | None, Field(description="Digest of its package; null: as it comes, uncompiled.")
    ]
    parameters: ModelParameters
    confidence_min: Share
    shown: AdviceContext
    calls: Annotated[tuple[CallRecorded, ...], Field(max_length=16)]
    resolution: ResolutionName
    factor: Share | None
    confidence: Share | None
    code: FaultCode
