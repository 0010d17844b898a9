"""What a run is admitted for, and what would serve again if its candidate were taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.workflows.lane.naming import ledger_of
from torghut.workflows.lane.ports import Admission, LaneWork

Admitting = Callable[[CandidateSubmitted, LaneWork], Awaitable[Admission]]
"""Says what a candidate's run is admitted for."""

_SHOWN: Final = 12


def rollback_target(submission: CandidateSubmitted, work: LaneWork) -> str:
    """Return what would serve again if the candidate were taken back."""
    candidate, replaced = submission.asked.candidate, work.patch.replaces
    if candidate.kind == "program":
        name = ledger_of(candidate)
        return f"{name}@{replaced[:_SHOWN]}" if replaced else "deterministic-fallback"
    if candidate.kind != "package":
        return f"declarations-{work.inputs.champion_declarations[:_SHOWN]}"
    return f"{candidate.router}@{replaced[:_SHOWN]}" if replaced else "defensive-weights"
