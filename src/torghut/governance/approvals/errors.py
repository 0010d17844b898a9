"""Why an approval is refused: each reason has its own code, and none of them changes anything."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class ApprovalError(TorghutError):
    """An approval cannot be had in this way.

    Attributes:
        expected: What was.
        found: What there is instead.
    """

    code: ClassVar[str] = "approvals.refused"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class NotRequestedError(ApprovalError):
    """Nothing was asked for yet, so there is nothing to answer or to use."""

    code: ClassVar[str] = "approvals.not-requested"


class RequestMismatchError(ApprovalError):
    """Something else was asked for here; each request has a stream of its own."""

    code: ClassVar[str] = "approvals.request-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES


class ManifestNotFinalError(ApprovalError):
    """The manifest is not finalised: it may still turn into a fail."""

    code: ClassVar[str] = "approvals.manifest-not-final"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL


class ManifestNotPassingError(ApprovalError):
    """The manifest does not pass; look at the gate that binds it."""

    code: ClassVar[str] = "approvals.manifest-not-passing"


class ManifestUnsignedError(ApprovalError):
    """The manifest carries no valid signature of the scheduler, so it proves nothing."""

    code: ClassVar[str] = "approvals.manifest-unsigned"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class ManifestTargetError(ApprovalError):
    """The manifest is for another target: paper is asked with, live is promoted with."""

    code: ClassVar[str] = "approvals.manifest-target"


class ContentHashMismatchError(ApprovalError):
    """The manifest is not the one that this is about: its content hash differs."""

    code: ClassVar[str] = "approvals.content-hash-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class CandidateMismatchError(ApprovalError):
    """The candidate is not the one that this is about."""

    code: ClassVar[str] = "approvals.candidate-mismatch"


class NotionalCapMismatchError(ApprovalError):
    """The grant is for another notional cap than was asked for."""

    code: ClassVar[str] = "approvals.notional-cap-mismatch"


class NotionalCapExceededError(ApprovalError):
    """The promotion would trade more than was approved."""

    code: ClassVar[str] = "approvals.notional-cap-exceeded"


class ExpiryTooLongError(ApprovalError):
    """The grant would hold for longer than declared; sign for a shorter time."""

    code: ClassVar[str] = "approvals.expiry-too-long"


class ExpiredError(ApprovalError):
    """The grant holds no longer; it takes another signature."""

    code: ClassVar[str] = "approvals.expired"


class AuthorApprovesError(ApprovalError):
    """The author of a candidate cannot approve it, under whatever name."""

    code: ClassVar[str] = "approvals.author-approves"


class MakerUnknownError(ApprovalError):
    """Nobody who is declared signed for having made the candidate, so nobody may approve it."""

    code: ClassVar[str] = "approvals.maker-unknown"


class RoleMissingError(ApprovalError):
    """The signer's key has none of the roles that may approve."""

    code: ClassVar[str] = "approvals.role-missing"


class SameKeyError(ApprovalError):
    """This key has granted already: two persons are two different keys."""

    code: ClassVar[str] = "approvals.same-key"


class GrantsMissingError(ApprovalError):
    """Fewer different keys have granted than are declared to be needed."""

    code: ClassVar[str] = "approvals.grants-missing"


class DeniedError(ApprovalError):
    """The request was denied; ask anew with what has changed."""

    code: ClassVar[str] = "approvals.denied"


class RevokedError(ApprovalError):
    """The approval was revoked; ask anew with what has changed."""

    code: ClassVar[str] = "approvals.revoked"


class UsedUpError(ApprovalError):
    """The approval has served its one promotion; the next one takes another."""

    code: ClassVar[str] = "approvals.used-up"


class UseTooOldError(ApprovalError):
    """The promotion that used it up never took place, and too long ago: ask for another one."""

    code: ClassVar[str] = "approvals.use-too-old"


class KeyUndeclaredError(ApprovalError):
    """The key is not declared among the owners' keys, so nobody is known by it."""

    code: ClassVar[str] = "approvals.key-undeclared"


class SignatureInvalidError(ApprovalError):
    """The envelope is not signed by the one key that it names, or holds no statement."""

    code: ClassVar[str] = "approvals.signature-invalid"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class StatementMismatchError(ApprovalError):
    """What was signed is about something else: another approval, verb, promotion or reason."""

    code: ClassVar[str] = "approvals.statement-mismatch"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY


class CandidateUnregisteredError(ApprovalError):
    """No ledger knows the manifest's candidate, so nobody can say what would be put in force."""

    code: ClassVar[str] = "approvals.candidate-unregistered"


class ManifestRefusedError(ApprovalError):
    """The manifest does not hold together; `torghut rollout verify` says where."""

    code: ClassVar[str] = "approvals.manifest-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY
