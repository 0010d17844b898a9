"""How honest promised probabilities are, against what came."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from torghut.schemas.rows import Floats
from torghut.schemas.types import Message, Real, SafeCount

Flags = npt.NDArray[np.bool_]


class ReliabilityBin(Message):
    """Outcomes of like promise."""

    labels: SafeCount
    promised: Annotated[Real, Field(description="Mean probability.")]
    observed: Annotated[Real, Field(description="How often it came.")]


class Reliability(Message):
    """How honest probabilities are."""

    labels: Annotated[SafeCount, Field(description="Outcomes judged.")]
    brier: Annotated[Real, Field(description="Mean squared error; lower is better.")]
    brier_constant: Annotated[
        Real, Field(description="The same of promising one constant probability every time.")
    ]
    spiegelhalter_z: Annotated[
        Real, Field(description="Standard normal if calibrated; beyond 2 in size it is not.")
    ]
    bins: Annotated[
        tuple[ReliabilityBin, ...], Field(description="By rising promise, alike in number.")
    ]


def reliability(promised: Floats, came: Flags, *, constant: float, bins: int) -> Reliability:
    """Return how the promises did.

    Args:
        promised: Probabilities, shape (n,), n > 0.
        came: Whether it happened, shape (n,).
        constant: The one probability to compare with.
        bins: How many.

    Example:
        >>> promised = np.array([0.0, 0.0, 1.0, 1.0])
        >>> came = np.array([False, False, True, True])
        >>> reliability(promised, came, constant=0.5, bins=2).brier
        0.0
    """
    outcome = came.astype(np.float64)
    order = np.argsort(promised, kind="stable")
    return Reliability(
        labels=len(promised),
        brier=float(((promised - outcome) ** 2).mean()),
        brier_constant=float(((constant - outcome) ** 2).mean()),
        spiegelhalter_z=_spiegelhalter(promised, outcome),
        bins=tuple(
            ReliabilityBin(
                labels=len(part),
                promised=float(promised[part].mean()),
                observed=float(outcome[part].mean()),
            )
            for part in np.array_split(order, bins)
            if len(part)
        ),
    )


def _spiegelhalter(promised: Floats, outcome: Floats) -> float:
    """Return Spiegelhalter's z: the Brier score's distance from its own expectation."""
    slope = 1.0 - 2.0 * promised
    distance = float(((outcome - promised) * slope).sum())
    variance = float((slope * slope * promised * (1.0 - promised)).sum())
    return distance / math.sqrt(variance) if variance > 0.0 else 0.0
