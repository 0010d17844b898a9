"""One thing that was checked, and what all of them together end with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from torghut.governance.rollouts.manifest import NOT_FINALISED
from torghut.governance.verification.origin import Origin, OriginKind
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.manifest import ManifestDocument


class Breach(StrEnum):
    """What it means that a check failed."""

    CONTRACT = "contract"
    INTEGRITY = "integrity"
    LOG = "log"
    FINALITY = "finality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: In one word.
        breach: What it means if it failed.
        fault: What was expected and found; empty if it passed.
        holds: What holds if it passed.
    """

    name: str
    breach: Breach
    fault: str
    holds: str

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return not self.fault

    @property
    def says(self) -> str:
        """What it came to, in words."""
        return self.fault or self.holds


_SAYS: Final[Mapping[ExitCode, str]] = MappingProxyType(
    {
        ExitCode.NO: "FAIL",
        ExitCode.CONTRACT: "NO MANIFEST: it breaks its contract, whatever it states",
        ExitCode.INTEGRITY: "NOT INTACT: something is missing, altered or from outside",
        ExitCode.DISAGREES: "DISAGREES: it is not what the events beside it lead to",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a manifest is worth.

    Attributes:
        checks: In the order made; after a document that cannot be read there are fewer.
        document: As stated; None if it could not be read.
        origin: Who answers for it.
        overdue: Whether nobody finalised it in time.
    """

    checks: Sequence[Check]
    document: ManifestDocument | None
    origin: Origin
    overdue: bool

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with: a pass is genuine only if sound, final and signed."""
        failed = {check.breach for check in self.checks if not check.passed}
        if Breach.CONTRACT in failed:
            return ExitCode.CONTRACT
        if (
            Breach.INTEGRITY in failed
            or self.document is None
            or self.origin.kind is OriginKind.FORGED
        ):
            return ExitCode.INTEGRITY
        if Breach.LOG in failed:
            return ExitCode.DISAGREES
        if Breach.FINALITY in failed:
            return ExitCode.NO if self.overdue else ExitCode.NOT_FINAL
        if self.document.status == "fail":
            return ExitCode.NO
        return ExitCode.YES if self.origin.kind is OriginKind.SIGNED else ExitCode.NOT_FINAL

    @property
    def says(self) -> str:
        """The verdict in one line."""
        code = self.exit_code
        if code is ExitCode.YES:
            return f"PASS, signed by {self.origin.fingerprint}"
        if code is ExitCode.NO and self.overdue:
            return f"FAIL, reason {NOT_FINALISED}: two cycles have passed since its last event"
        return _SAYS.get(code) or self._unacknowledged()

    def _unacknowledged(self) -> str:
        """Return why what states a pass is none yet."""
        if any(check.breach is Breach.FINALITY and not check.passed for check in self.checks):
            return "NOT FINAL: never a pass until the safety controls have spoken"
        return f"NOT ACKNOWLEDGED: it states a pass and holds together, but is {self.origin.kind}"
