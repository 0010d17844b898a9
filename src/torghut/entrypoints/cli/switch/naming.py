"""What people type to name a switch and to say why, and how a throw is told in words."""

from __future__ import annotations

from typing import ClassVar, Final, cast

import click

from torghut import standby
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.printing import printable
from torghut.kernel.times import instant
from torghut.schemas.control import REASON_MAX
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchStanding, SwitchThrownFile
from torghut.workflows.live.switch_ports import DRILL_ID, NOT_BUILT, SWITCH_NAMES, ThrownSwitch


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


class SwitchNotBuiltError(TorghutError):
    """The switch exists and refuses: it becomes whole with the governance work."""

    code: ClassVar[str] = "switch.not-built"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, name: SwitchName) -> None:
        built = ", ".join(one for one in SWITCH_NAMES if one not in NOT_BUILT)
        super().__init__(
            f"switch {name}: expected one that is built, found one that becomes whole with the "
            f"governance work: {NOT_BUILT[name]}; what can be thrown now is {built}"
        )
        self.name = name


def built(name: str) -> SwitchName:
    """Return the switch of a name.

    Raises:
        SwitchNotBuiltError: It cannot be used yet.
    """
    switch = cast("SwitchName", name)
    if switch in NOT_BUILT:
        raise SwitchNotBuiltError(name=switch)
    return switch


def new_throw(name: SwitchName, reason: str, *, drill: bool = False) -> SwitchThrownFile:
    """Return a throw of now, by the person who runs this command."""
    throw_id = standby.ids().new_id()
    return SwitchThrownFile(
        name=name,
        throw_id=f"{DRILL_ID}{throw_id}" if drill else throw_id,
        reason=reason,
        who=standby.person(),
        thrown_wall_ns=standby.wall_clock().now_ns(),
    )


def told(thrown: ThrownSwitch | SwitchStanding) -> str:
    """Return a throw in words: by whom, when and why, as far as anybody knows."""
    who = f" by {thrown.who}" if thrown.who else ""
    when = "" if thrown.thrown_wall_ns is None else f" at {instant(thrown.thrown_wall_ns)}"
    return f"thrown{who}{when}: {thrown.reason}"
