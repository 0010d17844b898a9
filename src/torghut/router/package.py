"""The regime model that a router package holds: parsed once, checked wholly, or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import ClassVar, Final

from pydantic import ValidationError

from torghut.artifacts.package import Package
from torghut.kernel.canonical import JsonRefusedError, canonical_bytes, parse_json_object
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.codes import MAX_REGIMES, REGIME_FEATURES, REGIME_LABELS
from torghut.schemas.package import Confidence, RegimeModelFile
from torghut.schemas.types import first_problem

REGIME_MODEL_KIND: Final = "regime-model"
MODEL_PATH: Final = "model.json"

_TOLERANCE: Final = 1e-9
_ORDERED_BY: Final = 0
"""The feature whose mean rises from state to state: the volatility ratio."""


class RouterPackageInvalidError(TorghutError):
    """A package holds no regime model that the router can filter with; fit it again."""

    code: ClassVar[str] = "router.package-invalid"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, package: str, expected: str, found: str) -> None:
        super().__init__(f"package {package}: expected {expected}, found {found}; fit it again")
        self.package = package
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeModel:
    """A fitted regime model of k states, in unscaled feature units.

    Attributes:
        labels: By rising volatility, as in ``codes.REGIME_LABELS``; k of 1 to ``MAX_REGIMES``.
        start: Distribution before the first sample, shape (k,).
        transition: Row: from, column: to; shape (k, k).
        mean: Of each feature in each state, shape (k, ``REGIME_FEATURES``).
        variance: As ``mean``; all above 0.
        confidence_bias: Log-odds of a gain at score 0 and without cost.
        confidence_score: Log-odds added by a score of 1.
        confidence_cost: Log-odds taken by a round trip that costs one sigma.
        name: Of the package.
        digest: Of the package, 64 hex digits.
        start_ns: First instant of the data it was fitted on.
        end_ns: Last instant of that data; decisions before it have seen their future.
    """

    labels: tuple[str, ...]
    start: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]
    mean: tuple[tuple[float, ...], ...]
    variance: tuple[tuple[float, ...], ...]
    confidence_bias: float
    confidence_score: float
    confidence_cost: float
    name: str
    digest: str
    start_ns: int
    end_ns: int

    def to_bytes(self) -> bytes:
        """Return the canonical bytes of ``model.json``: what was learned, without its name."""
        return regime_model_bytes(
            RegimeModelFile(
                labels=self.labels,
                start=self.start,
                transition=self.transition,
                mean=self.mean,
                variance=self.variance,
                confidence=Confidence(
                    bias=self.confidence_bias,
                    score=self.confidence_score,
                    cost=self.confidence_cost,
                ),
            )
        )


def regime_model_bytes(model: RegimeModelFile) -> bytes:
    """Return the RFC 8785 form of ``model``, which a package keeps as ``model.json``."""
    return canonical_bytes(model.model_dump(mode="json"))


def read_regime_model(package: Package) -> RegimeModel:
    """Return the regime model in ``package``.

    Raises:
        RouterPackageInvalidError: The package holds none, or one that is no hidden Markov model
            of the declared regimes.
    """
    reference = str(package.reference)
    kind = package.manifest.kind
    if kind != REGIME_MODEL_KIND:
        raise _invalid(reference, f"kind {REGIME_MODEL_KIND}", kind)
    if MODEL_PATH not in package.files:
        raise _invalid(reference, f"a file {MODEL_PATH}", ", ".join(package.files))
    model = _parse(package.files[MODEL_PATH], reference)
    for expected, found in _problems(model):
        raise _invalid(reference, expected, found)
    window = package.manifest.created_from
    return RegimeModel(
        labels=model.labels,
        start=model.start,
        transition=model.transition,
        mean=model.mean,
        variance=model.variance,
        confidence_bias=model.confidence.bias,
        confidence_score=model.confidence.score,
        confidence_cost=model.confidence.cost,
        name=package.name,
        digest=package.digest,
        start_ns=window.window_start_ns,
        end_ns=window.window_end_ns,
    )


def _parse(body: bytes, reference: str) -> RegimeModelFile:
    """Return what ``model.json`` says, if it says it in one way only."""
    try:
        parse_json_object(body)
        return RegimeModelFile.model_validate_json(body, strict=True)
    except JsonRefusedError as error:
        raise _invalid(reference, f"one JSON object in {MODEL_PATH}", str(error)) from error
    except ValidationError as error:
        first = first_problem(error)
        raise _invalid(reference, first.at(MODEL_PATH), first.found) from error


def _problems(model: RegimeModelFile) -> Iterator[tuple[str, str]]:
    """Yield what keeps ``model`` from being a hidden Markov model: expected, then found."""
    count = len(model.labels)
    if count > MAX_REGIMES or model.labels != REGIME_LABELS[count]:
        known = " or ".join(", ".join(labels) for labels in REGIME_LABELS.values())
        yield f"the regimes {known}", ", ".join(model.labels)
        return
    yield from _misshapen(model, count)
    for name, row in (("start", model.start), *(("transition", row) for row in model.transition)):
        if not _is_distribution(row):
            yield f"{name} a distribution: from 0 to 1, together 1 within {_TOLERANCE}", str(row)
    if not all(value > 0.0 and isfinite(1.0 / value) for row in model.variance for value in row):
        yield "variances above 0 that can be divided by", str(model.variance)
    volatility = [row[_ORDERED_BY] for row in model.mean]
    if not all(low < high for low, high in pairwise(volatility)):
        yield "states by rising mean of the volatility feature", str(volatility)


def _misshapen(model: RegimeModelFile, count: int) -> Iterator[tuple[str, str]]:
    """Yield the arrays that do not have the shape that ``count`` states have."""
    if len(model.start) != count:
        yield f"start of {count} numbers", str(len(model.start))
    for name, rows, width in (
        ("transition", model.transition, count),
        ("mean", model.mean, REGIME_FEATURES),
        ("variance", model.variance, REGIME_FEATURES),
    ):
        shape = [len(row) for row in rows]
        if shape != [width] * count:
            yield f"{name} of {count} rows of {width}", f"rows of {shape}"


def _is_distribution(row: Sequence[float]) -> bool:
    """Say whether ``row`` holds probabilities that sum to 1."""
    total = 0.0
    for value in row:
        total += value
    return all(0.0 <= value <= 1.0 for value in row) and abs(total - 1.0) <= _TOLERANCE


def _invalid(reference: str, expected: str, found: str) -> RouterPackageInvalidError:
    """Return the refusal of a package."""
    return RouterPackageInvalidError(package=reference, expected=expected, found=found)
