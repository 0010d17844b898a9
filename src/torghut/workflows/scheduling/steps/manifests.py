"""A cycle's last word on runs: the one that just ended made final, what is governed reassessed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from torghut.artifacts.errors import ArtifactExistsError, ArtifactUnwritableError
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.manifest import final_manifest_of, manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import FinaliseRun, ReassessRun, RolloutState
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.events import RolloutEvent, RunFinalised, RunReassessed
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.run import DriftStatus
from torghut.schemas.scheduling.cycles import GovernanceBound
from torghut.workflows.aggregates import CYCLE_RECORD, rollout_of
from torghut.workflows.rollout.places import CURRENT, REVIEW, run_folder
from torghut.workflows.rollout.publishing import Signs, manifests_of, publish_run
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import AdviceSeen
from torghut.workflows.scheduling.steps.advising import runtime_advice
from torghut.workflows.scheduling.steps.subjects import RunSubject

_BOUND: Final = stated_type(GovernanceBound)
_FINALISED: Final = stated_type(RunFinalised)
_REASSESSED: Final = stated_type(RunReassessed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The current manifest as it was published.

    Attributes:
        manifest: What it says.
        evidence: The run's own copy, which later cycles do not change.
        remarks: For the note.
    """

    manifest: PhaseManifest
    evidence: Evidence
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cycle's safety controls found of a run, and of the loop that it is governed for.

    Attributes:
        drift: What the drift policy came to; None where it was not judged.
        rollback: What is known of its rollback.
        advice: How it stands in the loop; None where nobody could look.
    """

    drift: DriftStatus | None
    rollback: RollbackFacts
    advice: AdviceSeen | None


async def say_last_word(
    governor: Governor,
    at: CycleAt,
    run: RunSubject,
    found: Found,
    *,
    current: bool = True,
) -> Published:
    """Finalise a run whose lane has ended, or reassess one that is final, and publish it.

    One whose lane has not ended is published as it stands: not final. The current manifest is that
    of the run that ended last; what is said of another one is on record and on its page.
    """
    stream = rollout_of(run.run_id, run.attempt)
    state = await governor.governance.state(stream)
    kind = FinaliseRun if state.finalised is None else ReassessRun
    said: Sequence[RolloutEvent] = ()
    if state.ended:
        command = kind(
            drift_status=found.drift,
            rollback=found.rollback,
            at_ns=at.now_ns,
            advice=await runtime_advice(governor, at, state, found.advice),
        )
        said = await governor.governance.run(stream, command)
    state = await governor.governance.state(stream)
    agrees = manifest_of(state) == final_manifest_of(state)
    signs = await _signs(governor, run.run_id, run.attempt)
    signs = replace(signs, final=agrees or signs.final, current=True)
    published = publish(governor, state, signs, current=current)
    if said:
        _leave_page(governor, published.manifest)
    return published


async def publish_spoken(governor: Governor, position: int) -> None:
    """Publish the runs on which a cycle that began at ``position`` of the log may have spoken.

    That is the run that had ended last by then, or one that ended since. Again changes nothing.
    """
    for ended in await governor.lane.ended_since(position):
        state = await governor.governance.state(rollout_of(ended.run_id, ended.attempt))
        if state.started is not None:
            publish(governor, state, await _signs(governor, ended.run_id, ended.attempt))


async def _signs(governor: Governor, run_id: str, attempt: int) -> Signs:
    """Return which words on a run were said under the key and over the log that hold now.

    What somebody else said, with another key or none, this scheduler does not answer for, unless it
    judges the run itself and says the same.
    """
    bound = await governor.governance.last_position(CYCLE_RECORD, _BOUND)
    stream = rollout_of(run_id, attempt)
    final = await governor.governance.last_position(stream, _FINALISED)
    current = await governor.governance.last_position(stream, _REASSESSED)
    return Signs(final=final > bound > 0, current=current > bound > 0)


def _leave_page(governor: Governor, manifest: PhaseManifest) -> None:
    """Put the page of a run beside its manifest again; no cycle fails for a page."""
    if governor.page is not None:
        folder = run_folder(manifest.run_id, manifest.observation_summary.attempt)
        with suppress(ArtifactUnwritableError):
            governor.store.replace(f"{folder}/{REVIEW}", governor.page(manifest))


def publish(
    governor: Governor, state: RolloutState, signs: Signs, *, current: bool = True
) -> Published:
    """Publish the manifests of a run, signed as far as ``signs`` says; return what holds now.

    Where its own copy was altered the current one is published without it.
    """
    remarks: tuple[str, ...] = ()
    try:
        written = publish_run(state, governor.store, key=governor.key, signs=signs, current=current)
    except ArtifactExistsError as error:
        remarks = (f"manifest: {error.code}: {error}",)
        written = manifests_of(state)
        if current:
            governor.store.replace(CURRENT, manifest_bytes(written.current))
    digest = sha256_hex(manifest_bytes(written.own))
    evidence = Evidence(path=written.place, sha256=digest)
    return Published(manifest=written.current, evidence=evidence, remarks=remarks)
