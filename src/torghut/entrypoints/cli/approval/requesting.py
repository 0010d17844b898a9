"""``torghut approval request``: ask for a promotion to live, with the manifest that earns it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path

import click
from typing_extensions import TypedDict, Unpack

from torghut.artifacts.signatures import fingerprint
from torghut.entrypoints.cli.approval.asking import (
    AMOUNT,
    key_option,
    office,
    read_checked,
    read_key,
    reason_option,
)
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.rollout.asking import manifest_argument
from torghut.governance.approvals.signing import sign_statement
from torghut.kernel.errors import ExitCode
from torghut.workflows.approving.answering import promotion_asked, request_approval


class _Request(TypedDict):
    """What ``request`` was asked for."""

    manifest: Path
    candidate: str
    notional_cap: Decimal
    reason: str
    key: Path
    root: Path | None
    as_json: bool


@click.command()
@manifest_argument
@click.option("--candidate", required=True, metavar="DIGEST", help="All 64 digits of it.")
@click.option("--notional-cap", type=AMOUNT, required=True, help="Up to which it may trade.")
@reason_option
@key_option
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The artifact root that evidence is cited from; by default where the manifest lies.",
)
@json_option
def request(**asked: Unpack[_Request]) -> ExitCode:
    """Ask that the candidate of the paper manifest in MANIFEST may go to live.

    The manifest must be final, a pass, for paper, and signed by a declared scheduler's key; it and
    its evidence are verified first. Whoever signs the request is the author, and cannot grant it.
    """
    place = office("torghut approval request")
    manifest = read_checked(place, asked["manifest"], asked["root"])
    key = read_key(asked["key"])
    promotion = promotion_asked(manifest, asked["candidate"], asked["notional_cap"])
    approval = asyncio.run(
        request_approval(
            place,
            manifest,
            promotion,
            author=fingerprint(key.public_key()),
            reason=asked["reason"],
            sign=partial(sign_statement, key=key),
        )
    )
    if asked["as_json"]:
        print_json({"approval": approval, "promotion": promotion.model_dump(mode="json")})
        return ExitCode.YES
    print_fields(
        {
            "approval": approval,
            "candidate": promotion.candidate,
            "manifest": promotion.manifest,
            "cap": f"{promotion.notional_cap:f}",
            "next": f"torghut approval grant {approval} --key FILE --expires 24h",
        }
    )
    return ExitCode.YES
