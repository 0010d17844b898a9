"""The verdict on drift: each declared check against its reading, strictly, and nothing assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from torghut.schemas.declarations.safety import DriftCheck, DriftCode, DriftPolicy, DriftUnit
from torghut.schemas.governing.drift import (
    DriftFinding,
    DriftVerdict,
    UnmeasuredCode,
    status_of,
)
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.types import message_digest

_RANGES: Final[Mapping[DriftUnit, tuple[float, float]]] = {
    "ratio": (0.0, 1.0),
    "ms": (0.0, inf),
    "records": (0.0, inf),
    "brier": (0.0, 1.0),
    "quote": (-inf, inf),
    "bps": (-inf, inf),
}
"""What a number of each unit can be at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftWindow:
    """What was measured, from when to when.

    Attributes:
        subject: A run, a candidate.
        readings: By the code that they can set off; one that is not there counts as missing.
    """

    subject: str
    from_ns: int
    to_ns: int
    readings: Mapping[DriftCode, Reading]


def judge_drift(window: DriftWindow, policy: DriftPolicy) -> DriftVerdict:
    """Return what ``window`` comes to under ``policy``: every check once, in its order."""
    nothing = reading_of(None, samples=0)
    findings = tuple(
        _finding(check, window.readings.get(check.code, nothing)) for check in policy.checks
    )
    return DriftVerdict(
        subject=window.subject,
        from_ns=window.from_ns,
        to_ns=window.to_ns,
        policy=message_digest(policy),
        status=status_of(findings),
        findings=findings,
    )


def _finding(check: DriftCheck, reading: Reading) -> DriftFinding:
    """Return what ``reading`` comes to under ``check``."""
    wrong = _unmeasured(check, reading)
    drifted = wrong is None and reading.value is not None and _is_beyond(check, reading.value)
    return DriftFinding(
        check=check.code,
        status=(
            "not-applicable"
            if reading.status == "not-applicable"
            else "unmeasured"
            if wrong is not None
            else "drifted"
            if drifted
            else "stable"
        ),
        code=check.code if drifted else wrong,
        value=reading.value,
        comparator=check.comparator,
        threshold=check.threshold,
        unit=check.unit,
        samples=reading.samples,
        declaration=reading.declaration,
    )


def _is_beyond(check: DriftCheck, value: float) -> bool:
    """Say whether ``value`` is beyond the limit; at the limit it is not."""
    return value > check.threshold if check.comparator == ">" else value < check.threshold


def _unmeasured(check: DriftCheck, reading: Reading) -> UnmeasuredCode | None:
    """Return why ``reading`` says nothing, if it does not."""
    match reading.status:
        case "not-applicable":
            return None
        case "missing":
            return "drift_measurement_missing"
        case "not-finite":
            return "drift_measurement_not_finite"
        case "measured":
            low, high = _RANGES[check.unit]
            if reading.value is None or not low <= reading.value <= high:
                return "drift_measurement_out_of_range"
            few = reading.samples < check.samples_min
            return "drift_measurement_insufficient" if few else None
