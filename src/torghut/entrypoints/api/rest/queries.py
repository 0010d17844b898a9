"""What may be asked for in a query; anything else is refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from torghut.schemas.live.position import POSITION, Position, parse_position
from torghut.schemas.types import Message

_AFTER: Final = f"^(start|now|{POSITION})$"

After = Annotated[
    str, Field(pattern=_AFTER, description="A position that was received; start; or now.")
]
Flag = Annotated[Literal["0", "1"], Field(description="1 for yes.")]


class _Query(Message):
    """A query's words; FastAPI silences a warning only about what it builds at once."""

    model_config = ConfigDict(defer_build=False)


class FollowQuery(_Query):
    """Where to begin, and whether to go on."""

    after: After = "start"
    follow: Flag = "0"


class StreamQuery(_Query):
    """Where to begin, and whether control records are told too."""

    after: After = "now"
    controls: Flag = "0"


class OutcomeQuery(_Query):
    """Of which context."""

    context_id: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,299}$",
            description="Its id, or that of the decision about it.",
        ),
    ]


class NoQuery(_Query):
    """Nothing."""


def position_after(after: str) -> Position | None:
    """Return the position that a query names; None for now."""
    return None if after == "now" else parse_position(after)
