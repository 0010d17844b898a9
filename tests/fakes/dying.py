"""A process that is killed: nothing in it may catch that, and what it appends ends there."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.types import Message


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class MortalLog(InMemoryLog):
    """A log whose appender dies between two appends.

    Attributes:
        left: Appends until then; None: it lives.
        fault: What it dies of.
    """

    left: int | None = None
    fault: BaseException = Killed()

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        if self.left is not None:
            if self.left <= 0:
                raise self.fault
            self.left -= 1
        return await super().append_events(
            stream, events, expected_version=expected_version, causes=causes
        )
