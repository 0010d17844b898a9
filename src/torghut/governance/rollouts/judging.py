"""What a phase's gates come to: the rules that the recorder and every later reader apply alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from torghut.artifacts.paths import stays_below
from torghut.schemas.rollout.gates import GATE_EVIDENCE, EvidenceReference, GateRow, compares
from torghut.schemas.rollout.phases import (
    CANARY,
    CANARY_GATE,
    DRIFT_GATE,
    LANE_PHASES,
    REQUIRED_GATES,
    RUNTIME,
    RUNTIME_GATE,
    PhaseName,
    PhaseStatus,
    Target,
    status_without_patch,
)

PENDING: Final = "pending"
"""Reason of runtime governance while the safety controls have not spoken."""

_PASSING: Final = frozenset({"pass", "not-applicable"})
_EXEMPT: Final = frozenset({DRIFT_GATE, CANARY_GATE, RUNTIME_GATE})
"""Required gates that may be not applicable: drift declared off, a live target, not yet final."""

_BY_RULE: Final[Mapping[str, str]] = MappingProxyType(
    {CANARY_GATE: "live-target", RUNTIME_GATE: PENDING}
)
"""What makes a gate not applicable by the contract itself, so that no declaration is cited."""


def status_of_gates(phase: PhaseName, target: Target, rows: Sequence[GateRow]) -> PhaseStatus:
    """Return what ``rows`` make of a phase: fail as soon as one of them keeps it from passing."""
    if not rows or any(row.status not in _PASSING for row in rows):
        return "fail"
    by_id = {row.id: row for row in rows}
    own = [by_id.get(gate) for gate in REQUIRED_GATES[phase]]
    if any(row is None for row in own):
        return "fail"
    if phase == CANARY and any(row is not None and row.status != "pass" for row in own):
        return status_without_patch(target)
    if phase == RUNTIME and any(row is not None and row.status != "pass" for row in own):
        return "skip"
    return "pass"


def missing_gates(phase: PhaseName, rows: Sequence[GateRow]) -> Sequence[str]:
    """Return the gates that a phase must state and does not."""
    stated = {row.id for row in rows}
    return [gate for gate in REQUIRED_GATES[phase] if gate not in stated]


def gate_faults(phase: PhaseName, rows: Sequence[GateRow]) -> Iterator[str]:
    """Yield what is wrong with the rows of a phase, whatever they come to."""
    for gate, count in Counter(row.id for row in rows).items():
        if count > 1:
            yield f"expected gate {gate} once, found it {count} times"
    for row in rows:
        if fault := row_fault(row):
            yield f"gate {row.id}: {fault}"
        elif row.status == "pass" and phase in LANE_PHASES and not _is_shown(row):
            yield f"gate {row.id}: expected a {GATE_EVIDENCE} behind pass, found none"


def _is_shown(row: GateRow) -> bool:
    """Say whether a row cites what was measured."""
    return any(one.schema_ == GATE_EVIDENCE for one in row.evidence)


def row_fault(row: GateRow) -> str:
    """Return what in a gate's row contradicts its status; empty where nothing does."""
    if row.status != "pass" and row.reason is None:
        return f"expected a reason for {row.status}, found none"
    match row.status:
        case "pass":
            return _pass_fault(row)
        case "not-applicable":
            return _exemption_fault(row)
        case "fail" | "insufficient":
            return ""


def _pass_fault(row: GateRow) -> str:
    """Return why a row that says pass does not."""
    if row.value is None or row.comparator is None or row.threshold is None:
        return "expected a value, a comparator and a threshold behind pass, found one missing"
    if not compares(row.value, row.comparator, row.threshold):
        return f"expected {row.comparator} {row.threshold:g} behind pass, found {row.value:g}"
    return ""


def _exemption_fault(row: GateRow) -> str:
    """Return why a row may not say that its gate does not apply."""
    if row.value is not None:
        return "expected no value of a gate that is not applicable, found one"
    if row.id.startswith("slo_") and row.id not in _EXEMPT:
        return "expected a gate that always applies to be judged, found not-applicable"
    if row.reason == _BY_RULE.get(row.id):
        return ""
    return "" if row.evidence else "expected the declaration that switches it off, found none"


def outside_faults(references: Iterable[EvidenceReference]) -> Iterator[str]:
    """Yield what is cited from outside the artifact root."""
    for one in references:
        if not stays_below(one.path):
            yield f"expected evidence below the artifact root, found {one.path!r}"


def digest_faults(references: Iterable[EvidenceReference]) -> Iterator[str]:
    """Yield what is cited under two digests, so that nobody could say which is meant."""
    digests: dict[str, str] = {}
    for one in references:
        if digests.setdefault(one.path, one.sha256) != one.sha256:
            yield f"expected one digest of {one.path}, found two"
