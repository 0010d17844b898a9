"""Whether a control record can hold: judged from what is known, before any of it is taken."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import StrEnum

from torghut.decisions.declarations import Declarations
from torghut.schemas.control import ControlRecord, DeclarationsChanged, PackageChanged


class ControlRefusal(StrEnum):
    """Why a control record has no effect; the block that keeps the record says so."""

    ID_TAKEN = "control.id-taken"
    """Its id, or its fill's, was taken with another content."""
    SYMBOL_UNDECLARED = "control.symbol-undeclared"
    """No declarations know the symbol that it names."""
    DECLARATIONS_UNKNOWN = "control.declarations-unknown"
    """The declarations that it puts in force were never given."""
    SYMBOL_DROPPED = "control.symbol-dropped"
    """The declarations that it puts in force do not know a symbol that was heard."""
    PACKAGE_UNKNOWN = "control.package-unknown"
    """The package that it puts in force, or the one before it, was never given."""
    FILL_UNKNOWN = "control.fill-unknown"
    """No fill of its symbol and account has the id that it corrects, or not any more."""
    FILL_REPLACED = "control.fill-replaced"
    """The fill that it corrects was corrected before."""
    EPOCH_FENCED = "control.epoch-fenced"
    """A later holder of governance's lease was heard: this one has lost it."""
    PACKAGES_REVERTED = "control.packages-reverted"
    """The switch ``revert-packages`` is thrown: packages stay as it left them until its release."""
    DECISION_UNKNOWN = "control.decision-unknown"
    """The decision that it reports on is not in the log; who brings the record looked it up."""
    ADVICE_FOREIGN = "control.advice-foreign"
    """It says what advice came to, and did not come from the loop that asked."""
    ADVICE_UNAWAITED = "control.advice-unawaited"
    """The context that it resolves does not wait: it never did, or was resolved before."""


def judge_content(
    record: ControlRecord,
    *,
    declarations: Mapping[str, Declarations],
    packages: Container[str],
    heard: Iterable[str],
) -> ControlRefusal | None:
    """Return why ``record`` cannot hold, whatever its id; None if it can.

    Args:
        record: To be judged.
        declarations: All that were given, by digest.
        packages: Digests of all that were given.
        heard: The symbols of which contexts were taken; those alone, so that the judgement does
            not depend on which contexts share a batch with the record.
    """
    if record.symbol != "*" and not any(
        record.symbol in one.by_symbol for one in declarations.values()
    ):
        return ControlRefusal.SYMBOL_UNDECLARED
    if isinstance(record, DeclarationsChanged):
        found = declarations.get(record.declarations)
        if found is None:
            return ControlRefusal.DECLARATIONS_UNKNOWN
        if any(name not in found.by_symbol for name in heard):
            return ControlRefusal.SYMBOL_DROPPED
    if isinstance(record, PackageChanged):
        named = (record.package, record.previous)
        if any(one is not None and one not in packages for one in named):
            return ControlRefusal.PACKAGE_UNKNOWN
    return None
