"""``torghut rollout list`` and ``history``: runs and what became of them, from governance's log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import click

from torghut.artifacts.signatures import TrustedKey
from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import (
    json_option,
    print_fields,
    print_json,
    print_table,
)
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.entrypoints.cli.rollout.asking import standing_of
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.rollouts.manifest import overdue
from torghut.governance.verification.origin import OriginKind
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.settings import artifact_dir
from torghut.workflows.reviewing.errors import RunUnknownError
from torghut.workflows.reviewing.history import Change, changes, manifest_at
from torghut.workflows.reviewing.runs import (
    RunListed,
    RunOnRecord,
    attempts_on_record,
    listed,
    runs_on_record,
)

__all__ = ["history", "list"]

_SHORT: Final = 16
_LISTED: Final = ("run", "candidate", "verdict", "target", "status", "updated", "signed by")
_COLUMNS: Final = dict.fromkeys(_LISTED, "left")
_CHANGES: Final = dict.fromkeys(("at", "run", "what", "status then", "why"), "left")


@click.command()
@json_option
def list(*, as_json: bool) -> ExitCode:  # noqa: A001 - the command's name
    """List every run of this artifact root, the one touched last first.

    A signature is told apart from what it is worth: `signed by` names a key that is declared here
    as a scheduler's, `?` one that is not, and `torghut rollout verify` says the rest.
    """
    store, now_ns = standby.artifact_root(artifact_dir()), standby.wall_clock().now_ns()
    trusted = _schedulers()
    found = [listed(one, store, trusted, now_ns) for one in _runs()]
    if as_json:
        print_json({"runs": [_run_json(one) for one in found]})
    elif found:
        print_table(_COLUMNS, [_run_row(one) for one in found])
    else:
        click.echo("no runs; `torghut lane submit` lets a candidate wait for one")
    return ExitCode.YES


def _runs() -> Sequence[RunOnRecord]:
    """Return every run of this artifact root."""
    return asyncio.run(runs_on_record(governing.governance_events(artifact_dir())))


def _attempts(run_id: str) -> Sequence[RunOnRecord]:
    """Return every attempt at a run of this artifact root.

    Raises:
        RunUnknownError: There is none.
    """
    found = asyncio.run(attempts_on_record(governing.governance_events(artifact_dir()), run_id))
    if not found:
        raise RunUnknownError(expected=f"run {run_id}")
    return found


def _schedulers() -> Sequence[TrustedKey]:
    """Return the keys that are declared to sign manifests."""
    return keyring_of(governing.owners()).schedulers


def _run_row(one: RunListed) -> Sequence[str]:
    """Return a run as a row."""
    plan = one.run.plan
    again = "" if plan.attempt == 1 else f":{plan.attempt}"
    return (
        f"{plan.run_id}{again}",
        plan.candidate_id,
        one.run.verdict or "none",
        plan.requested_promotion_target,
        standing_of(one.manifest, late=one.overdue),
        one.manifest.updated_at,
        _signed(one),
    )


def _signed(one: RunListed) -> str:
    """Return who signed, in a few words."""
    origin = one.origin
    match origin.kind:
        case OriginKind.SIGNED:
            return origin.fingerprint[:_SHORT]
        case OriginKind.UNANCHORED:
            return f"? {origin.fingerprint[:_SHORT]}"
        case OriginKind.UNSIGNED:
            return "nobody"
        case OriginKind.FORGED:
            return "FORGED"


def _run_json(one: RunListed) -> JsonObject:
    """Return a run for machines."""
    plan, manifest = one.run.plan, one.manifest
    return {
        "run_id": plan.run_id,
        "attempt": plan.attempt,
        "candidate_id": plan.candidate_id,
        "verdict": one.run.verdict or None,
        "target": plan.requested_promotion_target,
        "standing": standing_of(manifest, late=one.overdue),
        "status": manifest.status,
        "finalised": manifest.observation_summary.finalised,
        "updated_at": manifest.updated_at,
        "content_hash": manifest.content_hash,
        "origin": one.origin.kind,
        "signed_by": one.origin.fingerprint or None,
    }


@click.command()
@click.argument("run_id", required=False, metavar="[RUN_ID]")
@click.option("--at", "at_ns", type=TimeType(), help="What the current manifest said then.")
@json_option
def history(run_id: str | None, *, at_ns: int | None, as_json: bool) -> ExitCode:
    """Show every change of the current manifest, or of one run's, from governance's log.

    With --at, what it said at that time, by the clock of whoever recorded it, and nothing that
    came later: one not final two cycles after its last change was a fail by then.
    """
    runs = _runs() if run_id is None else _attempts(run_id)
    if at_ns is not None:
        return _show_then(manifest_at(runs, at_ns), at_ns, as_json=as_json)
    found = changes(runs)
    if as_json:
        print_json({"changes": [_change_json(one) for one in found]})
    elif found:
        print_table(_CHANGES, [_change_row(one) for one in found])
    else:
        click.echo("no runs, so nothing ever changed")
    return ExitCode.YES


def _show_then(manifest: PhaseManifest, at_ns: int, *, as_json: bool) -> ExitCode:
    """Print what a manifest said at a time."""
    then = standing_of(manifest, late=overdue(manifest, at_ns))
    if as_json:
        print_json({"standing": then, "manifest": manifest.model_dump(mode="json")})
        return ExitCode.YES
    summary = manifest.observation_summary
    print_fields(
        {
            "at": instant(at_ns),
            "standing": then,
            "run": f"{manifest.run_id}, attempt {summary.attempt}, lane {summary.lane}",
            "candidate": manifest.candidate_id,
            "target": manifest.requested_promotion_target,
            "phases": ", ".join(f"{one.name} {one.status}" for one in manifest.phases),
            "updated": manifest.updated_at,
            "content": manifest.content_hash,
        }
    )
    return ExitCode.YES


def _change_row(one: Change) -> Sequence[str]:
    """Return a change as a row."""
    again = "" if one.attempt == 1 else f":{one.attempt}"
    return instant(one.at_ns), f"{one.run_id}{again}", one.what, one.status, one.why


def _change_json(one: Change) -> JsonObject:
    """Return a change for machines."""
    return {
        "at_ns": str(one.at_ns),
        "recorded_at_ns": str(one.recorded_at_ns),
        "position": one.position,
        "run_id": one.run_id,
        "attempt": one.attempt,
        "what": one.what,
        "why": one.why,
        "status": one.status,
    }
