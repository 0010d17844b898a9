"""What a stage was put on record with: code, images, packages, compliance, open risks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Name, Role
from torghut.schemas.declarations.roadmap import StageCaps, StageNumber
from torghut.schemas.governing.fields import Ordinal
from torghut.schemas.governing.stages import CriterionReviewed
from torghut.schemas.staging.slo_window import SloWindow
from torghut.schemas.staging.test_report import Commit, Tree
from torghut.schemas.types import Added, Identifier, Message, Nanoseconds, SafeCount, Sha256

ImageDigest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class ImageMap(Message):
    """Every image that the stage runs, or why there is none."""

    status: Literal["recorded", "not-applicable"]
    digests: dict[Identifier, ImageDigest]
    reason: Annotated[str, Field(max_length=300, description="Empty where there are images.")]

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        recorded = self.status == "recorded"
        if recorded != bool(self.digests) or recorded == bool(self.reason.strip()):
            message = "images where they are recorded, and a reason where there are none"
            raise ValueError(message)
        return self


class GateCompliance(Message):
    """What one gate did in the recorded window."""

    judged: Annotated[SafeCount, Field(description="Decisions for which it applied.")]
    failed: SafeCount


class OpenRisk(Message):
    """A risk that is not resolved, and who answers for it."""

    id: Name
    says: str
    owner: Role
    resolves: str


class StageRecord(Message):
    """A stage's record for those who audit it."""

    type: Literal["governance.stage-record.v1"] = "governance.stage-record.v1"
    stage: StageNumber
    name: Name
    in_force: Annotated[bool, Field(description="Whether the rollout was there when recorded.")]
    caps: StageCaps
    commit: Commit
    tree: Tree
    images: ImageMap
    packages: Annotated[tuple[Sha256, ...], Field(description="Active, by digest.")]
    declarations: Annotated[dict[str, Sha256], Field(description="Of each file, by its path.")]
    log_root: Annotated[Sha256, Field(description="Of the log that the summary is about.")]
    windows: Annotated[tuple[SloWindow, ...], Field(description="Service levels, judged.")]
    gates: Annotated[dict[str, GateCompliance], Field(description="In the longest window.")]
    review: Annotated[Ordinal | None, Field(description="Of the stage's exit criteria.")]
    criteria: Annotated[
        tuple[CriterionReviewed, ...], Field(description="As last reviewed in this stage.")
    ]
    operational_exit: Annotated[
        tuple[CriterionReviewed, ...],
        Added,
        Field(description="What the whole rollout ends by, as last reviewed."),
    ] = ()
    risks: tuple[OpenRisk, ...]
    recorded_at_ns: Annotated[Nanoseconds, Field(description="Wall time.")]
