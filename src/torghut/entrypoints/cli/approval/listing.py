"""``torghut approval list``: what was asked, by whom it was answered, and whether it holds now."""

from __future__ import annotations

import asyncio
import builtins

import click

from torghut.entrypoints.cli.approval.asking import office
from torghut.entrypoints.cli.console import json_option, print_json, print_table
from torghut.governance.approvals.state import ApprovalState
from torghut.governance.approvals.validity import Approved, NotApproved, valid_approval
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.workflows.approving.office import Office

__all__ = ["list"]


@click.command()
@json_option
def list(*, as_json: bool) -> ExitCode:  # noqa: A001 - the command's name
    """List every approval, oldest first; all signatures are verified by the keys declared now."""
    place = office("torghut approval list")
    states, now_ns = asyncio.run(_read(place))
    rows = {name: (state, _standing(place, state, now_ns)) for name, state in states.items()}
    if as_json:
        print_json({"approvals": [_as_json(name, *row) for name, row in rows.items()]})
        return ExitCode.YES
    columns = {"approval": "left", "candidate": "left", "cap": "right", "grants": "right"}
    print_table(
        {**columns, "stands": "left", "until": "left"},
        [_cells(name, *row) for name, row in rows.items()],
    )
    return ExitCode.YES


async def _read(place: Office) -> tuple[dict[str, ApprovalState], int]:
    """Return every approval, and the time by which they hold or not."""
    return await place.approvals(), await place.now()


def _standing(place: Office, state: ApprovalState, now_ns: int) -> Approved | NotApproved:
    """Return whether an approval holds for what it was asked for."""
    candidate = "" if state.requested is None else state.requested.promotion.candidate
    return valid_approval(state, now_ns, place.policy, candidate)


def _cells(name: str, state: ApprovalState, standing: Approved | NotApproved) -> builtins.list[str]:
    """Return an approval as a row."""
    promotion = None if state.requested is None else state.requested.promotion
    return [
        name,
        "" if promotion is None else promotion.candidate,
        "" if promotion is None else f"{promotion.notional_cap:f}",
        str(len(state.grants)),
        "approved" if isinstance(standing, Approved) else standing.code,
        instant(standing.expires_at_ns) if isinstance(standing, Approved) else "",
    ]


def _as_json(name: str, state: ApprovalState, standing: Approved | NotApproved) -> JsonObject:
    """Return an approval for machines."""
    requested = state.requested
    return {
        "approval": name,
        "promotion": None if requested is None else requested.promotion.model_dump(mode="json"),
        "author": None if requested is None else requested.author.key,
        "reason": None if requested is None else requested.reason,
        "grants": [one.model_dump(mode="json") for one in state.grants],
        "approved": isinstance(standing, Approved),
        "code": standing.code if isinstance(standing, NotApproved) else None,
        "says": standing.says if isinstance(standing, NotApproved) else None,
        "expires_at_ns": str(standing.expires_at_ns) if isinstance(standing, Approved) else None,
        "used_by": None if state.used is None else state.used.promotion_id,
    }
