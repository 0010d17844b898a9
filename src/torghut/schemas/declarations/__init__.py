"""What quants and on-call engineers may declare: one closed model per kind of file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import TypeAdapter

from torghut.schemas.declarations.calendars import AlwaysOpen, WeeklyCalendar
from torghut.schemas.declarations.governance import GatePolicies, Owners, ReasoningPolicy
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.router import ExpertDeclaration, RouterPolicy
from torghut.schemas.declarations.safety import DriftPolicy, SafetyPolicy
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.risks import RiskRegister
from torghut.schemas.declarations.staging.slo import BaselinePolicy, SloPolicy
from torghut.schemas.declarations.topics import TopicDeclaration
from torghut.schemas.types import Message

MODELS: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {
        "always-open.v1": AlwaysOpen,
        "baseline-policy.v1": BaselinePolicy,
        "drift-policy.v1": DriftPolicy,
        "evaluation-policy.v1": EvaluationPolicy,
        "expert.v1": ExpertDeclaration,
        "exposure-policy.v1": ExposurePolicy,
        "gate-policies.v1": GatePolicies,
        "instrument.v1": Instrument,
        "live-policy.v1": LivePolicy,
        "owners.v1": Owners,
        "reasoning-policy.v1": ReasoningPolicy,
        "risk-register.v1": RiskRegister,
        "router-policy.v1": RouterPolicy,
        "safety-policy.v1": SafetyPolicy,
        "scheduler-policy.v1": SchedulerPolicy,
        "slo-policy.v1": SloPolicy,
        "stage-roadmap.v1": StageRoadmap,
        "topic.v1": TopicDeclaration,
        "weekly-calendar.v1": WeeklyCalendar,
    }
)
"""Every kind of declaration, by the ``kind`` that its file states."""


def json_schema(kind: str) -> dict[str, object]:
    """Return the JSON Schema that files of ``kind`` fit."""
    return TypeAdapter(MODELS[kind]).json_schema()
