"""What a metric is: a name, a unit, and labels of which every value is known beforehand.

A counter that is born at 1 is invisible to ``increase()``, so every series exists from the start.
The types of the labels are part of a metric's type: a label that it does not know is a type error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import ClassVar, Final, Generic, Literal, TypeVarTuple

from torghut.kernel.errors import TorghutError
from torghut.schemas.codes import Reason, RefusalCode, published_name

Ls = TypeVarTuple("Ls")

LabelValue = str | IntEnum

SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)
"""Upper bounds of the buckets of every duration, 0.1 ms to 30 s."""


class LabelUnknownError(TorghutError):
    """A metric was given labels that it does not have; its series were all made at the start."""

    code: ClassVar[str] = "schemas.metric-label-unknown"

    def __init__(self, *, metric: str, labels: Sequence[object]) -> None:
        super().__init__(
            f"metric {metric}: expected labels that the catalogue names, found {tuple(labels)!r}; "
            "add them to the catalogue"
        )
        self.metric = metric
        self.labels = tuple(labels)


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and all that it can say."""

    name: str
    values: Sequence[LabelValue]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric:
    """One metric; two of them are never equal, so that they are quick to look up.

    Attributes:
        name: ``torghut_<area>_<noun>_<unit>[_total]``.
        help: One sentence, for people.
        unit: What one is one of; empty where it is 0 or 1.
        labels: In the order in which their values are given.
        only: The combinations of values that can occur; None for all of them.
    """

    kind: ClassVar[Literal["counter", "gauge", "histogram"]]

    name: str
    help: str
    unit: str = ""
    labels: tuple[Label, ...] = ()
    only: Sequence[tuple[LabelValue, ...]] | None = None

    def series(self) -> Sequence[tuple[LabelValue, ...]]:
        """Return the label values of every series, one without labels where there are none."""
        if self.only is not None:
            return self.only
        return list(product(*(label.values for label in self.labels)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counter(Metric, Generic[*Ls]):
    """Something that only grows while the process lives."""

    kind = "counter"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gauge(Metric, Generic[*Ls]):
    """Something that goes up and down."""

    kind = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram(Metric, Generic[*Ls]):
    """How often something took how long.

    Attributes:
        buckets: Upper bounds, ascending; one without end comes behind them.
    """

    kind = "histogram"

    unit: str = "seconds"
    buckets: Sequence[float] = SECONDS


def label_text(value: LabelValue) -> str:
    """Return a label's value as it is exported: the published code where there is one.

    Example:
        >>> label_text(RefusalCode.CROSSED_BOOK), label_text(Reason.REASONING_OFF)
        ('market.crossed-book', 'reasoning-off')
    """
    match value:
        case str():
            return value
        case RefusalCode() | Reason():
            return value.code
        case _:
            return published_name(value)
