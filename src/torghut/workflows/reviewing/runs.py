"""Every run that governance's log knows, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.artifacts.errors import ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.artifacts.signatures import TrustedKey
from torghut.eventlog.envelopes import Envelope
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of, overdue
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    RolloutState,
    read_rollout_event,
    rollout_stream,
)
from torghut.governance.verification.origin import UNSIGNED, Origin, origin_of
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.run import RunPlan
from torghut.workflows.lane.losing import verdict_of
from torghut.workflows.reviewing.errors import RunUnknownError
from torghut.workflows.rollout.checking import read_found, signatures_of

PREFIX = "rollout-"
"""What the streams of runs begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOnRecord:
    """One attempt at a run.

    Attributes:
        plan: What it was asked for.
        state: What its events come to.
        envelopes: Its events, oldest first.
    """

    plan: RunPlan
    state: RolloutState
    envelopes: Sequence[Envelope]

    @property
    def touched(self) -> tuple[int, int]:
        """When it was last touched: by its own clock, and where in the log."""
        return self.state.updated_at_ns, self.envelopes[-1].position

    @property
    def verdict(self) -> str:
        """What the evaluation recommends; empty where it did not come to that."""
        return verdict_of(self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunListed:
    """One run as it is listed.

    Attributes:
        run: On record.
        manifest: What holds of it.
        overdue: Whether nobody finalised it in time.
        origin: Who answers for it.
    """

    run: RunOnRecord
    manifest: PhaseManifest
    overdue: bool
    origin: Origin


async def runs_on_record(events: EventStore) -> Sequence[RunOnRecord]:
    """Return every attempt at every run, the one touched last first.

    Raises:
        LogIntegrityError: An event is not as it was written.
    """
    return await _read(events, await events.streams(PREFIX))


async def attempts_on_record(events: EventStore, run_id: str) -> Sequence[RunOnRecord]:
    """Return every attempt at one run, the one touched last first; no other run is read.

    Raises:
        LogIntegrityError: An event is not as it was written.
    """
    first = rollout_stream(run_id)
    streams = await events.streams(first)
    own = [one for one in streams if one == first or one.startswith(f"{first}:")]
    return await _read(events, own, run_id)


async def run_on_record(events: EventStore, run_id: str, attempt: int | None = None) -> RunOnRecord:
    """Return one attempt at a run, by default the last.

    Raises:
        RunUnknownError: There is none.
    """
    if attempt is None:
        own = await attempts_on_record(events, run_id)
    else:
        own = await _read(events, [rollout_stream(run_id, attempt)], run_id)
    if not own:
        again = "" if attempt is None else f", attempt {attempt}"
        raise RunUnknownError(expected=f"run {run_id}{again}")
    return max(own, key=lambda one: one.plan.attempt)


async def _read(
    events: EventStore, streams: Sequence[str], run_id: str | None = None
) -> Sequence[RunOnRecord]:
    """Return the attempts that ``streams`` are of, the one touched last first.

    Args:
        events: Governance's log.
        streams: Of attempts.
        run_id: Whose they must be; None: of any run.
    """
    found: list[RunOnRecord] = []
    for stream in streams:
        envelopes = await events.read_events(stream)
        state = ROLLOUT.fold(read_rollout_event(one) for one in envelopes)
        if state.started is not None and run_id in (None, state.started.plan.run_id):
            run = RunOnRecord(plan=state.started.plan, state=state, envelopes=envelopes)
            found.append(run)
    return sorted(found, key=lambda one: one.touched, reverse=True)


def listed(
    run: RunOnRecord, store: ArtifactStore, trusted: Sequence[TrustedKey], now_ns: int
) -> RunListed:
    """Return a run as it is listed, its signature looked for below the artifact root."""
    manifest = manifest_of(run.state)
    return RunListed(
        run=run,
        manifest=manifest,
        overdue=overdue(manifest, now_ns),
        origin=_origin(manifest, store, trusted),
    )


def _origin(manifest: PhaseManifest, store: ArtifactStore, trusted: Sequence[TrustedKey]) -> Origin:
    """Return who answers for what holds of a run."""
    for place in signatures_of(manifest_bytes(manifest)):
        found = read_found(store, place)
        if found is not ReadFault.MISSING:
            envelope = b"" if isinstance(found, ReadFault) else found
            return origin_of(envelope, manifest.model_dump(mode="json"), trusted)
    return UNSIGNED
