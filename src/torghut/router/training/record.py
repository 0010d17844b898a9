"""What a fit was asked for and how it went: ``training.json`` of a router package.

Enough to fit again from the same data, and to judge whether the same model comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from torghut.artifacts.package import Package
from torghut.router.package import RouterPackageInvalidError
from torghut.router.training.confidence import Calibration
from torghut.router.training.plan import CalibrationPlan, FitPlan
from torghut.router.training.reliability import Reliability
from torghut.schemas.package import PackageName
from torghut.schemas.types import (
    Message,
    Nanoseconds,
    Real,
    SafeCount,
    Sha256,
    Symbol,
    first_problem,
)

RECORD_PATH: Final = "training.json"
"""Where a router package keeps its record."""

FEATURE_SCHEMA: Final = "volatility-ratio.efficiency.surprise.v1"
"""Names the features that the kernel computes, in their order."""

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class FeatureSampling(Message):
    """When features move, where that is not as the instrument declares."""

    sample_interval_ms: SafeCount
    longest_pause_s: Annotated[SafeCount, Field(description="A longer pause is not a return.")]


class FitRequest(Message):
    """What is to be fitted, on which time, and how."""

    name: PackageName
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1)]
    start_ns: Annotated[Nanoseconds, Field(description="Receive time of the window's beginning.")]
    end_ns: Annotated[Nanoseconds, Field(description="Its end; a context then is not in it.")]
    sampling: FeatureSampling | None = None
    plan: FitPlan = FitPlan()
    calibration: CalibrationPlan = CalibrationPlan()
    data_origin: Annotated[
        str, Field(max_length=500, description="Who published the data, and under which licence.")
    ] = ""
    note: Annotated[str, Field(max_length=2000, description="What whoever uses it must know.")] = ""

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.start_ns >= self.end_ns:
            message = "a window that ends after it starts"
            raise ValueError(message)
        return self


class RecordedPart(Message):
    """One file or feed that was read."""

    name: Text
    digest: Sha256


class RecordedSource(Message):
    """What was read."""

    kind: Text
    licence: str
    assumptions: Mapping[str, str]
    parts: tuple[RecordedPart, ...]


class CandidateFigures(Message):
    """One fit, kept or not."""

    states: SafeCount
    seed: SafeCount
    converged: bool
    training_nats: Annotated[Real, Field(description="Mean log-likelihood, fitted observations.")]
    held_out_nats: Annotated[Real, Field(description="The same of held-out ones.")]
    occupancy: Annotated[tuple[Real, ...], Field(description="Share of observations by state.")]


class Evidence(Message):
    """How a fitted package did on data that it was neither fitted nor chosen on."""

    source: RecordedSource
    symbols: tuple[Symbol, ...]
    start_ns: Annotated[Nanoseconds, Field(description="Of the first context that was read.")]
    end_ns: Annotated[Nanoseconds, Field(description="Of the last one.")]
    sampling: FeatureSampling | None
    observations: SafeCount
    model_nats: Annotated[Real, Field(description="Mean log-likelihood under the package.")]
    one_gaussian_nats: Annotated[
        Real, Field(description="Under one Gaussian, fitted where the package was.")
    ]
    reliability: Reliability | None


class TrainingRecord(Message):
    """How a router package came to be."""

    type: Literal["router.training.v1"] = "router.training.v1"
    request: FitRequest
    source: RecordedSource
    declarations: Annotated[Sha256, Field(description="Of what the instruments declared.")]
    kernel_version: SafeCount
    environment: Mapping[str, str]
    contexts: Annotated[SafeCount, Field(description="In the window.")]
    refused: Annotated[Mapping[str, SafeCount], Field(description="Of those, by code.")]
    split_ns: Annotated[Nanoseconds, Field(description="Where the held-out part begins.")]
    observations: Annotated[SafeCount, Field(description="Fitted on.")]
    held_out: Annotated[SafeCount, Field(description="Observations held out.")]
    one_gaussian_nats: Annotated[
        Real, Field(description="Of the held-out ones, without any regimes.")
    ]
    chosen_states: SafeCount
    candidates: Annotated[
        tuple[CandidateFigures, ...], Field(description="Best start of each number of states.")
    ]
    calibration: Calibration
    evidence: tuple[Evidence, ...] = ()


def read_training_record(package: Package) -> TrainingRecord:
    """Return how a router package came to be.

    Raises:
        RouterPackageInvalidError: The package does not say so, or not in this form.
    """
    body = package.files.get(RECORD_PATH)
    if body is None:
        found = ", ".join(package.files)
        raise RouterPackageInvalidError(
            package=str(package.reference), expected=f"a file {RECORD_PATH}", found=found
        )
    try:
        return TrainingRecord.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise RouterPackageInvalidError(
            package=str(package.reference),
            expected=f"{RECORD_PATH} as it is written by a fit",
            found=first_problem(error).at(RECORD_PATH),
        ) from error
