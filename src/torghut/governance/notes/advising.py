"""What a note's table says of advice: the mode in force, what changed it, how questions ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from torghut.kernel.times import moment
from torghut.kernel.units import NS_PER_S
from torghut.schemas.governing.fields import Reading
from torghut.schemas.reasoning.standing import AdviceRollback, ReasoningChange
from torghut.schemas.scheduling.advice import AdviceCounts, AdviceNoted

NameT = TypeVar("NameT", bound=str)


def advice_facts(noted: AdviceNoted) -> Iterator[tuple[str, str]]:
    """Yield what stands in the table, as text that nobody has made fit for Markdown yet."""
    yield "advice", in_force(noted)
    if noted.changes_before:
        yield "advice changed", f"{noted.changes_before} times before"
    for change in noted.changes:
        yield "advice changed", _changed(change)
    if noted.counts.slow or noted.counts.shadowed:
        yield "advice wanted", _wanted(noted.counts)
    yield "advice unanswered", _share(noted.counts.unanswered_ratio)
    if noted.rollback is not None:
        yield "advice rolled back", _rolled_back(noted.rollback)


def in_force(noted: AdviceNoted) -> str:
    """Return the mode, and whether the switch overrides it."""
    over = ", overridden by deterministic-only" if noted.deterministic_only else ""
    return f"{noted.mode}{over}"


def _changed(change: ReasoningChange) -> str:
    """Return one change in words."""
    scope = "" if change.symbol == "*" else f" of {change.symbol}"
    return (
        f"{change.what}{scope} from {change.from_} to {change.to} at {moment(change.at_ns)} "
        f"by {change.control_id}: {change.reason}"
    )


def _wanted(counts: AdviceCounts) -> str:
    """Return what became of the decisions that wanted advice."""
    parts = [f"by {counts.slow:,} decisions", f"{counts.asked:,} waited{_each(counts.resolved)}"]
    if counts.superseded:
        parts.append(f"{counts.superseded:,} of them had moved on")
    if counts.unasked:
        parts.append(f"the others did not{_each(counts.unasked)}")
    if counts.shadowed:
        parts.append(f"beside decisions{_each(counts.shadowed)}")
    return "; ".join(parts)


def _each(counts: Mapping[NameT, int]) -> str:
    """Return counts by their names; nothing of none.

    Example:
        >>> _each({"veto": 1, "approve": 1200}), _each({})
        (': 1,200 approve, 1 veto', '')
    """
    told = ", ".join(f"{counts[name]:,} {name}" for name in sorted(counts))
    return f": {told}" if told else ""


def _share(ratio: Reading) -> str:
    """Return the share of questions that ended without a verdict."""
    if ratio.value is None:
        return ratio.status
    return f"{ratio.value:.4f} of {ratio.samples:,} questions"


def _rolled_back(rollback: AdviceRollback) -> str:
    """Return what came of the last throw of the switch while advice counted."""
    done = "no decision has fallen back yet"
    if rollback.recovery_ns is not None:
        done = f"the first decision fell back {rollback.recovery_ns / NS_PER_S:.3f} s later"
    return (
        f"{moment(rollback.at_ns)} by {rollback.control_id}, {done}, "
        f"{rollback.advised_since:,} were advised since: {rollback.reason}"
    )
