"""What the lane is told by others: judgement, drift, rehearsals, and what is admitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torghut.artifacts.ports import ArtifactStore
from torghut.evals.figures import GateFigure
from torghut.eventlog.ports import EventStore
from torghut.kernel.clock import WallClock
from torghut.schemas.governing.drift import VerdictTaken
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.schemas.live.rehearsal import SwitchRehearsals
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.lane import LaneInputs, SwitchRehearsed
from torghut.schemas.rollout.manifest import Observation, PhaseManifest
from torghut.schemas.rollout.phases import PhaseName, Target
from torghut.workflows.lane.evidence import RunFiles

Telling = Callable[[PhaseName, str, float], None]
"""Told what is being done: the phase, in a few words, and how far, from 0 to 1."""


Paging = Callable[[PhaseManifest], bytes]
"""Renders a run for people; what it cites is read from the artifact root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What the evaluation of a candidate came to.

    Attributes:
        figures: Every gate of it, the required ones among them, in the order they are shown.
        artifacts: What it wrote, the evaluation card among them.
        observations: Among them ``verdict`` and ``reason``.
        signals: Contexts of the window that is judged.
        decisions: Of them, those that every arm decided.
    """

    figures: Sequence[GateFigure]
    artifacts: Sequence[EvidenceReference]
    observations: Mapping[str, Observation]
    signals: int
    decisions: int


class Evaluating(Protocol):
    """Re-decides a candidate beside its rivals, and judges it."""

    async def __call__(self, files: RunFiles, told: Callable[[str, float], None], /) -> Evaluated:
        """Return what came of it; artifacts are written into ``files``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a rehearsal of the hard switches showed.

    Attributes:
        switches: Each that was tried.
        at_ns: Wall time when they were.
        details: What was looked at, and where; None where that is not kept.
    """

    switches: Sequence[SwitchRehearsed]
    at_ns: int
    details: SwitchRehearsals | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFound:
    """What the drift policy last came to.

    Attributes:
        verdict: The newest on record; None where nobody has judged.
        withheld: Whether the action that it asked for rests.
    """

    verdict: VerdictTaken | None
    withheld: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a run is admitted for.

    Attributes:
        target: As asked, or lowered to paper.
        missing: Why live was asked and is not admitted, as codes.
        notional_cap: What the candidate may trade a symbol at most, in its quote currency; None
            where only the declarations say.
        approver: Who stands for a live target; None without one.
        rollback_target: What would serve again; None where nobody can say.
    """

    target: Target
    missing: tuple[str, ...] = ()
    notional_cap: float | None = None
    approver: str | None = None
    rollback_target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchTerms:
    """What a strategy patch names besides its candidate.

    Attributes:
        symbols: That the candidate would decide.
        notional_cap: Per symbol, in its quote currency.
        replaces: Package that serves the router until then; None where none does.
        replaces_declarations: In force until then; None where they stay in force.
    """

    symbols: tuple[str, ...]
    notional_cap: float
    replaces: str | None
    replaces_declarations: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWork:
    """One run's work, everything opened and read.

    Attributes:
        submission: What was asked.
        inputs: From which the run's id derives.
        evaluate: Judges the candidate.
        intact: Counts which bytes of candidate and champion are there as named, of how many.
        patch: What the strategy patch would name.
    """

    submission: CandidateSubmitted
    inputs: LaneInputs
    evaluate: Evaluating
    intact: Callable[[], Awaitable[tuple[int, int]]]
    patch: PatchTerms


async def not_judged() -> DriftFound:
    """Return that nobody has judged drift."""
    return DriftFound(verdict=None)


async def not_rehearsed() -> Rehearsed:
    """Return that no switch was tried."""
    return Rehearsed(switches=(), at_ns=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePorts:
    """The world around a run.

    Attributes:
        events: Governance's own log.
        store: The artifact root.
        wall: Tells the time.
        admission: Of this run.
        cycle_length_s: Of the scheduler, as declared.
        drift_max_age_ms: How old a drift verdict may be for a live target, as declared.
        drift: Says what the drift policy last came to; asked when a run comes to its drift gate.
        rehearse: Tries the hard switches now.
        told: Where to say how far it is.
        page: Renders a run's page out of its manifest; None where nobody does.
    """

    events: EventStore
    store: ArtifactStore
    wall: WallClock
    admission: Admission
    cycle_length_s: int
    drift_max_age_ms: int
    drift: Callable[[], Awaitable[DriftFound]] = not_judged
    rehearse: Callable[[], Awaitable[Rehearsed]] = not_rehearsed
    told: Telling = lambda _phase, _what, _far: None
    page: Paging | None = None
