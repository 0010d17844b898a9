"""Drift on record: what each verdict found, and which actions it led to or was kept from."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from torghut.schemas.declarations.safety import DRIFT_CODES, DriftCode, DriftUnit
from torghut.schemas.governing.fields import Evidence, Ordinal
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, Real, SafeCount, Sha256

UnmeasuredCode = Literal[
    "drift_measurement_missing",
    "drift_measurement_insufficient",
    "drift_measurement_not_finite",
    "drift_measurement_out_of_range",
]
"""Why a number says nothing; never the same as stable."""

DriftAction = Literal["retrain", "reselection"]

PERFORMANCE: Final = "performance_"
"""What the codes begin with that ask for another selection, and for the candidate's rollback."""

ActionId = Annotated[str, Field(pattern=r"^(retrain|reselection|rollback)-[0-9a-f]{64}$")]
Codes = Annotated[tuple[DriftCode, ...], Field(min_length=1)]


class DriftFinding(Message):
    """What one check came to."""

    check: DriftCode
    status: Literal["stable", "drifted", "unmeasured", "not-applicable"]
    code: Annotated[
        DriftCode | UnmeasuredCode | None,
        Field(description="What is wrong; null where nothing is."),
    ]
    value: Annotated[Real | None, Field(description="Null where nothing was measured.")]
    comparator: Literal[">", "<"]
    threshold: Real
    unit: DriftUnit
    samples: SafeCount
    declaration: Annotated[Sha256 | None, Field(description="That makes it not applicable.")]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self._code_fits():
            message = f"the code that {self.status} has"
            raise ValueError(message)
        if (self.status == "not-applicable") != (self.declaration is not None):
            message = "a declaration's digest where it is not applicable, and nowhere else"
            raise ValueError(message)
        if self.status in {"stable", "drifted"} and self.value is None:
            message = "a value where something was measured"
            raise ValueError(message)
        return self

    def _code_fits(self) -> bool:
        """Say whether ``code`` is one that ``status`` can have."""
        match self.status:
            case "drifted":
                return self.code == self.check
            case "unmeasured":
                return self.code is not None and self.code.startswith("drift_measurement_")
            case "stable" | "not-applicable":
                return self.code is None


class DriftVerdict(Message):
    """What all checks together say about one window.

    ``drifted``: something did. ``unhealthy``: nothing is known to have, but something required
    was not measured, or nothing at all was. ``stable``: everything required was, and did not.
    """

    subject: Annotated[Identifier, Field(description="What was measured: a run, a candidate.")]
    from_ns: Nanoseconds
    to_ns: Nanoseconds
    policy: Annotated[Sha256, Field(description="Of the declared drift policy.")]
    status: Literal["stable", "drifted", "unhealthy"]
    findings: tuple[DriftFinding, ...]

    @model_validator(mode="after")
    def _follows_from_the_findings(self) -> Self:
        if tuple(finding.check for finding in self.findings) != DRIFT_CODES:
            message = "every check once, in the declared order"
            raise ValueError(message)
        if self.status != status_of(self.findings):
            message = f"the status {status_of(self.findings)}"
            raise ValueError(message)
        return self


def status_of(
    findings: tuple[DriftFinding, ...],
) -> Literal["stable", "drifted", "unhealthy"]:
    """Return what ``findings`` come to: computed here, and accepted from nobody."""
    found = {finding.status for finding in findings}
    if "drifted" in found:
        return "drifted"
    return "unhealthy" if "unmeasured" in found or "stable" not in found else "stable"


class VerdictTaken(Message):
    """A verdict was put on record."""

    type: Literal["drift.verdict-taken.v1"] = "drift.verdict-taken.v1"
    evaluation: Ordinal
    at_ns: Nanoseconds
    verdict: DriftVerdict
    candidate: Annotated[
        Sha256 | None, Field(description="Digest of the exposed candidate; null where none is.")
    ]


class ActionTriggered(Message):
    """Drift led to an action, which now rests whatever is found meanwhile."""

    type: Literal["drift.action-triggered.v1"] = "drift.action-triggered.v1"
    action_id: ActionId
    action: DriftAction
    evaluation: Ordinal
    codes: Codes
    at_ns: Nanoseconds
    rests_until_ns: Nanoseconds


class ActionWithheld(Message):
    """Drift was found, and its action rests: it is drift all the same."""

    type: Literal["drift.action-withheld.v1"] = "drift.action-withheld.v1"
    action: DriftAction
    evaluation: Ordinal
    codes: Codes
    at_ns: Nanoseconds
    rests_until_ns: Nanoseconds


class CandidateRollbackDemanded(Message):
    """The exposed candidate performs worse than declared and must go; no cooldown delays that."""

    type: Literal["drift.rollback-demanded.v1"] = "drift.rollback-demanded.v1"
    action_id: ActionId
    candidate: Sha256
    evaluation: Ordinal
    codes: Codes
    at_ns: Nanoseconds


class ActionEnded(Message):
    """An action, or a demanded rollback, came to its end."""

    type: Literal["drift.action-ended.v1"] = "drift.action-ended.v1"
    action_id: ActionId
    outcome: Literal["completed", "failed"]
    evidence: Evidence | None
    at_ns: Nanoseconds


DriftEvent = Annotated[
    VerdictTaken | ActionTriggered | ActionWithheld | CandidateRollbackDemanded | ActionEnded,
    Field(discriminator="type"),
]

DRIFT_EVENT: TypeAdapter[DriftEvent] = TypeAdapter(DriftEvent, config=UNION)
"""Parses any event of the drift actions."""
