"""Refusals as they are published: what came in and was not decided, and why.

Every record of a source has exactly one outcome. One that could be told as a context is refused
under its context id; one that could not is quarantined under its place in the source.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torghut.schemas.context import Identified
from torghut.schemas.types import Message, SafeCount, Sha256

RefusalText = Annotated[
    str,
    Field(
        pattern=r"^market\.[a-z]+(-[a-z]+)*$",
        description="Such as market.crossed-book; codes are only ever added.",
    ),
]


class ContextRefused(Identified):
    """A market context was refused; nothing was decided and the symbol's state is untouched."""

    type: Literal["market.context-refused.v1"] = "market.context-refused.v1"
    code: RefusalText


class RecordQuarantined(Message):
    """A record of a source is no context at all; it is kept so that it can be found again."""

    type: Literal["market.record-quarantined.v1"] = "market.record-quarantined.v1"
    source: Annotated[Sha256, Field(description="Of the file's bytes or the feed's declaration.")]
    record: Annotated[SafeCount, Field(description="Ordinal in the source, from 0.")]
    code: RefusalText
    digest: Annotated[Sha256, Field(description="Of the record's bytes as found.")]
    excerpt: Annotated[str, Field(max_length=120, description="Its first bytes, printable.")]
