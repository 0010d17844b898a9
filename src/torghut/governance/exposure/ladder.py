"""The exposure ladder: up one step after enough windows that passed, down at once.

Each look is an event with the streak after it, so restarts and repeated messages change nothing.
Windows count towards a step up only where none overlaps another: otherwise a look a minute would
make three good minutes of three good hours. Nor does one count that began before the stage was
entered, or while a stop or a switch held. A failing window costs one step, once; only one that
begins where it ended costs another. A stop or a rollback leads to the bottom, and so does a stage
on paper, also one that is over. The part that is given is of the cap of the stage, and a stage with
a larger cap gives no more than was given before until windows have passed there. A look by hand
never leads up, and no window counts in it: what a person says can make the ladder fall or stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import Final

from torghut.eventlog.decider import Decider
from torghut.governance.exposure.looking import TOLD, ReviewExposure, is_on_paper, is_void, told_of
from torghut.governance.exposure.windows import Asked, Charged, see, worst_of
from torghut.governance.safety.ordering import is_again
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.roadmap import StageCaps
from torghut.schemas.declarations.staging.slo import WINDOW_MS
from torghut.schemas.staging.exposure import (
    ExposureEvent,
    ExposureReviewed,
    ExposureStepped,
    Holding,
    StepReason,
    WindowSeen,
)
from torghut.schemas.types import message_digest

_NOTHING: Final = Decimal(0)
_SMALLEST: Final = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderState:
    """What the events of the ladder come to.

    Attributes:
        reviewed: The last look; None before the first.
        fraction: Of the stage's notional cap that is given.
        notional: What that is, or was while the stage's cap was the least since the last step.
        steps: How many there were.
        streak: Passing windows in a row since the last step.
        stepped_at_ns: When the last step was; before one, when the ladder was first looked at.
    """

    reviewed: ExposureReviewed | None = None
    fraction: Decimal = _NOTHING
    notional: Decimal = _NOTHING
    steps: int = 0
    streak: int = 0
    stepped_at_ns: int = 0
    time_ns: int = 0


def exposure_cap(state: LadderState, allowed: StageCaps) -> Decimal:
    """Return the notional cap that holds: what the ladder gives, never above what is allowed."""
    if allowed.target != "live":
        return _NOTHING
    return min(state.notional, part_of(state.fraction, allowed.notional_cap))


def part_of(fraction: Decimal, cap: Decimal) -> Decimal:
    """Return ``fraction`` of ``cap``, rounded down to what an amount can say.

    Example:
        >>> part_of(Decimal("0.05"), Decimal("10000"))
        Decimal('500.000000000000')
    """
    return (fraction * cap).quantize(_SMALLEST, ROUND_DOWN)


def _decide(command: ReviewExposure, state: LadderState) -> Sequence[ExposureEvent]:
    at_ns = max(command.at_ns, state.time_ns)
    policy, slo = message_digest(command.policy), message_digest(command.slo)
    asked = Asked(names=command.slo.windows, policy=slo, rule=command.policy.climbing)
    seen = see(command.windows, asked, at_ns)
    if _is_repeated(command, state, seen, (policy, slo)):
        return []
    charged = _charge(state, seen)
    streak, counted_to_ns = _count(command, state, seen)
    reviewed = ExposureReviewed(
        review=command.review,
        policy=policy,
        slo_policy=slo,
        caps=command.caps,
        windows=seen,
        stopped=command.stopped,
        continuity_alert=command.continuity_alert,
        rollback=command.rollback,
        drill_age_ms=command.drill_age_ms,
        streak=streak,
        counted_to_ns=counted_to_ns,
        charged_to_ns=dict(charged.to_ns),
        holding=tuple(_holding(command, state, seen, streak, at_ns)),
        at_ns=at_ns,
        seen_to=command.seen_to,
    )
    return [reviewed, *_step(command, state, reviewed, costs=charged.costs)]


def _is_repeated(
    command: ReviewExposure,
    state: LadderState,
    seen: tuple[WindowSeen, ...],
    declared: tuple[str, str],
) -> bool:
    """Say whether ``command`` is the last look again.

    Raises:
        OutOfOrderError: It is neither that nor the next one.
    """
    last = state.reviewed
    if last is None:
        return is_again("exposure review", last=0, found=command.review, same=False)
    told = {name for name, holds in told_of(command).items() if holds}
    same = told == TOLD & frozenset(last.holding)
    same = same and (command.caps, seen) == (last.caps, last.windows)
    same = same and declared == (last.policy, last.slo_policy)
    same = same and command.drill_age_ms == last.drill_age_ms
    return is_again("exposure review", last=last.review, found=command.review, same=same)


def _charge(state: LadderState, seen: tuple[WindowSeen, ...]) -> Charged:
    """Return which failing windows have cost a step by now, and whether one of these does."""
    known = {} if state.reviewed is None else dict(state.reviewed.charged_to_ns)
    costs = False
    for one in seen:
        if one.status in {"fail", "missing"} and one.from_ns >= known.get(one.name, 0):
            known[one.name] = one.to_ns
            costs = True
    return Charged(to_ns=known, costs=costs)


def _count(
    command: ReviewExposure, state: LadderState, seen: tuple[WindowSeen, ...]
) -> tuple[int, int]:
    """Return the streak after this look, and the end of the last window that counted."""
    shortest = seen[0]
    counted_to_ns = 0 if state.reviewed is None else state.reviewed.counted_to_ns
    worst = worst_of(seen)
    if worst == "fail" or is_void(command):
        return 0, max(counted_to_ns, shortest.to_ns)
    # What passed in another stage says nothing of this one.
    streak = state.streak if counted_to_ns > command.entered_ns else 0
    if worst == "closed":
        return streak, max(counted_to_ns, shortest.to_ns)
    if command.by_hand or shortest.from_ns < max(counted_to_ns, command.entered_ns):
        return streak, counted_to_ns
    # Hours that nobody looked at are no hours that passed.
    unseen_ns = shortest.from_ns - counted_to_ns
    joined = unseen_ns <= WINDOW_MS[shortest.name] * NS_PER_MS
    return (streak + 1 if joined else 1), shortest.to_ns


def _holding(
    command: ReviewExposure,
    state: LadderState,
    seen: tuple[WindowSeen, ...],
    streak: int,
    at_ns: int,
) -> Iterator[Holding]:
    """Yield everything that keeps the ladder from climbing now."""
    rule, drill = command.policy.climbing, command.drill_age_ms
    began_ns = at_ns if state.reviewed is None else state.stepped_at_ns
    statuses = {one.status for one in seen}
    said: Mapping[Holding, bool] = {
        **told_of(command),
        "window-failed": "fail" in statuses,
        "window-missing": "missing" in statuses,
        "window-closed": "closed" in statuses,
        "windows-few": streak < rule.passing_windows,
        "dwell": at_ns - began_ns < rule.dwell_ms * NS_PER_MS,
        "drill-missing": drill is None,
        "drill-old": drill is not None and drill > rule.drill_max_age_ms,
        "top": state.fraction >= command.policy.steps[-1],
    }
    yield from (name for name, holds in said.items() if holds)


def _step(
    command: ReviewExposure, state: LadderState, reviewed: ExposureReviewed, *, costs: bool
) -> Sequence[ExposureStepped]:
    """Return the step that follows from a look, if any: down before anything else."""
    down = [*_ways_down(command, state, costs=costs)]
    reason, fraction = min(down, key=lambda one: one[1])
    if fraction >= state.fraction:
        if reviewed.holding:
            return []
        higher = [step for step in command.policy.steps if step > state.fraction]
        reason, fraction = "windows-passed", higher[0]
    return [
        ExposureStepped(
            step=state.steps + 1,
            review=reviewed.review,
            reason=reason,
            came_from=state.fraction,
            fraction=fraction,
            notional_cap=part_of(fraction, command.caps.notional_cap),
            at_ns=reviewed.at_ns,
        )
    ]


def _ways_down(
    command: ReviewExposure, state: LadderState, *, costs: bool
) -> Iterator[tuple[StepReason, Decimal]]:
    """Yield where each thing leads that leads down; the gravest first, of equal ones."""
    steps, cap = command.policy.steps, command.caps.notional_cap
    if command.stopped:
        yield "stopped", steps[0]
    if command.rollback:
        yield "rollback", steps[0]
    if is_on_paper(command):
        yield "stage-on-paper", steps[0]
    given = max(step for step in steps if step <= state.fraction)
    if costs:
        yield "window-failed", max((step for step in steps if step < given), default=steps[0])
    if part_of(given, cap) > state.notional:
        yield "stage-changed", max(step for step in steps if part_of(step, cap) <= state.notional)
    yield "steps-changed", given


def _evolve(state: LadderState, event: ExposureEvent) -> LadderState:
    time_ns = max(state.time_ns, event.at_ns)
    match event:
        case ExposureReviewed():
            began_ns = event.at_ns if state.reviewed is None else state.stepped_at_ns
            given = part_of(state.fraction, event.caps.notional_cap)
            return replace(
                state,
                reviewed=event,
                notional=min(state.notional, given),
                streak=event.streak,
                stepped_at_ns=began_ns,
                time_ns=time_ns,
            )
        case ExposureStepped():
            return replace(
                state,
                fraction=event.fraction,
                notional=event.notional_cap,
                steps=event.step,
                streak=0,
                stepped_at_ns=event.at_ns,
                time_ns=time_ns,
            )


LADDER: Final[Decider[ReviewExposure, ExposureEvent, LadderState]] = Decider(
    initial=LadderState(), decide=_decide, evolve=_evolve
)
