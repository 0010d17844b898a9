"""What came since the cycle before, counted block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.recording import Recorded
from torghut.drift.regime import is_distrusted, is_routed
from torghut.eventlog.columns import refused
from torghut.schemas.codes import Reason
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.rows import INT64_LAST_NS, Bytes, Integers, RowArray
from torghut.workflows.scheduling.seen.questions import Questions

_WARMING: Final = np.uint64(1 << Reason.WARMING_UP)


@dataclass(slots=True, kw_only=True)
class SeenWindow:
    """Counts of contexts and decisions.

    Attributes:
        signals: Contexts, refused and undecodable ones included.
        refused: Of them.
        decisions: Made.
        routed: Of them, those whose weights were the router's to give: not where people declared
            others, nor while a symbol warms up, when nothing is opened whatever the weights.
        fell_back: Of those, the ones for which defensive weights stood in, for whatever reason.
        first_ns: Receive time of the first context; 0 where none has one.
        last_ns: Of the last.
        questions: What became of the decisions that wanted advice.
    """

    signals: int = 0
    refused: int = 0
    decisions: int = 0
    routed: int = 0
    fell_back: int = 0
    first_ns: int = 0
    last_ns: int = 0
    questions: Questions = field(default_factory=Questions)

    def count(self, recorded: Recorded, rows: RowArray) -> None:
        """Add a whole block."""
        counts = recorded.header.counts
        undecodable = counts.contexts - len(recorded.contexts)
        self.signals += undecodable
        self.refused += undecodable
        self.count_some(recorded.contexts["receive_ns"], recorded.outcomes, rows)
        self.questions.take_shadowed(recorded.received, -1, INT64_LAST_NS)

    def count_between(
        self, recorded: Recorded, rows: RowArray, after_ns: int, until_ns: int
    ) -> None:
        """Add what came of a block after ``after_ns``, up to ``until_ns``, by receive time.

        A record that could not be decoded has no time, and is not counted.
        """
        received, decided = recorded.contexts["receive_ns"], rows["receive_ns"]
        new = (received > after_ns) & (received <= until_ns)
        self.count_some(
            received[new],
            recorded.outcomes[new],
            rows[(decided > after_ns) & (decided <= until_ns)],
        )
        self.questions.take_shadowed(recorded.received, after_ns, until_ns)

    def count_some(self, received: Integers, outcomes: Bytes, rows: RowArray) -> None:
        """Add contexts by their receive times and outcomes, with the decisions on them."""
        self.signals += len(received)
        self.refused += int(np.count_nonzero(refused(outcomes)))
        self.decisions += len(rows)
        self.questions.take(rows)
        reasons = rows["reasons"]
        warm = (reasons & _WARMING) == 0
        self.routed += int(np.count_nonzero(warm & is_routed(reasons)))
        self.fell_back += int(np.count_nonzero(warm & is_distrusted(reasons)))
        if len(received):
            self.first_ns = self.first_ns or int(received.min())
            self.last_ns = max(self.last_ns, int(received.max()))

    @property
    def fallback_ratio(self) -> Reading:
        """The share of routed decisions that fell back; where none was routed, none did."""
        if not self.decisions:
            return reading_of(None, samples=0)
        if not self.routed:
            return reading_of(0.0, samples=self.decisions)
        return reading_of(self.fell_back / self.routed, samples=self.routed)
