"""``torghut rollout verify``: check a manifest with nothing but its folder, and trust nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from torghut import standby
from torghut.artifacts.signatures import TrustedKey, parse_public_key
from torghut.entrypoints.cli.console import json_option, plural, print_json
from torghut.entrypoints.cli.rollout.asking import manifest_argument, read_body
from torghut.governance.verification.checks import Verdict
from torghut.governance.verification.origin import Origin, OriginKind
from torghut.governance.verification.verifying import CHECKS, NOT_CHECKED, references_in
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.workflows.rollout.checking import check_manifest, find_envelope
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
@json_option
def verify(manifest: Path, *, keys: Sequence[Path], root: Path | None, as_json: bool) -> ExitCode:
    """Verify the phase manifest in MANIFEST, offline: neither log nor settings are asked.

    Ends with 0 for a pass that is final, whole and signed by a key given here; 1 for a fail, which
    a manifest that nobody finalised within two cycles is; 3 if it breaks its contract; 4 if the
    file, its evidence or its signature is missing, altered or from outside the artifact root; and 6
    if it is not final, or nobody that you trust answers for it.
    """
    body = read_body(manifest)
    trusted = [parse_public_key(key.read_bytes()) for key in keys]
    place = root or root_of(manifest.absolute())
    if not as_json:
        for line in _plan(body, place, trusted):
            click.echo(line)
    store = standby.artifact_root(place)
    verdict = check_manifest(
        body,
        store,
        envelope=find_envelope(body, store, standby.artifact_root(manifest.parent), manifest.name),
        trusted=trusted,
        now_ns=standby.wall_clock().now_ns(),
    )
    if as_json:
        print_json(_as_json(verdict))
    else:
        for line in _lines(verdict):
            click.echo(line)
    return verdict.exit_code


def _plan(body: bytes, root: Path, trusted: Sequence[TrustedKey]) -> Iterator[str]:
    """Yield what will be checked."""
    count = len(references_in(body))
    yield f"checking {', '.join(CHECKS)}, origin"
    yield f"    {plural(count, 'evidence file')} below {root}"
    names = ", ".join(key.fingerprint for key in trusted)
    yield f"    {plural(len(trusted), 'trusted key')}{f': {names}' if names else ''}"


def _lines(verdict: Verdict) -> Iterator[str]:
    """Yield the verdict for people."""
    for check in verdict.checks:
        yield f"{'✓' if check.passed else '✗'} {check.name:<9} {check.says}"
    yield f"{_MARKS[verdict.origin.kind]} origin    {verdict.origin.says}"
    yield "not checked:"
    yield from (f"    {one}" for one in _not_checked(verdict))
    yield f"verdict: {verdict.says}"


def _not_checked(verdict: Verdict) -> Sequence[str]:
    """Return what was not checked: what never is, and what could not be this time."""
    made = {check.name for check in verdict.checks}
    cited = bool(verdict.document is None or verdict.document.artifact_refs)
    skipped = [name for name in CHECKS if name not in made and (name != "evidence" or cited)]
    said = [f"{', '.join(skipped)}: the document has to be read first"] if skipped else []
    return [*said, *NOT_CHECKED]


def _as_json(verdict: Verdict) -> JsonObject:
    """Return the verdict for machines."""
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
        "not_checked": list(_not_checked(verdict)),
    }


def _origin_json(origin: Origin) -> JsonObject:
    """Return the origin for machines."""
    return {
        "kind": origin.kind,
        "fingerprint": origin.fingerprint or None,
        "says": origin.says,
    }
