"""A cycle's look at the paper canary: the patch that the lane wrote, as it is now."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from torghut.governance.rollouts.evidence import examine
from torghut.governance.safety.canary import JudgeCanary, ProducePatch
from torghut.governance.safety.errors import OutOfOrderError
from torghut.schemas.governing.fields import Evidence, Found
from torghut.schemas.publish import stated_type
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.lane import StrategyPatch
from torghut.schemas.rollout.phases import CANARY
from torghut.workflows.aggregates import canary_of, rollout_of
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.steps.subjects import RunSubject

PATCH: Final = stated_type(StrategyPatch)


async def watch_canary(governor: Governor, at: CycleAt, run: RunSubject) -> tuple[str, ...]:
    """Put on record what became of a run's patch; return what is wrong with it.

    A run whose lane never came to its canary has nothing to be watched.
    """
    rollout = await governor.governance.state(rollout_of(run.run_id, run.attempt))
    recorded = next((one for one in rollout.phases if one.phase == CANARY), None)
    candidate = await governor.clearances.digest_of(run.subject.candidate_id)
    if recorded is None or candidate is None or rollout.started is None:
        return ()
    patch = next((one for one in recorded.artifact_refs if one.schema_ == PATCH), None)
    if patch is not None:
        await governor.governance.run(
            canary_of(run.run_id, run.attempt),
            ProducePatch(
                run_id=run.run_id,
                candidate=candidate,
                patch=Evidence(path=patch.path, sha256=patch.sha256),
                at_ns=at.now_ns,
            ),
        )
    found = None if patch is None else _found(governor, run, patch)
    target = rollout.started.plan.requested_promotion_target
    await _judge(
        governor,
        run,
        JudgeCanary(
            run_id=run.run_id,
            candidate=candidate,
            judgement=1,
            target=target,
            found=found,
            at_ns=at.now_ns,
        ),
    )
    return () if found in (None, "verified") else (f"canary: the strategy patch is {found}",)


def _found(governor: Governor, run: RunSubject, patch: EvidenceReference) -> Found:
    """Return what the patch is found to be now."""
    return examine(patch, read_found(governor.store, patch.path), run.subject).found


async def _judge(governor: Governor, run: RunSubject, asked: JudgeCanary) -> None:
    """Put on record what the canary shows; the same as last time is on record already."""
    stream = canary_of(run.run_id, run.attempt)
    last = (await governor.governance.state(stream)).judged
    number = 1 if last is None else last.judgement
    for judgement in (number, number + 1):
        try:
            await governor.governance.run(stream, replace(asked, judgement=judgement))
        except OutOfOrderError:
            continue
        return
