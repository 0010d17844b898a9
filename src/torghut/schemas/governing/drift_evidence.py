"""Files that show drift: what was measured, what followed from it, and how that ended."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.safety import DRIFT_CODES, DriftCode
from torghut.schemas.governing.drift import ActionId, Codes, DriftAction, DriftVerdict, VerdictTaken
from torghut.schemas.governing.fields import Evidence, Reading
from torghut.schemas.rollout.run import RunId
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount, Sha256

ObservationName = Literal[
    "feature_distribution_alarm_ratio",
    "calibration_spiegelhalter_z",
    "calibration_expected_error",
]


class DriftObservation(Message):
    """Something watched beside the checks; no action follows from it."""

    name: ObservationName
    reading: Reading
    unit: Literal["ratio", "z", "probability"]
    limit: Annotated[Real | None, Field(description="In size; null where it is only shown.")]
    beyond: Annotated[bool, Field(strict=True, description="Whether it is: strictly.")]
    says: Annotated[str, Field(max_length=400, description="What it was found in; may be empty.")]

    @model_validator(mode="after")
    def _beyond_follows(self) -> Self:
        if self.beyond != is_beyond(self.reading, self.limit):
            message = f"beyond: {is_beyond(self.reading, self.limit)}"
            raise ValueError(message)
        return self


def is_beyond(reading: Reading, limit: float | None) -> bool:
    """Say whether ``reading`` is beyond ``limit`` in size; what is no number never is."""
    return limit is not None and reading.value is not None and abs(reading.value) > limit


class LogHead(Message):
    """Where a partition of the decision log ended when it was measured."""

    partition: SafeCount
    number: Annotated[int, Field(ge=-1, lt=2**53, strict=True, description="-1: no block.")]
    digest: Sha256


class _About(Message):
    """What a file of drift evidence is about."""

    run_id: RunId
    candidate_id: Identifier


class DriftDetection(_About):
    """What was measured in one window of the decision log, and the verdict on it."""

    type: Literal["drift.detection.v1"] = "drift.detection.v1"
    at_ns: Annotated[Nanoseconds, Field(description="When it was measured; receive clock.")]
    heads: Annotated[tuple[LogHead, ...], Field(description="Of the log, by partition.")]
    contexts: Annotated[SafeCount, Field(description="In the window; all records of its sources.")]
    decisions: Annotated[SafeCount, Field(description="Of the serving arm, in the window.")]
    last_ns: Annotated[
        Nanoseconds | None, Field(description="Receive time of the last decision; null: none.")
    ]
    readings: dict[DriftCode, Reading]
    observations: tuple[DriftObservation, ...]
    verdict: DriftVerdict

    @model_validator(mode="after")
    def _verdict_is_of_these_readings(self) -> Self:
        if set(self.readings) != set(DRIFT_CODES):
            message = "a reading for every check"
            raise ValueError(message)
        for finding in self.verdict.findings:
            reading = self.readings[finding.check]
            stated = (finding.value, finding.samples, finding.declaration)
            if stated != (reading.value, reading.samples, reading.declaration):
                message = f"a finding of {finding.check} that says what its reading says"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _measured_what_had_happened(self) -> Self:
        if (self.last_ns is None) != (self.decisions == 0):
            message = "a last decision where there is any, and nowhere else"
            raise ValueError(message)
        inside = self.verdict.from_ns <= (self.last_ns or self.verdict.from_ns)
        if not inside or (self.last_ns or 0) > self.verdict.to_ns:
            message = "a last decision inside the window"
            raise ValueError(message)
        return self


class ActionStep(Message):
    """One thing that followed from a verdict, or was kept from following."""

    action: DriftAction | Literal["rollback"]
    decision: Literal["triggered", "withheld", "demanded"]
    action_id: Annotated[ActionId | None, Field(description="Null where it was withheld.")]
    codes: Codes
    rests_until_ns: Annotated[Nanoseconds | None, Field(description="Null where nothing rests.")]


class DriftActionRecord(_About):
    """What followed from a verdict; nothing where there are no steps."""

    type: Literal["drift.action.v1"] = "drift.action.v1"
    at_ns: Nanoseconds
    evaluation: Annotated[SafeCount, Field(description="Of the drift actions' stream.")]
    detection: Annotated[Evidence, Field(description="The verdict that it followed from.")]
    steps: tuple[ActionStep, ...]


class DriftOutcome(_About):
    """How an action, or a demanded rollback, ended."""

    type: Literal["drift.outcome.v1"] = "drift.outcome.v1"
    at_ns: Nanoseconds
    action: Annotated[Evidence, Field(description="The record of what was triggered.")]
    action_id: ActionId
    outcome: Literal["completed", "failed"]
    evidence: Annotated[Evidence | None, Field(description="Of the end; null without any.")]


class DriftJudged(Message):
    """What the drift gate rests on: the newest verdict on record when the run came to it."""

    type: Literal["rollout.drift-judged.v1"] = "rollout.drift-judged.v1"
    run_id: RunId
    verdict: Annotated[VerdictTaken | None, Field(description="null: nobody ever judged.")]
    withheld: Annotated[bool, Field(description="The action that it asked for rests.")]
    looked_at_ns: Annotated[Nanoseconds, Field(description="Wall time.")]
    max_age_ms: Annotated[
        SafeCount, Field(description="How old a verdict may be for a live target.")
    ]
