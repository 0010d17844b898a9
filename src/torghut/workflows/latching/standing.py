"""How the stop latch stands, for a person: since when, by what, how it is now, what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torghut.artifacts.errors import ArtifactUnreadableError, ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.keyring import Keyring
from torghut.governance.releases.errors import ReleaseUnprovenError
from torghut.governance.releases.releasing import SIGNED_LATCH, SignedLatch, check_proven
from torghut.governance.safety.breaches import RECOVERING
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.safety import StopPolicy
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.latch import (
    Breach,
    IncidentExtended,
    LatchEvent,
    LoopStopped,
    ReleaseRequested,
    SafetyEvaluated,
    Trigger,
)
from torghut.workflows.aggregates import LATCH_NAME, STOP_LATCH_SIGNED

EvidenceFound = Literal["as-written", "altered", "missing", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSeen:
    """One trigger of the open incident.

    Attributes:
        breach: At the evaluation that added it: the reading against its limit.
        at_ns: Of that evaluation, receive clock.
        recovers: Whether it is one that heals by itself.
        now: Its breach at the last evaluation; None where that had nothing to say against it.
    """

    breach: Breach
    at_ns: int
    recovers: bool
    now: Breach | None

    @property
    def trigger(self) -> Trigger:
        """Which one."""
        return self.breach.trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLatch:
    """The incident that keeps the latch closed.

    Attributes:
        since_ns: Of the evaluation that closed it, receive clock.
        triggers: In the order in which they came.
        live: Whether it was seen in live mode, so that a release takes two keys.
        evidence: The file that shows it, as it was cited.
        found: What became of that file.
        clean: Clean evaluations in a row by now.
        clean_needed: So many open it, where everything that closed it recovers; None elsewhere.
        request: The first person's half of a release that still holds.
    """

    incident_id: str
    since_ns: int
    triggers: tuple[TriggerSeen, ...]
    live: bool
    evidence: Evidence
    found: EvidenceFound
    clean: int
    clean_needed: int | None
    request: ReleaseRequested | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatchStanding:
    """How the latch stands.

    Attributes:
        evaluated: The last evaluation; None where nobody ever governed here.
        closed: What keeps it closed; None while it is open.
        state: What the events come to.
        unproven: Why what opened it is neither people's nor shown; empty where it is.
    """

    evaluated: SafetyEvaluated | None
    closed: ClosedLatch | None
    state: LatchState
    unproven: str = ""


async def latch_standing(
    events: EventStore, store: ArtifactStore, keyring: Keyring, policy: StopPolicy, *, now_ns: int
) -> LatchStanding:
    """Return how the stop latch stands; nothing is changed.

    Args:
        events: Governance's own log.
        store: The artifact root.
        keyring: The declared keys.
        policy: What the latch is bound by.
        now_ns: Wall time.

    Raises:
        TorghutError: The log cannot be read, or is not as it was written.
    """
    aggregate = STOP_LATCH_SIGNED
    history = [aggregate.read(one) for one in await events.read_events(aggregate.stream)]
    signed = SIGNED_LATCH.fold(history)
    closed = _closed(history, signed.latch, store, policy, now_ns)
    return LatchStanding(
        evaluated=signed.latch.last,
        closed=closed,
        state=signed.latch,
        unproven="" if closed is not None else _unproven(signed, keyring, policy),
    )


def _unproven(signed: SignedLatch, keyring: Keyring, policy: StopPolicy) -> str:
    """Return why what opened the latch proves nothing; empty where it does."""
    try:
        check_proven(signed, LATCH_NAME, keyring, policy)
    except ReleaseUnprovenError as error:
        return str(error)
    return ""


def _closed(
    history: Sequence[LatchEvent],
    state: LatchState,
    store: ArtifactStore,
    policy: StopPolicy,
    now_ns: int,
) -> ClosedLatch | None:
    """Return what keeps the latch closed."""
    incident = state.incident
    added = [] if incident is None else list(_added(history, incident.incident_id))
    if incident is None or state.last is None or not added:
        return None
    last, request = added[-1][0], state.request
    cited = Evidence(
        path=last.rollback_incident_evidence_path, sha256=last.rollback_incident_evidence_sha256
    )
    heals = incident.triggers <= RECOVERING
    holds = request is not None and now_ns <= request.expires_at_ns
    return ClosedLatch(
        incident_id=incident.incident_id,
        since_ns=added[0][0].at_ns,
        triggers=tuple(_seen(added, state.last)),
        live=incident.live,
        evidence=cited,
        found=_found(store, cited),
        clean=state.streaks.clean,
        clean_needed=policy.recovery_evaluations if heals else None,
        request=request if holds else None,
    )


def _added(
    history: Sequence[LatchEvent], incident_id: str
) -> Iterator[tuple[LoopStopped | IncidentExtended, SafetyEvaluated]]:
    """Yield what closed the latch and what was added, each with the evaluation that did."""
    evaluated: SafetyEvaluated | None = None
    for event in history:
        if isinstance(event, SafetyEvaluated):
            evaluated = event
            continue
        if evaluated is None or not isinstance(event, LoopStopped | IncidentExtended):
            continue
        if event.incident_id == incident_id:
            yield event, evaluated


def _seen(
    added: Sequence[tuple[LoopStopped | IncidentExtended, SafetyEvaluated]], last: SafetyEvaluated
) -> Iterator[TriggerSeen]:
    """Yield each trigger once, by the evaluation that brought it."""
    known = set[Trigger]()
    now = {one.trigger: one for one in last.breaches}
    for _, evaluated in added:
        for breach in evaluated.breaches:
            if breach.trigger not in known:
                known.add(breach.trigger)
                yield TriggerSeen(
                    breach=breach,
                    at_ns=evaluated.at_ns,
                    recovers=breach.trigger in RECOVERING,
                    now=now.get(breach.trigger),
                )


def _found(store: ArtifactStore, cited: Evidence) -> EvidenceFound:
    """Return what became of an evidence file."""
    try:
        body = store.read(cited.path)
    except ArtifactUnreadableError as error:
        return "missing" if error.fault is ReadFault.MISSING else "unreadable"
    return "as-written" if sha256_hex(body) == cited.sha256 else "altered"
