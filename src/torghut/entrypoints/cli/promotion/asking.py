"""What commands that change who serves share: the run's manifest, options, what is shown."""

from __future__ import annotations

import asyncio
from typing import Final

import click

from torghut.entrypoints.cli.approval.asking import AMOUNT, office, read_checked
from torghut.entrypoints.cli.console import print_fields, print_json
from torghut.kernel.canonical import canonical_text
from torghut.settings import artifact_dir
from torghut.workflows.approving.manifests import CheckedManifest
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import Changed
from torghut.workflows.reviewing.runs import run_on_record
from torghut.workflows.rollout.places import run_folder

__all__ = [
    "approval_option",
    "cap_option",
    "control_option",
    "manifest_of_run",
    "office",
    "print_changed",
]

_MANIFEST: Final = "rollout/phase-manifest.json"

approval_option: Final = click.option(
    "--approval", metavar="ID", help="Used up by this promotion; for live alone."
)
"""The command's parameter is ``approval``."""

cap_option: Final = click.option(
    "--notional-cap", type=AMOUNT, help="For live; by default what was approved."
)
"""The command's parameter is ``notional_cap``."""

control_option: Final = click.option(
    "--control",
    "only_control",
    is_flag=True,
    help="Print only the control record, for `torghut control send -`.",
)
"""The command's parameter is ``only_control``."""


def manifest_of_run(place: Office, run_id: str, attempt: int | None) -> CheckedManifest:
    """Return the final manifest of an attempt at a run, by default the last, verified just now.

    Raises:
        RunUnknownError: There is no such run.
        ArtifactUnreadableError: It has none yet.
        ManifestRefusedError: It does not hold together.
    """
    run = asyncio.run(run_on_record(place.events, run_id, attempt)).plan
    folder = artifact_dir() / run_folder(run.run_id, run.attempt)
    return read_checked(place, folder / _MANIFEST, artifact_dir())


def print_changed(changed: Changed, *, only_control: bool, as_json: bool) -> None:
    """Print who serves now, and what a running loop is to be sent."""
    control = None if changed.control is None else changed.control.model_dump(mode="json")
    ledger = changed.ledger
    if only_control:
        if control is not None:
            click.echo(canonical_text(control))
        return
    if as_json:
        print_json(
            {
                "router": changed.router,
                "champion": ledger.digest_of("champion"),
                "previous": ledger.digest_of("previous"),
                "package": ledger.serving,
                "version": ledger.version,
                "again": changed.again,
                "control": control,
            }
        )
        return
    print_fields(
        {
            "router": changed.router,
            "champion": ledger.digest_of("champion") or "none of the ledger's",
            "previous": ledger.digest_of("previous") or "none of the ledger's",
            "on record": "before" if changed.again else f"as change {ledger.version}",
            "to send": "nothing: no package changes"
            if control is None
            else canonical_text(control),
        }
    )
