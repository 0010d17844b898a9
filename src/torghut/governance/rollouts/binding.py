"""Which gate a manifest hangs on, and the value or count at which it would say the opposite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from torghut.schemas.rollout.gates import SHORT_OF, GateRow
from torghut.schemas.rollout.manifest import ManifestDocument, Phase
from torghut.schemas.rollout.phases import PhaseName

_PASSING: Final = frozenset({"pass", "not-applicable"})
_OPPOSITE: Final[Mapping[str, str]] = MappingProxyType(
    {">=": "<", ">": "<=", "<=": ">", "<": ">=", "==": "!="}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """What would make a gate say the opposite.

    Attributes:
        what: The value, or the number of observations behind it.
        comparator: How it would have to stand to the bound.
        bound: The threshold, or the least count.
    """

    what: Literal["value", "n"]
    comparator: str
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The gate that a manifest hangs on.

    Attributes:
        phase: That it belongs to.
        row: The gate; None where the phase failed before any was judged.
        reason: Why the gate or the phase is as it is; empty where it passed.
        flip: What would turn the gate; None where it was never measured.
        others: Further gates that fail, each of which would have to turn as well.
    """

    phase: PhaseName
    row: GateRow | None
    reason: str
    flip: Flip | None
    others: Sequence[str]


def binding_of(document: ManifestDocument) -> Binding | None:
    """Return what a manifest hangs on; None where no gate was measured at all.

    A fail hangs on the first gate that fails, in the order of phases and gates. A pass hangs on
    the gate that is nearest to its threshold, in proportion to the threshold.
    """
    failed = [phase for phase in document.phases if phase.status == "fail"]
    if failed:
        return _first_failing(failed)
    return _tightest(document.phases)


def _first_failing(failed: Sequence[Phase]) -> Binding:
    """Return the first gate that fails, or the phase that failed without one."""
    rows = [(phase, row) for phase in failed for row in _failing(phase)]
    first = failed[0]
    if not rows or rows[0][0] is not first:
        reason = str(first.observations.get("reason", ""))
        others = [row.id for _, row in rows]
        return Binding(phase=first.name, row=None, reason=reason, flip=None, others=others)
    row = rows[0][1]
    return Binding(
        phase=first.name,
        row=row,
        reason=row.reason or "",
        flip=_flip_to_pass(row),
        others=[other.id for _, other in rows[1:]],
    )


def _failing(phase: Phase) -> Iterator[GateRow]:
    """Yield the gates that keep a phase from passing."""
    return (row for row in phase.slo_gates if row.status not in _PASSING)


def _flip_to_pass(row: GateRow) -> Flip | None:
    """Return what a gate that fails would need."""
    least = (row.reason or "").removeprefix(SHORT_OF)
    if (row.reason or "").startswith(SHORT_OF) and least.isdecimal():
        return Flip(what="n", comparator=">=", bound=float(least))
    if row.value is None or row.comparator is None or row.threshold is None:
        return None
    return Flip(what="value", comparator=row.comparator, bound=row.threshold)


def _tightest(phases: Sequence[Phase]) -> Binding | None:
    """Return the gate that would be the first to fail."""
    found: Binding | None = None
    least = float("inf")
    for phase in phases:
        for row in phase.slo_gates:
            room = _room(row)
            if room is not None and room < least and row.comparator and row.threshold is not None:
                flip = Flip(what="value", comparator=_OPPOSITE[row.comparator], bound=row.threshold)
                found = Binding(phase=phase.name, row=row, reason="", flip=flip, others=())
                least = room
    return found


def _room(row: GateRow) -> float | None:
    """Return how far a gate that passed is from its threshold, in thresholds.

    A gate that counts what is amiss has no room to speak of and is not what a pass hangs on.
    """
    if row.status != "pass" or row.value is None or not row.threshold:
        return None
    return abs(row.value - row.threshold) / abs(row.threshold)
