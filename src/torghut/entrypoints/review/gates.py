"""The phases of a run, and each gate's value against its threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torghut.entrypoints.report.figures import count
from torghut.entrypoints.report.markup import Content, Markup
from torghut.entrypoints.review.drawing import bar
from torghut.entrypoints.review.words import figure, rows_table, status_class
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.manifest import Phase, PhaseManifest

_PHASE_HEADINGS: Final = (
    ("phase", ""),
    ("status", "text"),
    ("gates passed", ""),
    ("because", "text"),
    ("at", ""),
)
_GATE_HEADINGS: Final = (
    ("gate", ""),
    ("status", "text"),
    ("value beside threshold", "text"),
    ("value", ""),
    ("asked", ""),
    ("n", ""),
    ("reason", "text"),
)


def phases(manifest: PhaseManifest) -> Markup:
    """Return the seven phases."""
    return rows_table("In their order", _PHASE_HEADINGS, [_phase(one) for one in manifest.phases])


def _phase(phase: Phase) -> list[tuple[str, Content]]:
    """Return one phase."""
    passed = sum(row.status in ("pass", "not-applicable") for row in phase.slo_gates)
    return [
        ("", phase.name),
        (status_class(phase.status), phase.status),
        ("", f"{count(passed)} of {count(len(phase.slo_gates))}"),
        ("text", _because(phase)),
        ("", phase.timestamp.replace("T", " ").replace("Z", " UTC")),
    ]


def _because(phase: Phase) -> str:
    """Return why a phase is as it is; empty where it simply passed."""
    failing = [row for row in phase.slo_gates if row.status in ("fail", "insufficient")]
    if failing:
        return ", ".join(f"{row.id}: {row.reason}" for row in failing[:3])
    reason = phase.observations.get("reason")
    return str(reason) if reason is not None else ""


def gates(manifest: PhaseManifest) -> Iterator[Markup]:
    """Yield a table of gates for each phase that has any."""
    for phase in manifest.phases:
        if phase.slo_gates:
            rows = [_gate(row) for row in phase.slo_gates]
            yield rows_table(phase.name, _GATE_HEADINGS, rows)


def _gate(row: GateRow) -> list[tuple[str, Content]]:
    """Return one gate."""
    drawn: Content = ""
    if row.value is not None and row.threshold is not None:
        drawn = bar(row.value, row.threshold, status_class(row.status))
    asked = f"{row.comparator or ''} {figure(row.threshold)} {row.unit or ''}".strip()
    return [
        ("", row.id),
        (status_class(row.status), row.status),
        ("drawn", drawn),
        ("", figure(row.value)),
        ("", asked if row.threshold is not None else ""),
        ("", "" if row.n is None else count(row.n)),
        ("text", row.reason or ""),
    ]
