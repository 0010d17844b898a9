"""What a run of the lane leaves behind: its inputs, each phase's part of the chain, the patch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.phases import PhaseName, PhaseStatus, Target
from torghut.schemas.rollout.run import Attempt, RunId
from torghut.schemas.types import (
    Added,
    Identifier,
    Message,
    Nanoseconds,
    Real,
    SafeCount,
    Sha256,
    Symbol,
)

CandidateKind = Literal["package", "policy", "experts", "program"]
"""What a candidate changes: a router package, a policy, the experts, or a program."""


class CandidateSpec(Message):
    """What would serve, in place of what serves now."""

    kind: CandidateKind
    router: Annotated[
        Identifier, Field(description="Name of the router, or program, that it would serve.")
    ]
    package: Annotated[
        Sha256 | None,
        Field(description="Of the router or program; null: the champion's serves on."),
    ]
    declarations: Annotated[
        Sha256 | None, Field(description="Of the declarations; null: those in force stay.")
    ]

    @model_validator(mode="after")
    def _changes_what_it_says(self) -> Self:
        changes_package = self.kind in {"package", "program"}
        if (self.package is not None) != changes_package:
            message = "a package's digest for a package or program, and for nothing else"
            raise ValueError(message)
        if (self.declarations is not None) == changes_package:
            message = "the digest of declarations for a policy or experts, and for nothing else"
            raise ValueError(message)
        return self


class LogWindow(Message):
    """A window of a decision log, by receive time, both ends in."""

    log: Annotated[str, Field(min_length=1, max_length=400, description="File of the log.")]
    partition: Annotated[int, Field(ge=0, lt=2**31, strict=True)]
    first_ns: Nanoseconds
    last_ns: Nanoseconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_ns > self.last_ns:
            message = "first_ns <= last_ns"
            raise ValueError(message)
        return self


class LaneInputs(Message):
    """Everything that a run's id derives from; the same again is another attempt of that run."""

    type: Literal["rollout.lane-inputs.v1"] = "rollout.lane-inputs.v1"
    candidate: CandidateSpec
    target: Target
    first_ns: Nanoseconds
    last_ns: Nanoseconds
    log_block: Annotated[SafeCount, Field(description="Last block that the window reaches into.")]
    log_head: Annotated[Sha256, Field(description="Its digest, which covers all blocks before.")]
    champion_packages: Annotated[
        dict[Identifier, Sha256],
        Field(description="By router name or program ledger; names without one left out."),
    ]
    champion_declarations: Sha256
    policies: Annotated[
        dict[Identifier, Sha256], Field(description="Digests of the policies, by their kind.")
    ]
    kernel_version: SafeCount
    evaluation: Annotated[
        Sha256 | SkipJsonSchema[None],
        Added,
        Field(description="Of what a program was asked and answered; for programs alone."),
    ] = None


class StageManifest(Message):
    """One phase's part of a run: what went in, what came out, and what it follows."""

    type: Literal["rollout.stage-manifest.v1"] = "rollout.stage-manifest.v1"
    run_id: RunId
    attempt: Attempt
    number: Annotated[int, Field(ge=1, le=7, strict=True, description="Of the phase, from 1.")]
    phase: PhaseName
    status: PhaseStatus
    inputs: tuple[EvidenceReference, ...]
    outputs: tuple[EvidenceReference, ...]
    previous: Annotated[
        Sha256, Field(description="Lineage of the phase before; of the first: the run's inputs.")
    ]
    lineage: Annotated[Sha256, Field(description="sha256 of the RFC 8785 form without this key.")]


class SwitchRehearsed(Message):
    """One hard switch, thrown on a copy of the running memory, and how long it took."""

    name: Identifier
    effective: Annotated[bool, Field(description="The next decision of every symbol carried it.")]
    restored: Annotated[bool, Field(description="Taken back, decisions were as before.")]
    elapsed_ms: Real
    symbols: SafeCount


class RollbackReadiness(Message):
    """That a candidate could be taken back: rehearsed when, how fast, to what, by whom approved."""

    type: Literal["rollout.rollback-readiness.v1"] = "rollout.rollback-readiness.v1"
    run_id: RunId
    switches: tuple[SwitchRehearsed, ...]
    rehearsed_at_ns: Annotated[Nanoseconds, Field(description="Wall time.")]
    rollback_target: Annotated[
        Identifier | None, Field(description="What would serve again; null: nobody can say.")
    ]
    approver: Annotated[Identifier | None, Field(description="Named for a live target.")]


class StrategyPatch(Message):
    """The change that a passing candidate asks the paper book for; nobody has applied it yet."""

    type: Literal["rollout.strategy-patch.v1"] = "rollout.strategy-patch.v1"
    run_id: RunId
    candidate_id: Identifier
    candidate: CandidateSpec
    replaces: Annotated[
        Sha256 | None, Field(description="Package that serves in its place until then; null: none.")
    ]
    replaces_declarations: Annotated[
        Sha256 | None, Field(description="In force until then; null where they stay in force.")
    ]
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1)]
    target: Target
    notional_cap: Annotated[Real, Field(gt=0, description="Per symbol, in its quote currency.")]
