"""The runs that a cycle governs: the one that ended last, those that serve, those that are owed.

What serves is governed until it is gone, whatever the lane does meanwhile: a run that ends later is
one more subject and never takes another's place. There are few: the runs that champions were
promoted by, one or two for each router, and those whose rollback is not done with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from torghut.governance.rollouts.evidence import Subject
from torghut.governance.safety.rollback import RollbackCommand, RollbackState
from torghut.schemas.governing.rollback import RollbackEvent
from torghut.workflows.aggregates import DRIFT, Aggregate, rollback_of, rollout_of
from torghut.workflows.scheduling.governor import Attempt, Governor, Served
from torghut.workflows.scheduling.ports import LaneEnded

_ROLLBACKS: Final = "rollback-"

_CARRIED: Final = 16
"""Rollbacks that are only to be proven still, of which a cycle takes the newest so many.

What the loop has not been told is carried however many they are: one for each run that ended while
nobody answered.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSubject:
    """An attempt at a run, and what evidence of it must be about."""

    run_id: str
    attempt: int
    subject: Subject

    @property
    def rollback(self) -> Aggregate[RollbackCommand, RollbackEvent, RollbackState]:
        """Its rollback's stream."""
        return rollback_of(self.run_id, self.attempt)

    @property
    def key(self) -> Attempt:
        """What it is known by."""
        return self.run_id, self.attempt

    @property
    def name(self) -> str:
        """What it is called in a note."""
        return self.run_id if self.attempt == 1 else f"{self.run_id}, attempt {self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The runs that a cycle governs.

    Attributes:
        current: The run that ended last: its manifest is the current one. None before any.
        serving: Runs whose candidate serves, with the package that serves by them.
        owed: Others whose rollback is not done with.
        exposed: Digests of the candidates that serve.
        terms: Every time in which a candidate served, as the ledgers had it when the cycle began.
    """

    current: RunSubject | None
    serving: Mapping[RunSubject, str | None]
    owed: Sequence[RunSubject]
    exposed: tuple[str, ...]
    terms: Sequence[Served] = ()

    @property
    def held(self) -> Sequence[RunSubject]:
        """Those that answer for what happens now: what serves, then what ended last."""
        current = () if self.current is None else (self.current,)
        return list(dict.fromkeys((*self.serving, *current)))

    @property
    def all(self) -> Sequence[RunSubject]:
        """Every one, once."""
        return list(dict.fromkeys((*self.held, *self.owed)))


NOBODY: Final = Subjects(current=None, serving=MappingProxyType({}), owed=(), exposed=())
"""Nothing is governed but the loop itself."""


async def find_subjects(governor: Governor) -> Subjects:
    """Return the runs that a cycle governs."""
    ended = await governor.lane.current()
    current = None if ended is None else await run_subject(governor, ended)
    serving: dict[RunSubject, str | None] = {}
    exposed: list[str] = []
    terms = await governor.clearances.served()
    for term in terms:
        if term.until is None:
            exposed.append(term.digest)
            serving |= dict.fromkeys(await promoted_by(governor, term), term.package)
    if current is not None:
        own = await governor.clearances.exposed(current.subject.candidate_id)
        exposed += [] if own is None else [own]
    owed = await subjects_of(governor, await _carried(governor))
    return Subjects(
        current=current,
        serving=serving,
        owed=owed,
        exposed=tuple(dict.fromkeys(exposed)),
        terms=terms,
    )


async def run_subject(governor: Governor, ran: LaneEnded) -> RunSubject | None:
    """Return a run with what evidence of it must be about; None where it never started."""
    found = await subjects_of(governor, [(ran.run_id, ran.attempt)])
    return found[0] if found else None


async def promoted_by(governor: Governor, term: Served) -> Sequence[RunSubject]:
    """Return the runs that a candidate was promoted by."""
    return await subjects_of(governor, await governor.clearances.runs_of(term))


async def subjects_of(governor: Governor, attempts: Iterable[Attempt]) -> Sequence[RunSubject]:
    """Return those attempts that were started, with what evidence of them must be about."""
    found: list[RunSubject] = []
    for run_id, attempt in attempts:
        started = (await governor.governance.state(rollout_of(run_id, attempt))).started
        if started is not None:
            subject = Subject(run_id=run_id, candidate_id=started.plan.candidate_id)
            found.append(RunSubject(run_id=run_id, attempt=attempt, subject=subject))
    return found


async def _carried(governor: Governor) -> Sequence[Attempt]:
    """Return the runs whose rollback this cycle goes on with."""
    if governor.owed is None:
        governor.owed = {
            one for one in await _rolled_back(governor) if await is_owed(governor, one)
        }
    untold: list[Attempt] = []
    told: list[tuple[int, Attempt]] = []
    for one in sorted(governor.owed):
        state = await governor.governance.state(rollback_of(*one))
        if state.triggered is not None and state.switched is None:
            untold.append(one)
        elif state.triggered is not None:
            told.append((state.triggered.at_ns, one))
    return [*untold, *(one for _, one in sorted(told)[-_CARRIED:])]


async def _rolled_back(governor: Governor) -> Sequence[Attempt]:
    """Return the runs that have a stream of rollbacks."""
    names = await governor.governance.streams.store.streams(_ROLLBACKS)
    parts = [name.removeprefix(_ROLLBACKS).partition(":") for name in names]
    return [(run_id, int(again or "1")) for run_id, _, again in parts]


async def is_owed(governor: Governor, attempt: Attempt) -> bool:
    """Say whether a rollback is not done with, or its run does not say yet what came of it."""
    state = await governor.governance.state(rollback_of(*attempt))
    triggered, proof = state.triggered, state.judged
    if triggered is None:
        return False
    demands = (await governor.governance.state(DRIFT)).rollbacks
    if not state.over or any(demand == triggered.cause_id for demand, _ in demands):
        return True
    said = (await governor.governance.state(rollout_of(*attempt))).judged
    if said is None or proof is None or proof.number != triggered.number:
        return True
    return (said.rollback.triggered, said.rollback.status) != (True, proof.status)
