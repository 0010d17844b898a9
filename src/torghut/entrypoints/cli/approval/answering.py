"""``torghut approval grant``, ``deny`` and ``revoke``: answer a request, signed."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import click

from torghut.entrypoints.cli.approval.asking import (
    SPAN,
    key_option,
    office,
    read_key,
    reason_option,
)
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.governance.approvals.signing import sign_statement
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.governing.approvals import ApprovalGranted, Verb
from torghut.workflows.approving.answering import answer_approval

__all__ = ["deny", "grant", "revoke"]

_id_argument = click.argument("approval", metavar="ID")


@click.command()
@_id_argument
@key_option
@click.option("--expires", type=SPAN, required=True, help="From now; 24h at most.")
@json_option
def grant(approval: str, *, key: Path, expires: int, as_json: bool) -> ExitCode:
    """Grant the approval ID: sign for exactly what was asked, for a time.

    `torghut approval list` shows what that is. The author cannot grant, and the key's role must be
    one that may.
    """
    return _answer(approval, "grant", key, expires=expires, as_json=as_json)


@click.command()
@_id_argument
@key_option
@reason_option
@json_option
def deny(approval: str, *, key: Path, reason: str, as_json: bool) -> ExitCode:
    """Deny the approval ID, for good; any declared key may."""
    return _answer(approval, "deny", key, reason=reason, as_json=as_json)


@click.command()
@_id_argument
@key_option
@reason_option
@json_option
def revoke(approval: str, *, key: Path, reason: str, as_json: bool) -> ExitCode:
    """Revoke the approval ID, for good, before it is used up; any declared key may."""
    return _answer(approval, "revoke", key, reason=reason, as_json=as_json)


def _answer(
    approval: str, verb: Verb, key: Path, *, as_json: bool, expires: int = 0, reason: str = ""
) -> ExitCode:
    """Sign an answer, hand it in, and say what went on record."""
    place = office(f"torghut approval {verb}")
    events = asyncio.run(
        answer_approval(
            place,
            approval,
            verb,
            sign=partial(sign_statement, key=read_key(key)),
            reason=reason,
            expires_at_ns=place.now_ns + expires,
        )
    )
    if as_json:
        print_json(
            {"approval": approval, "events": [one.model_dump(mode="json") for one in events]}
        )
        return ExitCode.YES
    said = {"approval": approval, verb: "on record" if events else "was on record before"}
    for event in events:
        if isinstance(event, ApprovalGranted):
            said |= {
                "by": f"{event.role} {event.approver.key}",
                "candidate": event.promotion.candidate,
                "cap": f"{event.promotion.notional_cap:f}",
                "until": instant(event.expires_at_ns),
            }
    print_fields(said)
    return ExitCode.YES
