"""What Faust brought of a partition and its owner was not handed yet; pure.

Faust says where it goes on, not its owner, and what it passed by it does not bring again. So one
unbroken run of what it brings waits. Where that begins behind the offset that the owner expects, or
something after it did not join it, the range between is read again, apart from Faust, and handed
out first; what was brought twice is handed out once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from torghut.carrying.messages import Reading, Received


@dataclass(slots=True, kw_only=True)
class Handing:
    """One partition between Faust and its owner.

    Attributes:
        limit: Most records that wait.
        expected: The next offset that the owner is handed; None until it was placed.
        held: Whether nothing is handed out.
        missed: Whether something behind what waits is to be read again.
        seen: Behind the last record that Faust brought.
        left_out: Records that Faust brought and that were not taken.
        reread: Records that were read again instead.
    """

    limit: int
    expected: int | None = None
    held: bool = True
    missed: bool = False
    seen: int = 0
    left_out: int = 0
    reread: int = 0
    _waiting: deque[Received] = field(default_factory=deque)
    _tail: int | None = None

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return len(self._waiting) >= self.limit

    @property
    def placed(self) -> bool:
        """Whether records of it may be handed out."""
        return self.expected is not None and not self.held

    @property
    def lacking(self) -> bool:
        """Whether what is to be handed out next has to be read again."""
        if not self.placed:
            return False
        return self._waiting[0].offset != self.expected if self._waiting else self.missed

    def place(self, offset: int) -> None:
        """Hand out from an offset on, whatever Faust goes on with."""
        self.expected = offset
        self._join()

    def bring(self, record: Received) -> None:
        """Take what Faust brings; nothing of it is ever put out of order."""
        self.seen = max(self.seen, record.offset + 1)
        if self._tail is not None and record.offset < self._tail:
            return  # brought again, or read before Faust came to it
        if self.full or (self._waiting and record.offset != self._tail):
            self.missed = True
            self.left_out += 1
            return
        self._waiting.append(record)
        self._tail = record.offset + 1
        self.missed = False  # whatever was, stands before this one now

    def hand(self, most: int) -> Sequence[Received]:
        """Return what is next, at most so many records, and expect what comes after them."""
        handed: list[Received] = []
        while self.placed and self._waiting and len(handed) < most:
            if self._waiting[0].offset != self.expected:
                break
            handed.append(self._waiting.popleft())
            self.expected = handed[-1].offset + 1
        return handed

    def take_reading(self, reading: Reading) -> Sequence[Received]:
        """Return what was read again from the expected offset on; what waits then joins it."""
        self.reread += len(reading.records)
        self.expected = reading.then
        self._join()
        return reading.records

    def _join(self) -> None:
        """Let go of what waits and was handed out; know whether anything is missing behind it."""
        assert self.expected is not None  # noqa: S101
        while self._waiting and self._waiting[0].offset < self.expected:
            self._waiting.popleft()
        if not self._waiting:
            self._tail = self.expected
            self.missed = self.seen > self.expected
