"""Figures beside their baselines and goals: arithmetic alone, nothing is measured here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from statistics import median, quantiles
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one round of work took.

    Attributes:
        count: How many units were done, above 0.
        cpu_s: User and system time of every thread of the process.
        wall_s: Time on the wall.
    """

    count: int
    cpu_s: float
    wall_s: float

    def __post_init__(self) -> None:
        """Refuse what no rate can be made of."""
        if self.count <= 0 or not (self.cpu_s >= 0.0 and self.wall_s > 0.0):
            message = f"expected work that took time, found {self}"
            raise ValueError(message)


class Quantity(StrEnum):
    """What of a line a goal is about."""

    CPU = "cpu"
    WALL = "wall"
    CPU_RATIO = "cpu_ratio"
    WALL_RATIO = "wall_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a figure should be.

    Attributes:
        quantity: Of the line.
        least: The figure is at least this; None where it is bounded from above.
        most: The figure is at most this; None where it is bounded from below.
        required: Whether missing it fails the run.
    """

    quantity: Quantity
    least: float | None = None
    most: float | None = None
    required: bool = True

    def __post_init__(self) -> None:
        """Refuse a goal without exactly one bound."""
        if (self.least is None) == (self.most is None):
            message = f"expected one bound, found {self.least} and {self.most}"
            raise ValueError(message)

    def is_met_by(self, figure: float) -> bool:
        """Return whether ``figure`` is within the bound; no NaN ever is."""
        if self.least is not None:
            return figure >= self.least
        return self.most is not None and figure <= self.most


class Verdict(StrEnum):
    """How a line stands to its goals."""

    MET = "met"
    AIM_MISSED = "aim missed"
    MISSED = "missed"
    NO_GOAL = "no goal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured figure.

    Attributes:
        measurement: What was measured, in words.
        unit: Of ``cpu`` and ``wall``, such as ``decisions/s`` or ``us``.
        cpu: The figure by CPU time; None where it has none.
        wall: The figure by wall time, or one that is neither; None where it has none.
        baseline: What it is compared with, measured in the same run; empty for nothing.
        cpu_ratio: The figure over the baseline's, by CPU time.
        wall_ratio: The same by wall time.
        goals: What it should be.
        spread_ratio: How far apart the middle half of the rounds lies, over their median.
        note: What else should be known.
    """

    measurement: str
    unit: str
    cpu: float | None = None
    wall: float | None = None
    baseline: str = ""
    cpu_ratio: float | None = None
    wall_ratio: float | None = None
    goals: tuple[Goal, ...] = ()
    spread_ratio: float | None = None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Say how the line stands; a goal whose figure is absent is missed."""
        if not self.goals:
            return Verdict.NO_GOAL
        if not self.missed:
            return Verdict.MET
        required = any(goal.required for goal in self.missed)
        return Verdict.MISSED if required else Verdict.AIM_MISSED

    @property
    def missed(self) -> tuple[Goal, ...]:
        """The goals that it does not meet."""
        return tuple(goal for goal in self.goals if not self._meets(goal))

    def figure(self, quantity: Quantity) -> float | None:
        """Return one of the four figures."""
        match quantity:
            case Quantity.CPU:
                return self.cpu
            case Quantity.WALL:
                return self.wall
            case Quantity.CPU_RATIO:
                return self.cpu_ratio
            case Quantity.WALL_RATIO:
                return self.wall_ratio

    def _meets(self, goal: Goal) -> bool:
        figure = self.figure(goal.quantity)
        return figure is not None and goal.is_met_by(figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A measurement that could not be made here, and why."""

    measurement: str
    reason: str


Result = Line | Skipped

RATE_UNITS: Final = "/s"
NOISY_RATIO: Final = 0.2
"""A ``spread_ratio`` above this is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The costs of the same rounds.

    Attributes:
        ours: One cost a round.
        theirs: The baseline's; empty where there is none.
        baseline: Its name.
    """

    ours: Sequence[Cost]
    theirs: Sequence[Cost] = ()
    baseline: str = ""


def rate_line(
    measurement: str,
    unit: str,
    costs: Comparison,
    *,
    goals: tuple[Goal, ...] = (),
    note: str = "",
) -> Line:
    """Return units of work per second, and how many times the baseline's that is.

    Args:
        measurement: In words.
        unit: What is counted, in the plural.
        costs: Ours and the baseline's.
        goals: What it should be.
        note: What else should be known.
    """
    ours, theirs = costs.ours, costs.theirs
    return Line(
        measurement=measurement,
        unit=unit + RATE_UNITS,
        cpu=median(map(cpu_rate, ours)),
        wall=median(map(wall_rate, ours)),
        baseline=costs.baseline,
        cpu_ratio=paired_ratio(ours, theirs, cpu_rate) if theirs else None,
        wall_ratio=paired_ratio(ours, theirs, wall_rate) if theirs else None,
        goals=goals,
        spread_ratio=spread(list(map(cpu_rate, ours))),
        note=note,
    )


def cpu_rate(cost: Cost) -> float:
    """Return units per CPU-second."""
    return cost.count / cost.cpu_s if cost.cpu_s else float("inf")


def wall_rate(cost: Cost) -> float:
    """Return units per second on the wall."""
    return cost.count / cost.wall_s


def paired_ratio(
    ours: Sequence[Cost], theirs: Sequence[Cost], of: Callable[[Cost], float]
) -> float:
    """Return the median over rounds of our figure over theirs in the same round.

    Raises:
        ValueError: They were not measured in the same rounds.
    """
    return median(of(a) / of(b) for a, b in zip(ours, theirs, strict=True))


def spread(figures: Sequence[float]) -> float:
    """Return how far apart the middle half of ``figures`` lies, as a share of their median.

    The outer quarters are left out, so that it does not grow with the number of rounds.
    """
    if len(figures) < 2:  # noqa: PLR2004 - one figure lies nowhere apart
        return 0.0
    low, middle, high = quantiles(figures, n=4, method="inclusive")
    return (high - low) / middle


def flatness(figures: Sequence[float]) -> float:
    """Return the best over the worst of some rates: 1 where size makes no difference."""
    return max(figures) / min(figures)


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the smallest of ``figures`` that at least ``share`` of them do not exceed."""
    if not 0.0 < share <= 1.0 or not figures:
        message = f"expected a share in (0, 1] of some figures, found {share} of {len(figures)}"
        raise ValueError(message)
    ranked = sorted(figures)
    return ranked[ceil(len(ranked) * share) - 1]


def is_noisy(line: Line) -> bool:
    """Return whether the rounds of ``line`` lie too far apart to trust its last digits."""
    return (line.spread_ratio or 0.0) > NOISY_RATIO


def exit_status(results: Sequence[Result]) -> int:
    """Return 1 if a required goal is missed, else 0."""
    lines = [result for result in results if isinstance(result, Line)]
    return int(any(line.verdict is Verdict.MISSED for line in lines))
