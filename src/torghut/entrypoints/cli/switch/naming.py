"""What people type to name a switch and to say why, and how a throw is told in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, cast

import click

from torghut.composition import standby
from torghut.kernel.printing import printable
from torghut.kernel.times import instant
from torghut.schemas.control import REASON_MAX
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchStanding, SwitchThrownFile
from torghut.workflows.live.switch_ports import DRILL_ID, SWITCH_NAMES, ThrownSwitch


def _reason(_ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return a reason on one line, no longer than can be recorded."""
    text = " ".join(value.encode("utf-8", "replace").decode().split())
    plain = printable(text)
    if not plain:
        message = "expected a reason, found nothing"
        raise click.BadParameter(message, param=param)
    return plain[:REASON_MAX]


name_argument: Final = click.argument("name", type=click.Choice(SWITCH_NAMES), metavar="NAME")
"""The argument NAME, one of the switches."""

reason_option: Final = click.option(
    "--reason",
    required=True,
    callback=_reason,
    metavar="TEXT",
    help="Why; it is put on record with your name.",
)
"""The option ``--reason``."""


def switch_named(name: str) -> SwitchName:
    """Return the switch of a name that ``name_argument`` let through."""
    return cast("SwitchName", name)


def new_throw(
    name: SwitchName, reason: str, *, drill: bool = False, revisions: Sequence[str] = ()
) -> SwitchThrownFile:
    """Return a throw of now, by the person who runs this command."""
    throw_id = standby.ids().new_id()
    return SwitchThrownFile(
        name=name,
        throw_id=f"{DRILL_ID}{throw_id}" if drill else throw_id,
        reason=reason,
        who=standby.person(),
        thrown_wall_ns=standby.wall_clock().now_ns(),
        revisions=tuple(revisions),
    )


def told(thrown: ThrownSwitch | SwitchStanding) -> str:
    """Return a throw in words: by whom, when and why, as far as anybody knows."""
    who = f" by {thrown.who}" if thrown.who else ""
    when = "" if thrown.thrown_wall_ns is None else f" at {instant(thrown.thrown_wall_ns)}"
    return f"thrown{who}{when}: {thrown.reason}"


def newest_throw(
    found: Sequence[ThrownSwitch], switch: SwitchName, before: Collection[ThrownSwitch] = ()
) -> ThrownSwitch | None:
    """Return the throw of a switch that came since; where none did, the last one of all.

    Args:
        found: What stands now.
        switch: Its name.
        before: What stood before.
    """
    known = {one.throw_id for one in before}
    throws = [one for one in found if one.name == switch and not one.drill]
    newest = [one for one in throws if one.throw_id not in known] or throws
    return newest[-1] if newest else None
