"""``torghut switch release``: on the record of every worker that has the switch in force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import click

from torghut.composition import reaching, standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.switch.naming import name_argument, reason_option, switch_named
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.offering import ReleaseAsked
from torghut.workflows.live.switch_ports import WorkerSeen

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)


class NobodyServesError(TorghutError):
    """No worker lives that could record a release; start the service, then release again."""

    code: ClassVar[str] = "switch.nobody-serves"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, name: SwitchName, found: str) -> None:
        super().__init__(
            f"switch {name}: expected a worker that answers and has an API, found {found}; a "
            "switch is released on the record alone: start the service (torghut status says how), "
            "then release again"
        )
        self.name = name
        self.found = found


class SwitchNotInForceError(TorghutError):
    """No worker has the switch in force: there is nothing to release."""

    code: ClassVar[str] = "switch.not-in-force"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, name: SwitchName, asked: Sequence[str]) -> None:
        super().__init__(
            f"switch {name}: expected one that a worker has on record, found none with "
            f"{', '.join(asked)}; one that was thrown just now is on record in a moment"
        )
        self.name = name
        self.asked = asked


@click.command()
@name_argument
@reason_option
@click.option("--url", metavar="URL", help="Of the service; by default of every living worker.")
@click.option(
    "--token-file",
    type=_FILE,
    help="File with a token that may operate, or the service's own file of tokens.",
)
@json_option
def release(
    *, name: str, reason: str, url: str | None, token_file: Path | None, as_json: bool
) -> ExitCode:
    """Release a switch, on the record; only then its file goes away.

    A file never releases, so the service must run and its log must be writable. What was thrown
    anew since the worker last said what it has in force stays thrown. Ends with 0 if every worker
    that has the switch in force has recorded the release.
    """
    switch = switch_named(name)
    doors = [reaching.Door(worker=url, url=url)] if url else _doors(switch)
    who = standby.person()
    found = [
        reaching.send_release(
            switch, door, ReleaseAsked(reason=reason, who=who, ends=door.ends), token_file
        )
        for door in doors
    ]
    if as_json:
        print_json({"switch": switch, "workers": [_as_json(one) for one in found]})
    else:
        print_fields({one.worker: _in_words(switch, one) for one in found})
    return next((one.exit_code for one in found if one.exit_code), ExitCode.YES)


def _doors(switch: SwitchName) -> Sequence[reaching.Door]:
    """Return where the workers listen that have a switch in force.

    Raises:
        NobodyServesError: None lives, or one that has it in force does not listen.
        SwitchNotInForceError: None has it in force.
    """
    living = [one for one in standby.worker_pages() if one.alive and one.status is not None]
    if not living:
        raise NobodyServesError(name=switch, found="none")
    holding = [one for one in living if _holds(one, switch)]
    if not holding:
        raise SwitchNotInForceError(name=switch, asked=[one.worker for one in living])
    doors = [
        reaching.Door(worker=one.worker, url=_url(one), ends=tuple(_throws(one, switch)))
        for one in holding
    ]
    mute = [door.worker for door in doors if not door.url]
    if mute:
        raise NobodyServesError(name=switch, found=f"no address of {', '.join(mute)}")
    return doors


def _holds(seen: WorkerSeen, switch: SwitchName) -> bool:
    """Return whether a worker has a switch in force, on record."""
    return seen.status is not None and any(
        one.name == switch and one.recorded for one in seen.status.switches
    )


def _throws(seen: WorkerSeen, switch: SwitchName) -> Sequence[str]:
    """Return the ids of the throws of a switch that a worker has in force."""
    switches = () if seen.status is None else seen.status.switches
    return [one.throw_id for one in switches if one.name == switch]


def _url(seen: WorkerSeen) -> str:
    """Return where a worker listens; empty where it does not."""
    return "" if seen.status is None else seen.status.api


def _as_json(became: reaching.Became) -> JsonObject:
    """Return what became of a release for machines."""
    answer = became.answer
    return {
        "worker": became.worker,
        "status": "refused" if answer is None else answer.status,
        "code": became.code or None,
        "control_id": None if answer is None else answer.control_id,
        "position": None if answer is None else answer.position,
    }


def _in_words(switch: SwitchName, became: reaching.Became) -> str:
    """Return what became of a release for people."""
    if became.answer is None or became.answer.status == "refused":
        return f"{switch} not released: {became.code}: {became.detail}"
    return f"{switch} released, on record at {became.answer.position}"
