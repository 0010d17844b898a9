"""The second part in words and for machines: challengers, the rollback, what is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.entrypoints.cli.demo.advised import AT_STAKE, Advised
from torghut.entrypoints.cli.demo.cycles import Judged
from torghut.entrypoints.cli.demo.governed import LEAP, Governing, Recovered
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.market import STEPS
from torghut.entrypoints.cli.demo.made.world import MadeWorld
from torghut.entrypoints.cli.demo.verified import Verified
from torghut.governance.notes.note import note_path
from torghut.kernel.canonical import JsonObject
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.specialist import NAME
from torghut.workflows.rollout.places import run_folder

HEADING: Final = (
    "",
    "Made prices, drawn by a generator: a market that comes back and one that goes on, in turns;",
    "experts and two gates are declared for it. Judge, policy and limits are the installed ones.",
    "",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Governed:
    """What the second part came to.

    Attributes:
        part: World and notes.
        ordinary: The challenger that was not made to be anything.
        better: The one that was made to be better.
        recovered: From the crash.
        verified: The manifest of the better one.
    """

    part: Governing
    ordinary: Judged
    better: Judged
    recovered: Recovered
    verified: Verified


def begun_texts(part: Governing) -> tuple[str, str]:
    """Return what is governed, and what the first cycle found."""
    serves, first = packages.serving().reference, part.notes[0]
    return (
        f"{STEPS:,} made prices decided; a live loop serves {serves}",
        f"cycle {first.cycle}: {first.reason}, drift {first.drift_status}",
    )


def challenger_texts(part: Governing, found: Judged) -> tuple[str, str]:
    """Return what became of a challenger, and by how much it is better than the champion."""
    is_ordinary = found.package.digest == packages.ordinary().digest
    what = "bets that what ran far comes back" if is_ordinary else "made to be better"
    mean, lower, upper = found.edge_bps
    return (
        f"{found.package.reference}, {what}: {found.card.verdict}, manifest {found.status}",
        (
            f"cycle {part.notes[-1].cycle}: {mean:+.2f} bps a step over the champion, "
            f"{lower:+.2f} to {upper:+.2f}: {found.card.reason}"
        ),
    )


def promoted_text() -> str:
    """Return who was promoted."""
    return f"{packages.constructed().reference}, on paper; the loop goes on with it"


def crash_texts(found: Recovered) -> tuple[str, ...]:
    """Return what a leap of the price led to, and how long recovery took."""
    back, stopped = packages.serving().reference, found.stopped.cycle
    recovery_s = int(found.effective.recovery_ns) / NS_PER_S
    return (
        f"the price leapt {LEAP:.0%} against its position",
        f"cycle {stopped}: stopped by {', '.join(found.triggers)}; back to {back}",
        (
            f"cycle {stopped + 1}: the first {found.effective.decisions} decisions by it "
            f"{recovery_s:.2f} s after detection, the wait for this cycle included"
        ),
    )


def verify_texts(found: Governed) -> tuple[str, ...]:
    """Return what verifying says, and what the manifest says now."""
    codes, now = found.verified, found.recovered.manifest
    return (
        "torghut rollout verify, on the manifest that promoted",
        (
            f"exit {codes.with_key} with the scheduler's key, {codes.without} without, "
            f"{codes.altered} with one digit altered"
        ),
        (
            f"since the rollback the run's manifest says {now.status}: "
            f"{now.runtime_governance.reason}; rollback-proof {found.recovered.proof}"
        ),
    )


def advised_texts(found: Advised) -> tuple[str, str]:
    """Return what was asked and answered, and that it is the same with nobody to ask."""
    return (
        (
            f"a specialist of fixed rules, no model, asked from {AT_STAKE:.0%} of the "
            f"allotment on: {found.verdict}, target {found.before.target:g} to "
            f"{found.after.target:g}"
        ),
        (
            f"{found.again} questions answered again from their records, {found.replayed} "
            "decisions from the log, with nobody to ask: every byte the same"
        ),
    )


def advised_as_json(found: Advised) -> JsonObject:
    """Return what came of asking, for machines."""
    return {
        "model": None,
        "specialist": NAME,
        "prices": found.fed,
        "asked_from": AT_STAKE,
        "verdict": found.verdict,
        "target_before": found.before.target,
        "target": found.after.target,
        "answered_again": found.again,
        "decided_again": found.replayed,
        "log": str(found.log),
    }


def places(found: Governed) -> Sequence[Path]:
    """Return where to look."""
    world = found.part.world
    note = next(one for one in found.part.notes if one.rollback_evidence is not None)
    return (_review(world, found.better.run_id), world.artifacts / note_path(note.iteration))


def as_json(found: Governed) -> JsonObject:
    """Return what the second part came to, for machines."""
    recovered, codes = found.recovered, found.verified
    return {
        "data": "made prices, drawn by a generator",
        "live": False,
        "serving": str(packages.serving().reference),
        "ordinary": _challenger(found.ordinary, made=False),
        "made_to_be_better": _challenger(found.better, made=True),
        "cycles": [
            {
                "cycle": one.cycle,
                "outcome": one.outcome,
                "reason": one.reason,
                "drift": one.drift_status,
                "manifest": one.manifest_status,
                "note": str(found.part.world.artifacts / note_path(one.iteration)),
                "remarks": list(one.remarks),
            }
            for one in found.part.notes
        ],
        "rollback": {
            "leap": LEAP,
            "price_before": recovered.leapt_from.price,
            "position_before": recovered.leapt_from.position,
            "stopped_by": list(recovered.triggers),
            "cause": recovered.triggered.cause,
            "incident": recovered.triggered.cause_id,
            "goes_back_to": recovered.triggered.goes_back_to,
            "detected_at_ns": str(recovered.triggered.detected_at_ns),
            "effective_at_ns": str(recovered.effective.at_ns),
            "recovery_ns": str(recovered.effective.recovery_ns),
            "decisions": recovered.effective.decisions,
            "proof": recovered.proof,
            "manifest": recovered.manifest.status,
        },
        "verify": {
            "manifest": str(codes.manifest),
            "with_key": codes.with_key,
            "without": codes.without,
            "altered": codes.altered,
        },
        "look_at": [str(path) for path in places(found)],
    }


def _challenger(found: Judged, *, made: bool) -> JsonObject:
    """Return what became of a challenger, for machines."""
    mean, lower, upper = found.edge_bps
    return {
        "package": str(found.package.reference),
        "constructed": made,
        "run_id": found.run_id,
        "verdict": found.card.verdict,
        "reason": found.card.reason,
        "edge_bps_per_step": {"mean": mean, "lower": lower, "upper": upper},
        "decisions": found.card.decisions,
        "trials": found.card.trials,
        "manifest": found.status,
        "promoted": made,
    }


def _review(world: MadeWorld, run_id: str) -> Path:
    """Return the page of a run; its manifest where there is none."""
    folder = world.artifacts / run_folder(run_id, 1)
    page = folder / "review.html"
    return page if page.is_file() else folder / "rollout" / "phase-manifest.json"
