"""Everything that can be derived again from a run's evidence, beside what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from torghut.governance.verification.checks import Breach, Check
from torghut.kernel.texts import plain
from torghut.workflows.reviewing.again.judged import judgement_again
from torghut.workflows.reviewing.again.stated import (
    lane_again,
    lineage_again,
    manifest_again,
    names_again,
)
from torghut.workflows.reviewing.again.values import Derived, Value
from torghut.workflows.reviewing.material import Material

AGAIN: Final = "again"
"""What the checks are called."""

_SHORT: Final = 40
"""Letters of a value that is worth to be read twice."""


def recompute(material: Material) -> Derived:
    """Return every value that follows from what a manifest cites, and what does not."""
    derived = Derived()
    names_again(material, derived)
    judgement_again(material, derived)
    lane_again(material, derived)
    lineage_again(material, derived)
    manifest_again(material, derived)
    return derived


def value_checks(derived: Derived) -> Sequence[Check]:
    """Return one check a value; one that differs is not what its evidence says."""
    return [_check(one) for one in derived.values]


def _check(value: Value) -> Check:
    """Return a value as a check."""
    what, recorded = plain(value.what), plain(value.recorded)
    short = value.same and len(recorded) > _SHORT
    again = "the same again" if short else f"again {plain(value.again)}"
    told = f"{what}: recorded {recorded}, {again}"
    return Check(
        name=AGAIN,
        breach=Breach.INTEGRITY,
        fault="" if value.same else f"expected the same again, found {told}",
        holds=told,
    )
