"""What a run is called: by its inputs, so that the same question always has the same name."""

from __future__ import annotations

from typing import Final

from torghut.governance.ledger.ledger import program_ledger
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.rollout.lane import CandidateSpec, LaneInputs
from torghut.schemas.rollout.phases import Target
from torghut.schemas.rollout.run import ExecutionContext, RunPlan
from torghut.schemas.types import message_digest
from torghut.workflows.lane.ports import Admission

_DIGITS: Final = 24


def run_id_of(inputs: LaneInputs | LaneAsked) -> str:
    """Return the id of every run of ``inputs``, or of what was asked where none came of it."""
    return f"lane-{message_digest(inputs)[:_DIGITS]}"


def candidate_id_of(candidate: CandidateSpec) -> str:
    """Return the id of a candidate, whatever window it is tried on."""
    return f"{candidate.kind}-{candidate.router}-{message_digest(candidate)[:_DIGITS]}"


def candidate_digest_of(candidate: CandidateSpec) -> str | None:
    """Return the digest of what a candidate would put in force: its package, else declarations."""
    return candidate.package or candidate.declarations


def ledger_of(candidate: CandidateSpec) -> str:
    """Return the name of the ledger that a candidate contends in, of its router or program."""
    return program_ledger(candidate.router) if candidate.kind == "program" else candidate.router


def plan_of(
    inputs: LaneInputs,
    admission: Admission,
    *,
    asked: Target,
    attempt: int,
    context: ExecutionContext,
    cycle_length_s: int,
) -> RunPlan:
    """Return what a run's first event says."""
    return RunPlan(
        run_id=run_id_of(inputs),
        attempt=attempt,
        candidate_id=candidate_id_of(inputs.candidate),
        execution_context=context,
        asked_promotion_target=asked,
        requested_promotion_target=admission.target,
        missing_for_live=admission.missing,
        cycle_length_s=cycle_length_s,
    )
