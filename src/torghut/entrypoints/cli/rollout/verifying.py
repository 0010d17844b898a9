"""``torghut rollout verify``: check a manifest or an export by itself, and trust nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from torghut.artifacts.signatures import TrustedKey, parse_public_key
from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option, plural, print_json
from torghut.entrypoints.cli.rollout.asking import manifest_argument, read_body
from torghut.governance.verification.origin import Origin, OriginKind
from torghut.governance.verification.verifying import CHECKS, references_in
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.workflows.reviewing.answering import (
    EXPORT_CHECKS,
    Answer,
    Offered,
    check_offered,
    offered_export,
)
from torghut.workflows.reviewing.bundle import is_export
from torghut.workflows.rollout.checking import find_envelope
from torghut.workflows.rollout.places import root_of

_MARKS: Final = {
    OriginKind.SIGNED: "✓",
    OriginKind.UNSIGNED: "?",
    OriginKind.UNANCHORED: "?",
    OriginKind.FORGED: "✗",
}


@click.command()
@manifest_argument
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A public key that you trust, Ed25519 in PEM, as you got it elsewhere; may be repeated.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The artifact root that evidence is cited from; by default where the manifest lies.",
)
@click.option(
    "--recompute",
    is_flag=True,
    help="Derive every value again that follows from the evidence, beside the recorded one.",
)
@json_option
def verify(
    manifest: Path,
    *,
    keys: Sequence[Path],
    root: Path | None,
    recompute: bool,
    as_json: bool,
) -> ExitCode:
    """Verify a phase manifest, or an export of a run, offline: no log, no settings are asked.

    MANIFEST is the file of either. Of an export, evidence is read from inside it, and its events
    must lead to its manifest.

    Ends with 0 for a pass that is final, whole and signed by a key given here; 1 for a fail, which
    a manifest that nobody finalised within two cycles is; 3 if it breaks its contract; 4 if the
    file, its evidence or its signature is missing, altered or from outside the artifact root, or
    does not give the recorded values again; 5 if an export's events lead to another manifest; and 6
    if it is not final, or nobody that you trust answers for it.
    """
    body = read_body(manifest)
    trusted = [parse_public_key(key.read_bytes()) for key in keys]
    offered = _offered(body, manifest, root)
    if not as_json:
        for line in _plan(offered, trusted, recompute=recompute):
            click.echo(line)
    answer = check_offered(
        offered, trusted=trusted, now_ns=standby.wall_clock().now_ns(), recomputing=recompute
    )
    if as_json:
        print_json(_as_json(answer))
    else:
        for line in _lines(answer):
            click.echo(line)
    return answer.verdict.exit_code


def _offered(body: bytes, manifest: Path, root: Path | None) -> Offered:
    """Return what a file offers to verify: an export by itself, or a manifest where it lies."""
    if is_export(body):
        return offered_export(body)
    place = root or root_of(manifest.absolute())
    store = standby.artifact_root(place)
    beside = standby.artifact_root(manifest.parent)
    envelope = find_envelope(body, store, beside, manifest.name)
    return Offered(body=body, store=store, envelope=envelope, place=f"below {place}")


def _plan(offered: Offered, trusted: Sequence[TrustedKey], *, recompute: bool) -> Iterator[str]:
    """Yield what will be checked."""
    count = len(references_in(offered.body))
    own = () if offered.export is None else EXPORT_CHECKS
    yield f"checking {', '.join((*own, *CHECKS))}, origin"
    yield f"    {plural(count, 'evidence file')} {offered.place}"
    names = ", ".join(key.fingerprint for key in trusted)
    yield f"    {plural(len(trusted), 'trusted key')}{f': {names}' if names else ''}"
    if recompute:
        yield "    and every value that follows from the evidence, derived again"


def _lines(answer: Answer) -> Iterator[str]:
    """Yield the verdict for people."""
    verdict = answer.verdict
    for check in verdict.checks:
        yield f"{'✓' if check.passed else '✗'} {check.name:<9} {check.says}"
    yield f"{_MARKS[verdict.origin.kind]} origin    {verdict.origin.says}"
    yield "not checked:"
    yield from (f"    {one}" for one in answer.not_checked)
    yield f"verdict: {verdict.says}"


def _as_json(answer: Answer) -> JsonObject:
    """Return the verdict for machines."""
    verdict = answer.verdict
    document = verdict.document
    return {
        "verdict": verdict.says,
        "exit_code": int(verdict.exit_code),
        "checks": [
            {"name": check.name, "passed": check.passed, "says": check.says}
            for check in verdict.checks
        ],
        "origin": _origin_json(verdict.origin),
        "overdue": verdict.overdue,
        "run_id": None if document is None else document.run_id,
        "candidate_id": None if document is None else document.candidate_id,
        "status": None if document is None else document.status,
        "finalised": None if document is None else document.observation_summary.finalised,
        "content_hash": None if document is None else document.content_hash,
        "recomputed": [
            {"what": one.what, "recorded": one.recorded, "again": one.again, "same": one.same}
            for one in answer.values
        ],
        "not_checked": list(answer.not_checked),
    }


def _origin_json(origin: Origin) -> JsonObject:
    """Return the origin for machines."""
    return {
        "kind": origin.kind,
        "fingerprint": origin.fingerprint or None,
        "says": origin.says,
    }
