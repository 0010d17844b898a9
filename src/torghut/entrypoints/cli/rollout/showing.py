"""``torghut rollout show`` and ``why``: the phases with their gates, and what they hang on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from torghut.entrypoints.cli.console import json_option, print_fields, print_json, print_table
from torghut.entrypoints.cli.rollout.asking import (
    manifest_argument,
    number,
    origin,
    read_asked,
    standing,
)
from torghut.governance.rollouts.binding import Binding, binding_of
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.texts import plain
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.manifest import Observation, PhaseManifest
from torghut.schemas.rollout.phases import RUNTIME

__all__ = ["show", "why"]

_ADVICE: Final = (
    "mode",
    "mode_at_begin",
    "deterministic_only",
    "unanswered_ratio",
    "questions",
    "recovery_s",
)
"""What is shown of the observations of advice, without how their names begin."""


@click.command()
@manifest_argument
@json_option
def show(manifest: Path, *, as_json: bool) -> ExitCode:
    """Show the phases and gates of the manifest in MANIFEST, as it states them.

    It must hold together. Its evidence and its signature are verified by `torghut rollout verify`
    alone: here it is only said whether it claims one.
    """
    found = read_asked(manifest)
    answers = origin(manifest, found)
    if as_json:
        print_json(
            {
                "standing": standing(found),
                "origin": {"kind": answers.kind, "says": answers.says},
                "manifest": found.model_dump(mode="json"),
            }
        )
        return ExitCode.YES
    print_fields({**_header(found), "origin": answers.says})
    columns = ("phase", "status", "gate", "says", "value", "asked", "n", "reason")
    sides = {name: "right" if name in ("value", "n") else "left" for name in columns}
    click.echo()
    print_table(sides, [*_rows(found)])
    click.echo("\nas stated; `torghut rollout verify` says what it is worth")
    return ExitCode.YES


def _header(manifest: PhaseManifest) -> dict[str, str]:
    """Return what a manifest is about."""
    summary = manifest.observation_summary
    target = manifest.requested_promotion_target
    missing = ", ".join(summary.missing_for_live)
    advice = next((_advice(one.observations) for one in manifest.phases if one.name == RUNTIME), {})
    return {
        "standing": standing(manifest),
        "run": f"{manifest.run_id}, attempt {summary.attempt}, lane {summary.lane}",
        "candidate": manifest.candidate_id,
        "target": f"{target}, live was asked and this was missing: {missing}"
        if missing
        else target,
        "updated": manifest.updated_at,
        **advice,
        "content": manifest.content_hash,
    }


def _advice(observed: Mapping[str, Observation]) -> dict[str, str]:
    """Return how advice stood; nothing where the manifest does not say."""
    if "advice_mode" not in observed:
        return {}
    said = {name: _told(observed.get(f"advice_{name}", "not said")) for name in _ADVICE}
    return {
        "advice": f"{said['mode']}, {said['mode_at_begin']} when the run began, "
        f"deterministic-only {said['deterministic_only']}; unanswered {said['unanswered_ratio']} "
        f"of {said['questions']} questions; recovered in s: {said['recovery_s']}"
    }


def _told(observation: Observation) -> str:
    """Return an observation as it is shown."""
    return number(observation) if isinstance(observation, float) else plain(observation)


def _rows(manifest: PhaseManifest) -> Iterator[list[str]]:
    """Yield one row a gate; a phase is named in its first."""
    for phase in manifest.phases:
        named: list[str] = [phase.name, phase.status]
        for row in phase.slo_gates:
            yield [*named, *_cells(row)]
            named = ["", ""]


def _cells(row: GateRow) -> list[str]:
    """Return what a gate's row shows."""
    threshold = number(row.threshold)
    asked = f"{row.comparator or ''} {threshold} {row.unit or ''}".strip() if threshold else ""
    return [
        row.id,
        row.status,
        number(row.value),
        asked,
        "" if row.n is None else f"{row.n:,}",
        row.reason or "",
    ]


@click.command()
@manifest_argument
@json_option
def why(manifest: Path, *, as_json: bool) -> ExitCode:
    """Explain the manifest in MANIFEST: the gate it hangs on, and what would turn it."""
    found = read_asked(manifest)
    binding = binding_of(found)
    if as_json:
        hangs_on = None if binding is None else _as_json(binding)
        print_json({"standing": standing(found), "binding": hangs_on})
        return ExitCode.YES
    click.echo(f"{found.run_id}: {standing(found)}")
    if binding is None:
        click.echo("no gate was measured against a threshold, so none is the nearest to it")
        return ExitCode.YES
    for line in _lines(binding):
        click.echo(line)
    return ExitCode.YES


def _lines(binding: Binding) -> Iterator[str]:
    """Yield what a manifest hangs on, for people."""
    if binding.row is None:
        reason = plain(binding.reason)
        yield f"hangs on  phase {binding.phase}, which failed before a gate did: {reason}"
    else:
        said = f", reason {binding.reason}" if binding.reason else ""
        yield f"hangs on  {binding.row.id} of {binding.phase}: {binding.row.status}{said}"
        yield f"turns     {_turn(binding, binding.row)}"
    if binding.others:
        yield f"besides   {len(binding.others)} more fail: {', '.join(binding.others)}"


def _turn(binding: Binding, row: GateRow) -> str:
    """Return what would turn a gate, in words."""
    flip = binding.flip
    if flip is None:
        return "with nothing that can be named: it was not measured"
    if flip.what == "n":
        return f"at n {flip.comparator} {number(flip.bound)}; now {row.n or 0}"
    unit = f" {row.unit}" if row.unit else ""
    return f"at {flip.comparator} {number(flip.bound)}{unit}; now {number(row.value)}"


def _as_json(binding: Binding) -> JsonObject:
    """Return what a manifest hangs on, for machines."""
    flip, row = binding.flip, binding.row
    turns_at: JsonObject | None = None
    if flip is not None:
        turns_at = {"what": flip.what, "comparator": flip.comparator, "bound": flip.bound}
    return {
        "phase": binding.phase,
        "gate": None if row is None else row.model_dump(mode="json"),
        "reason": binding.reason or None,
        "turns_at": turns_at,
        "others": list(binding.others),
    }
