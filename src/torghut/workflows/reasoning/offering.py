"""News and fundamentals on their way to the topic of those who ask for advice."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ValidationError

from torghut.carrying.messages import SCHEMA, Outgoing
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.reasoning.offering import PassageOffered
from torghut.schemas.types import first_problem


class PassageMalformedError(TorghutError):
    """What was offered is no piece of news or fundamentals."""

    code: ClassVar[str] = "reasoning.passage-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, place: str, found: str) -> None:
        super().__init__(f"{place}: {found}; correct the line: nothing of the file was sent")
        self.place, self.found = place, found


def passage_message(line: bytes, place: str) -> Outgoing:
    """Return an item as the message that carries it.

    Args:
        line: The item as JSON.
        place: Where it stands, for people.

    Raises:
        PassageMalformedError: It is none.
    """
    try:
        said = PassageOffered.model_validate_json(line)
    except ValidationError as error:
        found = first_problem(error).at("the item")
        raise PassageMalformedError(place=place, found=found) from error
    return Outgoing(None, said.model_dump_json().encode(), ((SCHEMA, said.type.encode()),))
