"""Every published schema, and its text: JSON Schema 2020-12, generated and never edited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import override

from torghut.schemas.block import BlockHeader, BlockRecords, BlocksArchived
from torghut.schemas.context import ContextReceived
from torghut.schemas.control import ControlRecord
from torghut.schemas.decision import Decision
from torghut.schemas.declarations.calendars import AlwaysOpen, WeeklyCalendar
from torghut.schemas.declarations.governance import GatePolicies, Owners, ReasoningPolicy
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.declarations.rollout.programs import ProgramPolicy
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.router import ExpertDeclaration, RouterPolicy
from torghut.schemas.declarations.safety import DriftPolicy, SafetyPolicy
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.risks import RiskRegister
from torghut.schemas.declarations.staging.slo import BaselinePolicy, SloPolicy
from torghut.schemas.declarations.topics import TopicDeclaration
from torghut.schemas.governing.approvals import ApprovalEvent, ApprovalStatement
from torghut.schemas.governing.canary import CanaryEvent
from torghut.schemas.governing.continuity import ContinuityEvent
from torghut.schemas.governing.drift import DriftEvent
from torghut.schemas.governing.drift_evidence import (
    DriftActionRecord,
    DriftDetection,
    DriftJudged,
    DriftOutcome,
)
from torghut.schemas.governing.lanes import LaneEvent, MakerSigned, MakerStatement
from torghut.schemas.governing.latch import LatchEvent, ReleaseStatement, StopIncident
from torghut.schemas.governing.lease import LeaseEvent
from torghut.schemas.governing.ledger import LedgerEvent
from torghut.schemas.governing.rollback import RollbackEvent
from torghut.schemas.governing.stages import StageEvent
from torghut.schemas.live.delivery import (
    Answered,
    ControlApplied,
    ControlRecorded,
    Decided,
    Fault,
    Heartbeat,
    Refused,
)
from torghut.schemas.live.governance import GovernanceBeat, GovernanceStanding
from torghut.schemas.live.incident import SwitchIncident
from torghut.schemas.live.offering import ContextOffered, ControlOffered
from torghut.schemas.live.rehearsal import SwitchRehearsals
from torghut.schemas.live.worker import SwitchThrownFile, WorkerStatus
from torghut.schemas.package import PackageManifest, RegimeModelFile
from torghut.schemas.proof import Proof
from torghut.schemas.reasoning.evaluation import ProgramEvaluation
from torghut.schemas.reasoning.ledger import AskingEvent
from torghut.schemas.reasoning.offering import PassageOffered
from torghut.schemas.reasoning.program import ProgramFile, RenderingFile, SchemaFile
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.schemas.refusal import ContextRefused, RecordQuarantined
from torghut.schemas.reviewing.disagreements import Disagreements
from torghut.schemas.reviewing.export import RunExport
from torghut.schemas.reviewing.paired import PairedBlocks
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.events import (
    LaneCompleted,
    LaneCrashed,
    PhaseRecorded,
    RunFinalised,
    RunReassessed,
    RunStarted,
)
from torghut.schemas.rollout.evidence import GateEvidence, RollbackIncident
from torghut.schemas.rollout.lane import (
    LaneInputs,
    RollbackReadiness,
    StageManifest,
    StrategyPatch,
)
from torghut.schemas.rollout.manifest import SCHEMA_VERSION, PhaseManifest
from torghut.schemas.scheduling.allotments import AllotmentEvent
from torghut.schemas.scheduling.cycles import CycleEvent
from torghut.schemas.scheduling.note import IterationNote
from torghut.schemas.staging.baseline import Baseline
from torghut.schemas.staging.exposure import ExposureEvent
from torghut.schemas.staging.latency import LatencyRead
from torghut.schemas.staging.slo_window import SloWindow
from torghut.schemas.staging.stage_record import StageRecord
from torghut.schemas.staging.test_report import TestReport
from torghut.schemas.types import Message


def _members(*unions: object) -> tuple[type[Message], ...]:
    """Return every event of streams whose events are ``unions``, told apart by their type."""
    return tuple(model for union in unions for model in get_args(get_args(union)[0]))


GOVERNING: Final[tuple[type[Message], ...]] = (
    *_members(
        AllotmentEvent,
        ApprovalEvent,
        CanaryEvent,
        ContinuityEvent,
        CycleEvent,
        DriftEvent,
        LaneEvent,
        ExposureEvent,
        LatchEvent,
        LeaseEvent,
        LedgerEvent,
        RollbackEvent,
        StageEvent,
    ),
    LatencyRead,
    MakerSigned,
)
"""Every event of a governance stream."""

TYPED: Final[tuple[type[Message], ...]] = (
    *GOVERNING,
    *_members(AskingEvent),
    AdviceRecord,
    Answered,
    ApprovalStatement,
    Baseline,
    BlockHeader,
    BlockRecords,
    BlocksArchived,
    ContextOffered,
    ContextReceived,
    ContextRefused,
    ControlApplied,
    ControlOffered,
    ControlRecorded,
    Decided,
    Decision,
    Disagreements,
    EvaluationCard,
    DriftActionRecord,
    DriftDetection,
    DriftJudged,
    DriftOutcome,
    Fault,
    GateEvidence,
    GovernanceBeat,
    GovernanceStanding,
    Heartbeat,
    IterationNote,
    LaneCompleted,
    LaneCrashed,
    LaneInputs,
    MakerStatement,
    PackageManifest,
    PairedBlocks,
    PassageOffered,
    PhaseRecorded,
    ProgramEvaluation,
    ProgramFile,
    Proof,
    RecordQuarantined,
    Refused,
    RegimeModelFile,
    ReleaseStatement,
    RenderingFile,
    RollbackIncident,
    RollbackReadiness,
    RunExport,
    RunFinalised,
    RunReassessed,
    RunStarted,
    SchemaFile,
    StageManifest,
    SloWindow,
    StageRecord,
    StopIncident,
    StrategyPatch,
    SwitchIncident,
    SwitchRehearsals,
    SwitchThrownFile,
    TestReport,
    WorkerStatus,
)
"""Every model that states its type."""

ARTIFACTS: Final = frozenset(
    {
        AdviceRecord,
        EvaluationCard,
        ApprovalStatement,
        Baseline,
        Disagreements,
        DriftActionRecord,
        DriftDetection,
        DriftJudged,
        DriftOutcome,
        GateEvidence,
        IterationNote,
        LaneInputs,
        MakerStatement,
        GovernanceBeat,
        GovernanceStanding,
        PackageManifest,
        PairedBlocks,
        ProgramEvaluation,
        ProgramFile,
        Proof,
        RegimeModelFile,
        ReleaseStatement,
        RenderingFile,
        RollbackIncident,
        RollbackReadiness,
        RunExport,
        SchemaFile,
        StageManifest,
        SloWindow,
        StageRecord,
        StopIncident,
        StrategyPatch,
        SwitchIncident,
        SwitchRehearsals,
        SwitchThrownFile,
        TestReport,
        WorkerStatus,
    }
)
"""Those of them that stand in files of their own; the others are events or parts of the log."""

NAMED_BY_CONTRACT: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {SCHEMA_VERSION: PhaseManifest}
)
"""Artifacts that state, in place of a type, a name which a contract fixed."""

DECLARED: Final[Mapping[str, type[Message]]] = MappingProxyType(
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
        "program-policy.v1": ProgramPolicy,
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

OFFERED: Final = frozenset({ContextOffered, ControlOffered, PassageOffered})
"""Those that others write: a key with a default may be left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One published schema.

    Attributes:
        path: Where it is, below ``schemas/``.
        model: What it is generated from.
        mode: ``serialization`` for what Torghut writes, every key present; ``validation`` for
            what people write, where a key with a default may be left out.
    """

    path: str
    model: type[Message]
    mode: Literal["serialization", "validation"]


def publications() -> Iterator[Publication]:
    """Yield every published schema: events, artifacts, control records, declarations."""
    for model in TYPED:
        area, _, rest = stated_type(model).partition(".")
        path = f"artifacts/{rest}.json" if model in ARTIFACTS else f"events/{area}/{rest}.json"
        mode: Literal["validation", "serialization"] = (
            "validation" if model in OFFERED else "serialization"
        )
        yield Publication(path=path, model=model, mode=mode)
    for name, artifact in NAMED_BY_CONTRACT.items():
        yield Publication(path=f"artifacts/{name}.json", model=artifact, mode="serialization")
    for control in get_args(get_args(ControlRecord)[0]):
        path = _control_path(control, control.version)
        yield Publication(path=path, model=control, mode="serialization")
    for kind, declared in DECLARED.items():
        yield Publication(path=f"declarations/{kind}.json", model=declared, mode="validation")


def superseded() -> Iterator[Publication]:
    """Yield every older version of a control record: what fits it fits the newest model too."""
    for control in get_args(get_args(ControlRecord)[0]):
        for version in range(1, control.version):
            path = _control_path(control, version)
            yield Publication(path=path, model=control, mode="serialization")


def _control_path(control: type[Message], version: int) -> str:
    """Return where a version of a control record's schema is."""
    return f"events/control/{control.model_fields['kind'].default}.v{version}.json"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that only repeat a field's name."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def stated_type(model: type[Message]) -> str:
    """Return the ``type`` that messages of ``model`` state, such as ``decisions.decided.v1``."""
    return str(model.model_fields["type"].default)


def schema_text(publication: Publication) -> str:
    """Return the text of a published schema; the same model gives the same bytes."""
    schema = publication.model.model_json_schema(mode=publication.mode, schema_generator=_Untitled)
    identity = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:torghut:schemas:{publication.path.removesuffix('.json')}",
    }
    return json.dumps({**identity, **schema}, indent=2, ensure_ascii=False) + "\n"


def published_texts() -> Mapping[str, str]:
    """Return the text of every published schema, by its path below ``schemas/``, sorted."""
    texts = {publication.path: schema_text(publication) for publication in publications()}
    return MappingProxyType(dict(sorted(texts.items())))


MODELS: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {stated_type(model): model for model in TYPED}
)
"""The newest model of every typed message, for ``upcasting.read_message``."""
