"""How a model is fitted: declared, and kept in its package."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from torghut.schemas.codes import MAX_REGIMES
from torghut.schemas.types import Message, SafeCount

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
States = Annotated[int, Field(ge=2, le=MAX_REGIMES)]


class FitPlan(Message):
    """How the regime model is fitted."""

    states: Annotated[
        tuple[States, ...], Field(min_length=1, description="Numbers of states to try.")
    ] = (2, 3, 4)
    seeds: Annotated[
        tuple[SafeCount, ...],
        Field(min_length=1, description="Of the k-means starts; each fits every number once."),
    ] = (11, 23, 47)
    held_out_ratio: Annotated[
        Share, Field(description="Of the window's time, at its end: it chooses and measures.")
    ] = 0.25
    iterations_max: Annotated[
        int, Field(ge=1, le=10_000, description="Of expectation maximisation.")
    ] = 300
    tolerance: Annotated[
        Positive, Field(description="Gain in nats of one observation that ends the iterations.")
    ] = 1e-6
    staying_start: Annotated[
        Share, Field(description="Probability of staying that the iterations start from.")
    ] = 0.95
    transition_floor: Annotated[
        Share, Field(description="Added to every probability, before they sum to 1 again.")
    ] = 1e-4
    variance_floor_ratio: Annotated[
        Share, Field(description="Least variance in a state, of the feature's overall.")
    ] = 1e-3
    occupancy_min: Annotated[
        Share, Field(description="A state with a smaller share of the observations is none.")
    ] = 0.02
    observations_min: Annotated[
        SafeCount, Field(description="Fewer before the held-out part are refused.")
    ] = 500


class CalibrationPlan(Message):
    """How confidence is fitted."""

    labels_min: Annotated[
        SafeCount,
        Field(description="With fewer to fit on, the coefficients of the unmeasured case stay."),
    ] = 200
    asked_costs: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Field(description="Costs in sigmas that each label is asked at besides its own."),
    ] = (0.0, 0.1, 0.25, 0.5)
    bins: Annotated[int, Field(ge=1, le=100, description="Of the reliability table.")] = 5
