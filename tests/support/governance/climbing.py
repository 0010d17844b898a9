"""What tests of the exposure ladder share: the shipped policies, windows as judged, and looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Final, TypedDict

from typing_extensions import Unpack

from tests.support.decisions.declared import text_of
from tests.support.governance.governing import SECOND_NS, START_NS, Memory
from torghut.governance.declarations import parse_exposure_policy, parse_slo_policy
from torghut.governance.exposure.ladder import LADDER, LadderState
from torghut.governance.exposure.looking import ReviewExposure
from torghut.governance.slo.judging import judge_window
from torghut.schemas.declarations.roadmap import StageCaps
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.slo import SloPolicy, WindowName
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.rollout.phases import Target
from torghut.schemas.staging.exposure import EXPOSURE_EVENT, ExposureEvent
from torghut.schemas.staging.slo_window import SLOS, SloName, SloWindow

Ladder = Memory[ReviewExposure, ExposureEvent, LadderState]

HOUR_NS: Final = 3600 * SECOND_NS
FRESH_MS: Final = 60_000
DECLARED: Final = "ab" * 32

_GOOD: Final[Mapping[SloName, float]] = {
    "decision-loop-availability": 1.0,
    "fast-path-p95-latency": 10.0,
    "reasoning-fallback-ratio": 0.0,
    "news-freshness": 1.0,
    "fundamentals-freshness": 1.0,
    "router-fallback-ratio": 0.0,
}


@cache
def exposure_policy() -> ExposurePolicy:
    """Return the shipped ladder."""
    file = "governance/policies/exposure.yaml"
    return parse_exposure_policy(text_of(file), file=file)


@cache
def slo_policy() -> SloPolicy:
    """Return the shipped service levels."""
    file = "governance/policies/slo.yaml"
    return parse_slo_policy(text_of(file), file=file)


def caps(notional: str = "10000", *, target: Target = "live") -> StageCaps:
    """Return what a stage allows."""
    return StageCaps(
        target=target, router_mode="live", reasoning_mode="active", notional_cap=Decimal(notional)
    )


def good_readings(**changes: float | None) -> dict[SloName, Reading]:
    """Return readings with nothing to be said against them, but for ``changes``."""
    found = {name: reading_of(value, samples=1000) for name, value in _GOOD.items()}
    for name, value in changes.items():
        known = next(one for one in SLOS if one == name.replace("_", "-"))
        found[known] = reading_of(value, samples=1000)
    return found


def window(name: WindowName, to_ns: int, *, good: bool = True, closed: bool = False) -> SloWindow:
    """Return a window that ends at ``to_ns``."""
    readings = good_readings(**({} if good else {"decision_loop_availability": 0.5}))
    if closed:
        readings = dict.fromkeys(SLOS, declared_off(DECLARED))
    return judge_window(name, to_ns, readings, slo_policy())


def windows(to_ns: int, *, good: bool = True, closed: bool = False) -> dict[WindowName, SloWindow]:
    """Return every declared window; only the shortest is bad or closed."""
    return {
        "1h": window("1h", to_ns, good=good, closed=closed),
        "24h": window("24h", to_ns),
    }


def ladder() -> Ladder:
    """Return a ladder that nobody has looked at."""
    return Memory(LADDER, EXPOSURE_EVENT)


class Told(TypedDict, total=False):
    """What a look may be told otherwise."""

    windows: Mapping[WindowName, SloWindow]
    caps: StageCaps
    stopped: bool
    continuity_alert: bool
    rollback: bool
    on_paper: bool
    switched: bool
    by_hand: bool
    entered_ns: int
    drill_age_ms: int | None
    policy: ExposurePolicy


def look(stream: Ladder, at_ns: int, **told: Unpack[Told]) -> ReviewExposure:
    """Return the next look at the ladder; all is well, but for what is ``told`` otherwise."""
    last = stream.state.reviewed
    fine = ReviewExposure(
        review=1 if last is None else last.review + 1,
        at_ns=at_ns,
        caps=caps(),
        windows=windows(at_ns),
        stopped=False,
        continuity_alert=False,
        rollback=False,
        on_paper=False,
        switched=False,
        by_hand=False,
        entered_ns=0,
        drill_age_ms=FRESH_MS,
        seen_to=None,
        policy=exposure_policy(),
        slo=slo_policy(),
    )
    return replace(fine, **told)


def hours(count: float) -> int:
    """Return a time so many hours after the beginning."""
    return START_NS + int(count * HOUR_NS)


def climbed(steps: int) -> tuple[Ladder, int]:
    """Return a ladder after so many steps up, and the hour of the last look."""
    stream = ladder()
    for hour in range(200):
        stream.send(look(stream, hours(hour)))
        if stream.state.steps == steps:
            return stream, hour
    message = f"no {steps} steps in 200 good hours"
    raise AssertionError(message)
