"""What a candidate's rollout refuses, each with a code of its own."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class RunRefusedError(TorghutError):
    """What a run is asked for does not fit: an empty id, an unknown target, a key too many."""

    code: ClassVar[str] = "governance.run-refused"

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected the plan of a run, found {found}")
        self.found = found


class RunNotStartedError(TorghutError):
    """Something was asked of a run that never started."""

    code: ClassVar[str] = "governance.run-not-started"

    def __init__(self) -> None:
        super().__init__("expected a run that was started, found none; start it first")


class RunAlreadyStartedError(TorghutError):
    """A run was started a second time, to do something else."""

    code: ClassVar[str] = "governance.run-already-started"

    def __init__(self, *, run_id: str) -> None:
        super().__init__(
            f"expected run {run_id} to be started as it was, found another plan; "
            "other inputs make another run, and the same again another attempt"
        )
        self.run_id = run_id


class PhaseOutOfOrderError(TorghutError):
    """A phase was recorded that is not the next one due."""

    code: ClassVar[str] = "governance.phase-out-of-order"

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected phase {expected} next, found {found}")
        self.expected = expected
        self.found = found


class PhaseAlreadyRecordedError(TorghutError):
    """A phase was recorded a second time, with something else in it."""

    code: ClassVar[str] = "governance.phase-already-recorded"

    def __init__(self, *, phase: str) -> None:
        super().__init__(f"expected phase {phase} once, found it again with other content")
        self.phase = phase


class GateMissingError(TorghutError):
    """A phase does not state a gate that it must state."""

    code: ClassVar[str] = "governance.gate-missing"

    def __init__(self, *, phase: str, gate: str) -> None:
        super().__init__(f"expected gate {gate} in phase {phase}, found none; state it")
        self.phase = phase
        self.gate = gate


class GateRefusedError(TorghutError):
    """A gate's row contradicts itself, stands there twice, or cites what nobody may cite."""

    code: ClassVar[str] = "governance.gate-refused"

    def __init__(self, *, phase: str, reason: str) -> None:
        super().__init__(f"phase {phase}: {reason}")
        self.phase = phase
        self.reason = reason


class LaneEndedError(TorghutError):
    """The lane of this run has ended already; nothing more of it is recorded."""

    code: ClassVar[str] = "governance.lane-ended"

    def __init__(self, *, how: str) -> None:
        super().__init__(f"expected a lane at work, found that it {how}; begin another attempt")
        self.how = how


class LaneNotEndedError(TorghutError):
    """A run was to be completed or finalised whose lane has phases to record."""

    code: ClassVar[str] = "governance.lane-not-ended"

    def __init__(self, *, due: str) -> None:
        super().__init__(
            f"expected a lane that has ended, found {due} to do; "
            "record what is missing, or that the lane crashed"
        )
        self.due = due


class RunFinalisedError(TorghutError):
    """A run was finalised a second time, with another outcome."""

    code: ClassVar[str] = "governance.run-finalised"

    def __init__(self) -> None:
        super().__init__("expected a run that is not final, found one that is, and says otherwise")


class RunNotFinalError(TorghutError):
    """What the safety controls said was to be looked at again, and they have said nothing yet."""

    code: ClassVar[str] = "governance.run-not-final"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, run_id: str) -> None:
        super().__init__(f"expected run {run_id} to be final, found it is not; finalise it first")
        self.run_id = run_id


class ManifestRefusedError(TorghutError):
    """A document is no phase manifest, or states what does not follow from it."""

    code: ClassVar[str] = "governance.manifest-refused"

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"expected a phase manifest, found {found}; `torghut rollout verify` says more"
        )
        self.found = found


class ManifestAlteredError(TorghutError):
    """A phase manifest does not have the digest that it states."""

    code: ClassVar[str] = "governance.manifest-altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, found: str) -> None:
        super().__init__(f"a manifest is not as it was written: its digest: {found}")
        self.found = found


class ManifestNotFinalError(TorghutError):
    """A manifest is not final, so nobody may sign it or rest anything on it."""

    code: ClassVar[str] = "governance.manifest-not-final"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, run_id: str) -> None:
        super().__init__(
            f"expected the final manifest of run {run_id}, found one that is not final; "
            "finalise the run first"
        )
        self.run_id = run_id
