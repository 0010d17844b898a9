"""The paper canary: a paper promotion needs its strategy patch, a live one may go without.

A patch that was produced and is not what it was fails either: only one that was never produced is
missing. Each judgement looks at the file as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.safety.errors import CanaryMismatchError
from torghut.governance.safety.ordering import is_again
from torghut.schemas.governing.canary import (
    CanaryEvent,
    CanaryJudged,
    CanaryReason,
    PatchProduced,
)
from torghut.schemas.governing.fields import Evidence, Found
from torghut.schemas.rollout.phases import Target, status_without_patch


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducePatch:
    """Put on record that the lane wrote a strategy patch."""

    run_id: str
    candidate: str
    patch: Evidence
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCanary:
    """Say what the phase shows.

    Attributes:
        judgement: One more than the last; the last one again changes nothing.
        found: What the patch on record was found to be just now; None if nobody looked.
    """

    run_id: str
    candidate: str
    judgement: int
    target: Target
    found: Found | None
    at_ns: int


CanaryCommand: TypeAlias = ProducePatch | JudgeCanary


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryState:
    """What the events of a canary come to."""

    patch: PatchProduced | None = None
    judged: CanaryJudged | None = None
    time_ns: int = 0


def _decide(command: CanaryCommand, state: CanaryState) -> Sequence[CanaryEvent]:
    _check_same_run(command, state)
    match command:
        case ProducePatch():
            return _produce(command, state)
        case JudgeCanary():
            return _judge(command, state)
        case _:
            assert_never(command)


def _check_same_run(command: CanaryCommand, state: CanaryState) -> None:
    """Check that ``command`` is about the run and candidate that the stream is about.

    Raises:
        CanaryMismatchError: It is about another one.
    """
    known = state.patch or state.judged
    told = f"{command.run_id} {command.candidate}"
    if known is not None and told != f"{known.run_id} {known.candidate}":
        raise CanaryMismatchError(expected=f"{known.run_id} {known.candidate}", found=told)


def _produce(command: ProducePatch, state: CanaryState) -> Sequence[CanaryEvent]:
    """Return the patch on record; there is one for a run, and it never changes."""
    if state.patch is not None:
        if state.patch.patch == command.patch:
            return []
        raise CanaryMismatchError(expected=state.patch.patch.sha256, found=command.patch.sha256)
    return [
        PatchProduced(
            run_id=command.run_id,
            candidate=command.candidate,
            patch=command.patch,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _judge(command: JudgeCanary, state: CanaryState) -> Sequence[CanaryEvent]:
    """Return what the phase shows."""
    last = state.judged
    number = last.judgement if last is not None else 0
    found = None if state.patch is None else command.found or "missing"
    same = last is not None and (last.target, last.found) == (command.target, found)
    if is_again("canary judgement", last=number, found=command.judgement, same=same):
        return []
    status, reason = _status(command.target, found)
    passed = state.patch.patch if state.patch is not None and status == "pass" else None
    return [
        CanaryJudged(
            run_id=command.run_id,
            candidate=command.candidate,
            judgement=command.judgement,
            target=command.target,
            status=status,
            reason=reason,
            found=found,
            completion=passed,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _status(
    target: Target, found: Found | None
) -> tuple[Literal["pass", "fail", "skip"], CanaryReason]:
    """Return the status of a target whose patch is ``found``; None: none was produced."""
    if found is None:
        return status_without_patch(target), "patch-missing"
    return ("pass", "patch-verified") if found == "verified" else ("fail", "patch-unverified")


def _evolve(state: CanaryState, event: CanaryEvent) -> CanaryState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case PatchProduced():
            return replace(state, patch=event)
        case CanaryJudged():
            return replace(state, judged=event)
        case _:
            assert_never(event)


CANARY: Final[Decider[CanaryCommand, CanaryEvent, CanaryState]] = Decider(
    initial=CanaryState(), decide=_decide, evolve=_evolve
)
