"""Governance declarations: text in, typed values out."""

from __future__ import annotations

from pydantic import TypeAdapter

from torghut.schemas.declarations.governance import GatePolicies, Owners, ReasoningPolicy
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.declarations.rollout.programs import ProgramPolicy
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.safety import DriftPolicy, SafetyPolicy
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.risks import RiskRegister
from torghut.schemas.declarations.staging.slo import BaselinePolicy, SloPolicy
from torghut.schemas.declarations.text import parse

_GATES: TypeAdapter[GatePolicies] = TypeAdapter(GatePolicies)
_REASONING: TypeAdapter[ReasoningPolicy] = TypeAdapter(ReasoningPolicy)
_OWNERS: TypeAdapter[Owners] = TypeAdapter(Owners)
_LIVE: TypeAdapter[LivePolicy] = TypeAdapter(LivePolicy)
_SAFETY: TypeAdapter[SafetyPolicy] = TypeAdapter(SafetyPolicy)
_DRIFT: TypeAdapter[DriftPolicy] = TypeAdapter(DriftPolicy)
_SCHEDULER: TypeAdapter[SchedulerPolicy] = TypeAdapter(SchedulerPolicy)
_EVALUATION: TypeAdapter[EvaluationPolicy] = TypeAdapter(EvaluationPolicy)
_PROGRAMS: TypeAdapter[ProgramPolicy] = TypeAdapter(ProgramPolicy)
_ROADMAP: TypeAdapter[StageRoadmap] = TypeAdapter(StageRoadmap)
_SLO: TypeAdapter[SloPolicy] = TypeAdapter(SloPolicy)
_EXPOSURE: TypeAdapter[ExposurePolicy] = TypeAdapter(ExposurePolicy)
_BASELINE: TypeAdapter[BaselinePolicy] = TypeAdapter(BaselinePolicy)
_RISKS: TypeAdapter[RiskRegister] = TypeAdapter(RiskRegister)


def parse_gate_policies(text: str, *, file: str) -> GatePolicies:
    """Return the gates and the portfolio's cap that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_GATES, text, file=file)


def parse_reasoning_policy(text: str, *, file: str) -> ReasoningPolicy:
    """Return the slow path's triggers and fallback that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_REASONING, text, file=file)


def parse_owners(text: str, *, file: str) -> Owners:
    """Return the roles that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_OWNERS, text, file=file)


def parse_live_policy(text: str, *, file: str) -> LivePolicy:
    """Return what ``text`` declares the live service to be bound by.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_LIVE, text, file=file)


def parse_safety_policy(text: str, *, file: str) -> SafetyPolicy:
    """Return what ``text`` declares to stop, release, roll back and approve.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_SAFETY, text, file=file)


def parse_drift_policy(text: str, *, file: str) -> DriftPolicy:
    """Return what ``text`` declares to be drift, and how long an action rests.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_DRIFT, text, file=file)


def parse_scheduler_policy(text: str, *, file: str) -> SchedulerPolicy:
    """Return what ``text`` declares the scheduler to be bound by.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_SCHEDULER, text, file=file)


def parse_evaluation_policy(text: str, *, file: str) -> EvaluationPolicy:
    """Return what ``text`` declares a candidate to be evaluated by.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_EVALUATION, text, file=file)


def parse_program_policy(text: str, *, file: str) -> ProgramPolicy:
    """Return what ``text`` declares compiled programs to cost at most, and to show.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_PROGRAMS, text, file=file)


def parse_stage_roadmap(text: str, *, file: str) -> StageRoadmap:
    """Return the rollout's stages that ``text`` declares, with their caps and exit criteria.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_ROADMAP, text, file=file)


def parse_slo_policy(text: str, *, file: str) -> SloPolicy:
    """Return the runtime's service levels that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_SLO, text, file=file)


def parse_exposure_policy(text: str, *, file: str) -> ExposurePolicy:
    """Return the exposure ladder that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_EXPOSURE, text, file=file)


def parse_baseline_policy(text: str, *, file: str) -> BaselinePolicy:
    """Return the tolerances of a comparison with a baseline that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_BASELINE, text, file=file)


def parse_risk_register(text: str, *, file: str) -> RiskRegister:
    """Return the open risks that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_RISKS, text, file=file)
