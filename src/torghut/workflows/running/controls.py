"""The one way in for control records from outside: parsed, judged, and only then submitted.

Whatever brings them, nothing of what came together holds unless all of it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, assert_never

from pydantic import ValidationError

from torghut.artifacts.package import Package
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import Known
from torghut.decisions.fold.judging import ControlRefusal
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.router.package import read_regime_model
from torghut.schemas.control import (
    CONTROL_RECORD,
    AdviceResolved,
    AdviceShadowed,
    ControlRecord,
    DeclarationsChanged,
    FillReported,
    GovernanceHeartbeat,
    OrderReported,
    PackageChanged,
)
from torghut.schemas.types import first_problem
from torghut.workflows.opening import Setup, fresh_fold
from torghut.workflows.running.errors import ControlMalformedError, ControlRefusedError

RECORD_BYTES_MAX: Final = 65_536
"""Longest JSON of a control record that is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A control record from outside.

    Attributes:
        record: As parsed.
        place: Where it stands, for people: a file and its line, a request.
    """

    record: ControlRecord
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What is left to be taken of the records that were offered.

    Attributes:
        fresh: Those that are new, each once, in the order offered.
        repeated: How many were not.
    """

    fresh: Sequence[ControlRecord]
    repeated: int


class _Words(NamedTuple):
    """A refusal in words."""

    expected: str
    found: str
    advice: str


def parse_control(body: bytes, place: str) -> Offered:
    """Return the control record that ``body`` spells in JSON.

    Raises:
        ControlMalformedError: It spells none.
    """
    if len(body) > RECORD_BYTES_MAX:
        expected = f"at most {RECORD_BYTES_MAX} bytes"
        raise ControlMalformedError(place=place, expected=expected, found="more")
    try:
        parse_json_object(body)
        return Offered(record=CONTROL_RECORD.validate_json(body), place=place)
    except JsonRefusedError as error:
        raise ControlMalformedError(
            place=place, expected="one JSON object", found=error.found
        ) from error
    except ValidationError as error:
        first = first_problem(error)
        raise ControlMalformedError(
            place=place, expected=first.at("the record"), found=first.found
        ) from error


def submit(
    fold: DecisionFold, offered: Sequence[Offered], before: Sequence[ControlRecord] = ()
) -> Submitted:
    """Return what the fold is to take of the records offered; it takes none yet.

    Args:
        fold: As of the head of the log.
        offered: All that came together.
        before: Records that it will take before these.

    Raises:
        ControlRefusedError: One of them cannot hold.
    """
    known = fold.identities.copy()
    for record in before:
        known.take(record)
    fresh: list[ControlRecord] = []
    for one in offered:
        judged = fold.judge(one.record, known)
        if isinstance(one.record, AdviceShadowed):
            judged = ControlRefusal.ADVICE_FOREIGN
        if judged is Known.NEW:
            known.take(one.record)
            fresh.append(one.record)
        elif isinstance(judged, ControlRefusal):
            words = _words(fold, one.record, judged)
            raise ControlRefusedError(place=one.place, refusal=judged, **words._asdict())
    return Submitted(fresh=fresh, repeated=len(offered) - len(fresh))


def judge_for_new_log(
    setup: Setup, packages: Sequence[Package], offered: Sequence[Offered]
) -> None:
    """Refuse what a log that is yet to be made would refuse.

    Args:
        setup: What it would begin with.
        packages: What the records offered may put in force besides.
        offered: All that would come before the first context.

    Raises:
        ControlRefusedError: One of them cannot hold.
    """
    fold = fresh_fold(setup)
    provide_packages(fold, packages)
    submit(fold, offered)


def provide_packages(fold: DecisionFold, packages: Sequence[Package]) -> None:
    """Let control records put ``packages`` in force."""
    for package in packages:
        fold.packages[package.digest] = read_regime_model(package)


def _words(  # noqa: C901, PLR0911, PLR0912 - one case a code
    fold: DecisionFold, record: ControlRecord, refusal: ControlRefusal
) -> _Words:
    """Return what a refused record should have said, what it says, and what to do."""
    named = _named(record)
    match refusal:
        case ControlRefusal.ID_TAKEN:
            return _Words(
                "a control_id, and of a fill a fill_id, of its own",
                f"{record.control_id!r} again with another content",
                "give the new record a new id",
            )
        case ControlRefusal.SYMBOL_UNDECLARED:
            known = sorted({name for one in fold.declarations.values() for name in one.by_symbol})
            return _Words(
                f"symbol * or one of {', '.join(known)}",
                record.symbol,
                "correct it, or declare it in streams/instruments",
            )
        case ControlRefusal.DECLARATIONS_UNKNOWN:
            return _Words(
                f"declarations of this installation or of the log: {', '.join(fold.declarations)}",
                named,
                "correct the digest, or run where they are the declarations in force",
            )
        case ControlRefusal.SYMBOL_DROPPED:
            kept = fold.declarations[named].by_symbol
            lost = [facts.name for facts in fold.symbols if facts.name not in kept]
            return _Words(
                "declarations that know every symbol the log has decided",
                f"{named} without {', '.join(lost)}",
                "declare them all in streams/instruments",
            )
        case ControlRefusal.PACKAGE_UNKNOWN:
            return _Words(
                "the digest of a package that is here",
                named,
                "put the package under router/baselines, or correct the digest",
            )
        case ControlRefusal.FILL_UNKNOWN:
            return _Words(
                f"a fill of {record.symbol} that was reported by that account, not long ago",
                named,
                "report the fill itself first, or send a position with reconciled true",
            )
        case ControlRefusal.FILL_REPLACED:
            return _Words(
                "a fill that nothing replaces yet",
                named,
                "replace the fill that replaced it",
            )
        case ControlRefusal.EPOCH_FENCED:
            return _Words(
                f"an epoch of governance's lease from {fold.identities.epoch} on",
                named,
                "let the holder of the lease send its own",
            )
        case ControlRefusal.PACKAGES_REVERTED:
            return _Words(
                "packages that may change",
                f"{named} while the switch revert-packages is thrown",
                "release the switch first: torghut switch release revert-packages",
            )
        case ControlRefusal.ADVICE_FOREIGN:
            return _Words(
                "no record of that kind: the loop makes them itself",
                named,
                "leave it out; torghut reasoning mode says whether advice counts",
            )
        case ControlRefusal.ADVICE_UNAWAITED:
            return _Words(
                "a context that waits for advice",
                named,
                "nothing: it was resolved before, or came too late",
            )
        case ControlRefusal.DECISION_UNKNOWN:
            return _Words(
                "a decision that is in the log",
                named,
                "correct the decision_id, or leave it out of a fill",
            )
        case _:
            assert_never(refusal)


def _named(record: ControlRecord) -> str:
    """Return what a record names that may not be there; empty if it names nothing."""
    match record:
        case DeclarationsChanged():
            named = record.declarations
        case PackageChanged():
            named = record.package or ""
        case FillReported():
            named = record.replaces or record.decision_id or ""
        case OrderReported():
            named = record.decision_id
        case AdviceResolved() | AdviceShadowed():
            named = record.context_id
        case GovernanceHeartbeat():
            named = f"epoch {record.epoch}"
        case _:
            named = ""
    return named
