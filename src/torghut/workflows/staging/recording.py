"""Puts a stage on record: which code, images and packages, what was kept, and which risks stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.governance.stages.caps import caps_in_force
from torghut.governance.stages.errors import RiskUnownedError
from torghut.governance.stages.progress import StageState, exit_standing
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.roadmap import StageCaps, StageRoadmap
from torghut.schemas.declarations.staging.risks import RiskRegister
from torghut.schemas.governing.stages import StageEntered
from torghut.schemas.staging.slo_window import SloWindow
from torghut.schemas.staging.stage_record import GateCompliance, ImageMap, OpenRisk, StageRecord
from torghut.schemas.staging.test_report import Tree
from torghut.workflows.slo.counting import WindowCounts

RECORDS: Final = "stages/records"
"""Folder of records, below the artifact root."""

_SHOWN: Final = 12
"""Digits of a record's digest that stand in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is declared of stages: the roadmap, and the risks that are open."""

    roadmap: StageRoadmap
    risks: RiskRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What runs.

    Attributes:
        commit: Of the code.
        tree: Whether that is all of it.
        images: By name, or why there are none.
        declarations: sha256 of each file, by its path.
    """

    commit: str
    tree: Tree
    images: ImageMap
    declarations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How the service levels and gates were kept.

    Attributes:
        log_root: Of the log that it is about.
        windows: Judged.
        counts: Of the longest of them.
    """

    log_root: str
    windows: Sequence[SloWindow]
    counts: WindowCounts


def record_stage(
    stage: int,
    state: StageState,
    declared: Declared,
    *,
    deployed: Deployed,
    kept: Kept,
    now_ns: int,
) -> StageRecord:
    """Return a stage's record.

    Args:
        stage: Its number.
        state: Where the rollout stands.
        declared: What stages are, and which risks are open.
        deployed: What runs.
        kept: How service levels and gates were kept.
        now_ns: Wall time.

    Raises:
        RiskUnownedError: A risk that concerns the stage has no owner.
    """
    in_force = state.entered is not None and state.entered.stage == stage
    reviewed = state.reviewed if in_force else None
    asked = declared.roadmap.stages[stage]
    return StageRecord(
        stage=stage,
        name=asked.name,
        in_force=in_force,
        caps=caps_in_force(state, declared.roadmap) if in_force else asked.caps,
        commit=deployed.commit,
        tree=deployed.tree,
        images=deployed.images,
        packages=tuple(sorted(kept.counts.packages)),
        declarations=dict(sorted(deployed.declarations.items())),
        log_root=kept.log_root,
        windows=tuple(kept.windows),
        gates={
            gate: GateCompliance(judged=judged, failed=failed)
            for gate, (judged, failed) in kept.counts.gates.items()
        },
        review=None if reviewed is None else reviewed.review,
        criteria=() if reviewed is None else reviewed.criteria,
        operational_exit=exit_standing(declared.roadmap, reviewed),
        risks=open_risks(declared.risks, stage),
        recorded_at_ns=now_ns,
    )


def record_path(made: StageRecord, body: bytes) -> str:
    """Return where a record is kept: under its stage and its digest."""
    return f"{RECORDS}/{made.stage}-{made.name}@{sha256_hex(body)[:_SHOWN]}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What a record of the stage in force must be of.

    Attributes:
        commit: Of the code that runs.
        caps: That the stage allows now.
        now_ns: Wall time.
    """

    commit: str
    caps: StageCaps
    now_ns: int


def is_recorded(store: ArtifactStore, state: StageState, found: InForce) -> bool:
    """Say whether the stage in force is on record as it is now, since it was entered.

    A record that does not read, or is not the one that its name says, is none. Nor is one of other
    code or of a tree that no commit has, of other caps, without service levels, of a review of
    another stage, or from a time that is still to come.
    """
    entered = state.entered
    return entered is not None and any(
        _is_of(one, entered, state.reviews, found) for one in _records(store)
    )


def _is_of(one: StageRecord, entered: StageEntered, reviews: int, found: InForce) -> bool:
    """Say whether a record is of the stage in force."""
    reviewed = one.review is None or (entered.review or 0) < one.review <= reviews
    return (
        (one.in_force, one.stage, one.caps) == (True, entered.stage, found.caps)
        and (one.commit, one.tree == "modified") == (found.commit, False)
        and bool(one.windows)
        and reviewed
        and entered.at_ns <= one.recorded_at_ns <= found.now_ns
    )


def _records(store: ArtifactStore) -> Iterator[StageRecord]:
    """Yield every record that reads."""
    for name in store.names(RECORDS):
        try:
            body = store.read(f"{RECORDS}/{name}")
            made = StageRecord.model_validate_json(body)
        except (ArtifactUnreadableError, ValidationError):
            continue
        if record_path(made, body) == f"{RECORDS}/{name}":
            yield made


def open_risks(risks: RiskRegister, stage: int) -> tuple[OpenRisk, ...]:
    """Return the risks that concern ``stage``: those since it or since an earlier one.

    Raises:
        RiskUnownedError: One of them has no owner.
    """
    found: list[OpenRisk] = []
    unowned: list[str] = []
    for one in risks.risks:
        if one.since_stage > stage:
            continue
        if one.owner is None:
            unowned.append(one.id)
            continue
        found.append(OpenRisk(id=one.id, says=one.says, owner=one.owner, resolves=one.resolves))
    if unowned:
        raise RiskUnownedError(risks=unowned)
    return tuple(found)
