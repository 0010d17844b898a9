"""Where candidate and champion held different positions, and what that came to."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.rollout.run import RunId
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount, Symbol

DISAGREEMENTS_MAX: Final = 10
"""So many of the largest are kept."""

Gain = Annotated[Real, Field(description="Net, as a ratio of the capital allotted.")]
Position = Annotated[Real, Field(description="In units of the base, after the context.")]


class Disagreement(Message):
    """A stretch of one symbol's contexts in which the candidate held more, or less, throughout.

    It ends with the context at which the positions are the same again, or cross.
    """

    symbol: Symbol
    first_ns: Annotated[Nanoseconds, Field(description="Receive time of its first context.")]
    last_ns: Nanoseconds
    contexts: SafeCount
    widest_context: Annotated[
        Identifier, Field(description="Id of the context at which they were furthest apart.")
    ]
    widest_ns: Nanoseconds
    candidate_position: Position
    champion_position: Position
    candidate_net: Gain
    champion_net: Gain


class Disagreements(Message):
    """The stretches of a test whose gains differ most, the largest first."""

    type: Literal["rollout.disagreements.v1"] = "rollout.disagreements.v1"
    run_id: RunId
    candidate_id: Identifier
    log: Annotated[str, Field(max_length=400, description="File of the log, as submitted.")]
    contexts: Annotated[SafeCount, Field(description="Of the test, decided by both.")]
    contexts_apart: Annotated[SafeCount, Field(description="In stretches of any size.")]
    stretches: SafeCount
    largest: Annotated[tuple[Disagreement, ...], Field(max_length=DISAGREEMENTS_MAX)]
