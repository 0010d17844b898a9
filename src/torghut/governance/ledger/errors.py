"""Why who serves does not change."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class LedgerError(TorghutError):
    """Who serves cannot be changed in this way.

    Attributes:
        expected: What was.
        found: What there is instead.
    """

    code: ClassVar[str] = "ledger.refused"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class AliasStaleError(LedgerError):
    """Who serves has changed since it was looked at; look again, and decide again."""

    code: ClassVar[str] = "ledger.alias-stale"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES


class ChampionChangedError(LedgerError):
    """The candidate was judged against something else than serves now; run the lane again."""

    code: ClassVar[str] = "ledger.champion-changed"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES


class CandidateUnknownError(LedgerError):
    """The ledger has no such candidate: only what was evaluated can be promoted."""

    code: ClassVar[str] = "ledger.candidate-unknown"


class CandidateConflictError(LedgerError):
    """The candidate's id stands for something else already."""

    code: ClassVar[str] = "ledger.candidate-conflict"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES


class QuarantinedError(LedgerError):
    """The candidate was taken back too often, and may never serve again."""

    code: ClassVar[str] = "ledger.quarantined"


class DeclarationsUnsupportedError(LedgerError):
    """The candidate is declarations, which no term in office carries yet: nothing undoes it."""

    code: ClassVar[str] = "ledger.declarations-unsupported"


class PromotionSpentError(LedgerError):
    """This very promotion took place, and another one since; it takes another run's manifest."""

    code: ClassVar[str] = "ledger.promotion-spent"


class NotChampionError(LedgerError):
    """Nothing serves that could be taken back."""

    code: ClassVar[str] = "ledger.no-champion"


class ChampionError(LedgerError):
    """The champion serves: it can be demoted or reverted, not retained against itself."""

    code: ClassVar[str] = "ledger.is-champion"


class ManifestUnfitError(LedgerError):
    """The manifest is not a final, signed pass of this candidate for this target."""

    code: ClassVar[str] = "ledger.manifest-unfit"


class ApprovalMissingError(LedgerError):
    """Live takes an approval that this very promotion used up; paper takes none."""

    code: ClassVar[str] = "ledger.approval-missing"


class PromotionUnprovenError(LedgerError):
    """What serves live is on record, and no approval that verifies stands behind it: revert it."""

    code: ClassVar[str] = "ledger.promotion-unproven"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class AliasVacantError(LedgerError):
    """Nobody is named by this alias; let the lane try a candidate, and promote it."""

    code: ClassVar[str] = "ledger.alias-vacant"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL


class NotPromotedError(LedgerError):
    """In live mode only what was promoted to live may count."""

    code: ClassVar[str] = "ledger.not-promoted"
