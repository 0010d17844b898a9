"""Reads what governance is declared to be bound by: safety, drift, evaluation, stages, programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declaration_text import read_declaration
from torghut.governance.declarations import (
    parse_drift_policy,
    parse_evaluation_policy,
    parse_program_policy,
    parse_safety_policy,
    parse_scheduler_policy,
    parse_stage_roadmap,
)
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.declarations.rollout.programs import ProgramPolicy
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.safety import DriftPolicy, SafetyPolicy

SAFETY: Final = "governance/policies/safety.yaml"
DRIFT: Final = "governance/policies/drift.yaml"
SCHEDULER: Final = "governance/policies/scheduler.yaml"
EVALUATION: Final = "governance/policies/evaluation.yaml"
PROGRAMS: Final = "governance/policies/programs.yaml"
ROADMAP: Final = "governance/roadmaps/rollout.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoverningPolicies:
    """Everything declared for governance; no decision cites it."""

    safety: SafetyPolicy
    drift: DriftPolicy
    scheduler: SchedulerPolicy
    evaluation: EvaluationPolicy
    programs: ProgramPolicy
    roadmap: StageRoadmap


def load_governing(root: Path) -> GoverningPolicies:
    """Return what governance is declared below ``root`` to be bound by.

    Raises:
        DeclarationError: A file is missing, is no plain YAML, or does not fit its model.
    """
    return GoverningPolicies(
        safety=parse_safety_policy(read_declaration(root, SAFETY), file=SAFETY),
        drift=parse_drift_policy(read_declaration(root, DRIFT), file=DRIFT),
        scheduler=parse_scheduler_policy(read_declaration(root, SCHEDULER), file=SCHEDULER),
        evaluation=parse_evaluation_policy(read_declaration(root, EVALUATION), file=EVALUATION),
        programs=parse_program_policy(read_declaration(root, PROGRAMS), file=PROGRAMS),
        roadmap=parse_stage_roadmap(read_declaration(root, ROADMAP), file=ROADMAP),
    )
