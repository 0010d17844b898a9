"""What follows from drift: retrain or reselect, each at most once within its cooldown.

The time until which an action rests is in the event that triggered it, so neither a restart nor a
good verdict in between shortens it. Performance drift also demands the rollback of each exposed
candidate, once until that demand has come to its end; no cooldown delays a rollback.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.safety.errors import ActionUnknownError, PolicyMismatchError
from torghut.governance.safety.ordering import is_again
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import Cooldowns, DriftCode, DriftPolicy
from torghut.schemas.governing.drift import (
    PERFORMANCE,
    ActionEnded,
    ActionTriggered,
    ActionWithheld,
    CandidateRollbackDemanded,
    DriftAction,
    DriftEvent,
    DriftVerdict,
    VerdictTaken,
)
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.types import message_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeVerdict:
    """Put a verdict on record and do what it asks for.

    Attributes:
        evaluation: One more than the last; the last one again changes nothing.
        candidate: Digest of the exposed candidate, if there is one.
        others: Digests of those that are exposed beside it.
    """

    evaluation: int
    at_ns: int
    verdict: DriftVerdict
    candidate: str | None
    policy: DriftPolicy
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAction:
    """Say how an action, or a demanded rollback, ended."""

    action_id: str
    outcome: Literal["completed", "failed"]
    evidence: Evidence | None
    at_ns: int


DriftCommand: TypeAlias = TakeVerdict | EndAction


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """What the events of the drift actions come to.

    Attributes:
        last: The last verdict; None before the first.
        retrain_rests_until_ns: Before this time no retraining is triggered.
        reselection_rests_until_ns: Likewise.
        open: Actions that have not ended, by id.
        rollbacks: Candidates whose rollback is demanded and has not ended, by the demand's id.
        ended: Ids of what has ended.
    """

    last: VerdictTaken | None = None
    time_ns: int = 0
    retrain_rests_until_ns: int = 0
    reselection_rests_until_ns: int = 0
    open: frozenset[str] = frozenset()
    rollbacks: tuple[tuple[str, str], ...] = ()
    ended: frozenset[str] = frozenset()


def _decide(command: DriftCommand, state: DriftState) -> Sequence[DriftEvent]:
    match command:
        case TakeVerdict():
            return _take(command, state)
        case EndAction():
            return _end(command, state)
        case _:
            assert_never(command)


def _take(command: TakeVerdict, state: DriftState) -> Sequence[DriftEvent]:
    """Return the verdict on record, and the actions that follow."""
    last = state.last
    same = last is not None and (last.verdict, last.candidate) == (
        command.verdict,
        command.candidate,
    )
    number = last.evaluation if last is not None else 0
    if is_again("drift evaluation", last=number, found=command.evaluation, same=same):
        return []
    if command.verdict.policy != message_digest(command.policy):
        raise PolicyMismatchError(
            expected=message_digest(command.policy), found=command.verdict.policy
        )
    taken = VerdictTaken(
        evaluation=command.evaluation,
        at_ns=max(command.at_ns, state.time_ns),
        verdict=command.verdict,
        candidate=command.candidate,
    )
    return [
        taken,
        *_consequences(taken, state, command.policy.cooldowns),
        *_demands(taken, state, command.others),
    ]


def _consequences(
    taken: VerdictTaken, state: DriftState, cooldowns: Cooldowns
) -> Iterator[DriftEvent]:
    """Yield what a verdict leads to: nothing, unless something has drifted."""
    codes = tuple(f.check for f in taken.verdict.findings if f.status == "drifted")
    if not codes:
        return
    yield _act(taken, state, codes, cooldowns)


def _demands(
    taken: VerdictTaken, state: DriftState, others: tuple[str, ...]
) -> Iterator[CandidateRollbackDemanded]:
    """Yield that each exposed candidate is to go, once until that demand has come to its end.

    What is measured is of the whole loop: no candidate that decides there is beyond it.
    """
    codes = tuple(
        f.check
        for f in taken.verdict.findings
        if f.status == "drifted" and f.check.startswith(PERFORMANCE)
    )
    if not codes:
        return
    demanded = {one for _, one in state.rollbacks}
    for candidate in dict.fromkeys([taken.candidate, *others]):
        if candidate is None or candidate in demanded:
            continue
        beside = None if candidate == taken.candidate else candidate
        yield CandidateRollbackDemanded(
            action_id=_name("rollback", taken, beside=beside),
            candidate=candidate,
            evaluation=taken.evaluation,
            codes=codes,
            at_ns=taken.at_ns,
        )


def _act(
    taken: VerdictTaken, state: DriftState, codes: tuple[DriftCode, ...], cooldowns: Cooldowns
) -> ActionTriggered | ActionWithheld:
    """Return the action that ``codes`` ask for, or that it rests."""
    action: DriftAction
    if any(code.startswith(PERFORMANCE) for code in codes):
        action, rests_ms = "reselection", cooldowns.reselection_ms
        rests_until_ns = state.reselection_rests_until_ns
    else:
        action, rests_ms = "retrain", cooldowns.retrain_ms
        rests_until_ns = state.retrain_rests_until_ns
    if taken.at_ns < rests_until_ns:
        return ActionWithheld(
            action=action,
            evaluation=taken.evaluation,
            codes=codes,
            at_ns=taken.at_ns,
            rests_until_ns=rests_until_ns,
        )
    return ActionTriggered(
        action_id=_name(action, taken),
        action=action,
        evaluation=taken.evaluation,
        codes=codes,
        at_ns=taken.at_ns,
        rests_until_ns=taken.at_ns + rests_ms * NS_PER_MS,
    )


def _name(action: str, taken: VerdictTaken, *, beside: str | None = None) -> str:
    """Return the id of an action: the digest of what caused it, and of whom else it is about."""
    cause: JsonObject = {"action": action, "taken": taken.model_dump(mode="json")}
    if beside is not None:
        cause = {**cause, "beside": beside}
    return f"{action}-{sha256_hex(canonical_bytes(cause))}"


def _end(command: EndAction, state: DriftState) -> Sequence[DriftEvent]:
    """Return the end of an action.

    Raises:
        ActionUnknownError: No such action was ever triggered here.
    """
    if command.action_id in state.ended:
        return []
    known = state.open | {demand for demand, _ in state.rollbacks}
    if command.action_id not in known:
        raise ActionUnknownError(action_id=command.action_id)
    return [
        ActionEnded(
            action_id=command.action_id,
            outcome=command.outcome,
            evidence=command.evidence,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _evolve(state: DriftState, event: DriftEvent) -> DriftState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case VerdictTaken():
            return replace(state, last=event)
        case ActionTriggered():
            return _triggered(state, event)
        case ActionWithheld():
            return state
        case CandidateRollbackDemanded():
            demand = (event.action_id, event.candidate)
            return replace(state, rollbacks=(*state.rollbacks, demand))
        case ActionEnded():
            return replace(
                state,
                open=state.open - {event.action_id},
                rollbacks=tuple(one for one in state.rollbacks if one[0] != event.action_id),
                ended=state.ended | {event.action_id},
            )
        case _:
            assert_never(event)


def _triggered(state: DriftState, event: ActionTriggered) -> DriftState:
    """Return ``state`` with an action under way, which rests from now on."""
    state = replace(state, open=state.open | {event.action_id})
    match event.action:
        case "retrain":
            return replace(state, retrain_rests_until_ns=event.rests_until_ns)
        case "reselection":
            return replace(state, reselection_rests_until_ns=event.rests_until_ns)


DRIFT_ACTIONS: Final[Decider[DriftCommand, DriftEvent, DriftState]] = Decider(
    initial=DriftState(), decide=_decide, evolve=_evolve
)
