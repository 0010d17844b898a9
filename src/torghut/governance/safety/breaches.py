"""Which triggers are reached: one evaluation's readings against the declared limits.

A reading that is required and not there breaches its trigger: absent is never fine. Only what a
declaration switches off, or what a closed session excuses, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from torghut.schemas.declarations.safety import StopPolicy
from torghut.schemas.governing.fields import Reading
from torghut.schemas.governing.latch import Breach, SafetyReadings, Trigger

RECOVERING: Final[frozenset[Trigger]] = frozenset({"signal-lag", "staleness-streak"})
"""The triggers that heal by themselves; all others wait for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaks:
    """What came in a row so far.

    Attributes:
        stale: Evaluations with a stale newest signal; a closed session holds the number.
        lane_failed: Lane runs that failed; a cycle without a run holds the number.
        clean: Evaluations in an open session with nothing to be said against them.
    """

    stale: int = 0
    lane_failed: int = 0
    clean: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one evaluation comes to."""

    breaches: tuple[Breach, ...]
    streaks: Streaks


def judge(readings: SafetyReadings, before: Streaks, policy: StopPolicy) -> Judgement:
    """Return the breaches that ``readings`` show after ``before``, and the streaks after them."""
    stale = _stale(readings, before.stale, policy)
    failed = _lane_failed(readings, before.lane_failed)
    found = (*_timely(readings, stale, policy), *_always(readings, failed, policy))
    idle = readings.fallback_ratio.status == "missing"
    spoilt = found or stale or idle or readings.lane == "failed"
    clean = not spoilt and readings.session == "open"
    streaks = Streaks(stale=stale, lane_failed=failed, clean=before.clean + 1 if clean else 0)
    return Judgement(breaches=found, streaks=streaks)


def _stale(readings: SafetyReadings, before: int, policy: StopPolicy) -> int:
    """Return the staleness streak after this evaluation."""
    age = readings.signal_age_ms
    if readings.session == "closed" or age.status == "not-applicable":
        return before
    fresh = age.value is not None and 0 <= age.value <= policy.staleness_grace_ms
    return 0 if fresh else before + 1


def _lane_failed(readings: SafetyReadings, before: int) -> int:
    """Return the streak of failed lane runs after this evaluation."""
    match readings.lane:
        case "completed":
            return 0
        case "failed":
            return before + 1
        case "none":
            return before


def _timely(readings: SafetyReadings, stale: int, policy: StopPolicy) -> Iterator[Breach]:
    """Yield what is judged only while the session is open, or may be."""
    if readings.session == "closed":
        return
    yield from _reached("signal-lag", readings.lag_ms, policy.signal_lag_ms, "ms")
    if stale >= policy.staleness_streak:
        yield _streak("staleness-streak", stale, policy.staleness_streak)


def _always(readings: SafetyReadings, failed: int, policy: StopPolicy) -> Iterator[Breach]:
    """Yield what is judged whatever the hour."""
    if failed >= policy.lane_failure_streak:
        yield _streak("lane-failure-streak", failed, policy.lane_failure_streak)
    # Nothing decided means no fallback; but it says nothing for the loop either.
    if readings.fallback_ratio.status != "missing" or readings.fallback_ratio.samples:
        yield from _reached(
            "fallback-ratio", readings.fallback_ratio, policy.fallback_ratio, "ratio"
        )
    # A log that nobody can read shows neither: its lag stops the loop, and heals once it is read.
    if readings.drawdown_ratio.status != "missing" or readings.lag_ms.status != "missing":
        yield from _reached("drawdown", readings.drawdown_ratio, policy.drawdown_ratio, "ratio")
    yield from _flag("universe-unavailable", bad="unavailable", found=readings.universe)
    yield from _flag("evidence-corrupt", bad="corrupt", found=readings.evidence)


def _reached(
    trigger: Trigger, reading: Reading, threshold: float, unit: Literal["ms", "ratio"]
) -> Iterator[Breach]:
    """Yield the breach of a limit that is reached, or by a number that is none."""
    if reading.status == "not-applicable":
        return
    value = reading.value
    possible = value is not None and value >= 0 and (unit == "ms" or value <= 1)
    if value is None or not possible:
        yield Breach(
            trigger=trigger, reason="unmeasured", value=value, threshold=threshold, unit=unit
        )
    elif value >= threshold:
        yield Breach(trigger=trigger, reason="reached", value=value, threshold=threshold, unit=unit)


def _streak(trigger: Trigger, streak: int, threshold: int) -> Breach:
    """Return the breach by a streak."""
    return Breach(
        trigger=trigger, reason="reached", value=streak, threshold=threshold, unit="evaluations"
    )


def _flag(trigger: Trigger, *, bad: str, found: str) -> Iterator[Breach]:
    """Yield the breach by what is bad, or by what nobody knows."""
    if found == bad:
        yield Breach(trigger=trigger, reason="reached", value=1.0, threshold=1.0, unit="flag")
    elif found == "unknown":
        yield Breach(trigger=trigger, reason="unmeasured", value=None, threshold=1.0, unit="flag")
