"""Why the rollout stays in the stage where it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class StageStoppedError(TorghutError):
    """The stage's exit criteria are not all shown, so the programme stops here."""

    code: ClassVar[str] = "stages.stopped"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, stage: int, failing: Sequence[str]) -> None:
        super().__init__(
            f"stage {stage}: expected every exit criterion to pass, found "
            f"{', '.join(failing) or 'no review of them'}; show them, then review again"
        )
        self.stage = stage
        self.failing = tuple(failing)


class ReasoningCappedError(TorghutError):
    """A reasoning mode was asked for that the stage in force does not allow."""

    code: ClassVar[str] = "stages.reasoning-capped"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, stage: int, name: str, cap: str, asked: str) -> None:
        super().__init__(
            f"stage {stage}, {name}: expected a reasoning mode of {cap} at most, found {asked}; "
            f"ask for {cap}, or go on to a stage that allows it with torghut stage advance"
        )
        self.stage = stage
        self.cap = cap
        self.asked = asked


class StageUnrecordedError(TorghutError):
    """The stage is not on record as it is, since it was entered, so it is not left."""

    code: ClassVar[str] = "stages.unrecorded"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, stage: int) -> None:
        super().__init__(
            f"expected a record of stage {stage} made since it was entered, of the commit that "
            "runs in a tree without changes and of the caps in force, found none; make one with "
            f"`torghut governance record --stage {stage}`"
        )
        self.stage = stage


class StageReviewOutdatedError(TorghutError):
    """A step on cites another review than the last one of this stage and roadmap."""

    code: ClassVar[str] = "stages.review-outdated"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; review again")
        self.expected = expected
        self.found = found


class StageRoadmapError(TorghutError):
    """The roadmap is not the one that the stage was entered under; enter the stage again."""

    code: ClassVar[str] = "stages.roadmap-changed"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, stage: int, expected: str, found: str) -> None:
        super().__init__(
            f"expected the roadmap that stage {stage} was entered under, {expected}, found "
            f"{found}; restore it, or enter the stage again with `torghut stage back --to {stage}`"
        )
        self.stage = stage
        self.expected = expected
        self.found = found


class StageOrderError(TorghutError):
    """A step on leads elsewhere than to the next stage, or a step back not to an earlier one."""

    code: ClassVar[str] = "stages.order"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class RiskUnownedError(TorghutError):
    """A risk that concerns the stage has no owner, so the stage is not put on record."""

    code: ClassVar[str] = "stages.risk-unowned"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, risks: Sequence[str]) -> None:
        super().__init__(
            f"expected an owner for every open risk, found none for {', '.join(risks)}; "
            "name one in governance/risks.yaml"
        )
        self.risks = tuple(risks)
