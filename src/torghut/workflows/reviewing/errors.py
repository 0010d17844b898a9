"""What those who review runs can get wrong, or find wrong."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class RunUnknownError(TorghutError):
    """Governance's log knows no such run, or nothing had happened by then."""

    code: ClassVar[str] = "reviewing.run-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, expected: str) -> None:
        super().__init__(
            f"expected {expected} in governance's log, found none; "
            "`torghut rollout list` lists the runs of this artifact root"
        )
        self.expected = expected


class RunAtWorkError(TorghutError):
    """The lane is still at work on a run, so there is nothing whole to hand on."""

    code: ClassVar[str] = "reviewing.run-at-work"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, run_id: str) -> None:
        super().__init__(
            f"expected run {run_id} to have ended, found the lane at work on it; wait for its end"
        )
        self.run_id = run_id


class ManifestDisagreesError(TorghutError):
    """A run's manifest is not what its events lead to; one of them was changed."""

    code: ClassVar[str] = "reviewing.manifest-disagrees"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, path: str, expected: str, found: str) -> None:
        super().__init__(
            f"{path}: expected sha256 {expected}, which the run's events lead to, found {found}; "
            "keep both, and find out who wrote it"
        )
        self.path = path
        self.expected = expected
        self.found = found


class EvidenceAlteredError(TorghutError):
    """Something that a manifest cites is not as cited, so no export of it would verify."""

    code: ClassVar[str] = "reviewing.evidence-altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: str, found: str) -> None:
        super().__init__(f"{path}: expected it as cited, found {found}; restore it")
        self.path = path
        self.found = found


class ExportRefusedError(TorghutError):
    """A file is no export: not in its one form, too large, or with something in it twice."""

    code: ClassVar[str] = "reviewing.export-refused"

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected an export of a run, found {found}; ask for another copy")
        self.found = found
