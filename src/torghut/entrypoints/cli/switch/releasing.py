"""``torghut switch release``: on the record of every worker that has the switch in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import click

from torghut import standby
from torghut.client import Answered, connect_sync
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.switch.naming import built, name_argument, reason_option
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.control import SwitchThrown
from torghut.schemas.live.delivery import SwitchName
from torghut.settings import artifact_dir
from torghut.workflows.live.switch_ports import WorkerSeen

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
_TOKENS: Final = "api-tokens"
_READY_MS: Final = 3000
_REASON_MAX: Final = 500
_LINE_WORDS: Final = 3


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a release is sent.

    Attributes:
        worker: Whose it is; the address where it was typed.
        url: Its address.
    """

    worker: str
    url: str


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

    A file never releases, so the service must run and its log must be writable. Ends with 0 if
    every worker that has the switch in force has recorded the release.
    """
    switch = built(name)
    doors = [Door(worker=url, url=url)] if url else _doors(switch)
    answers = {
        door.worker: _send(door.url, token_file, _released(switch, reason)) for door in doors
    }
    if as_json:
        print_json(
            {
                "switch": switch,
                "workers": [
                    {
                        "worker": worker,
                        "status": one.status,
                        "code": one.code or None,
                        "control_id": one.control_id,
                        "position": one.position,
                    }
                    for worker, one in answers.items()
                ],
            }
        )
    else:
        print_fields({worker: _answer(switch, one) for worker, one in answers.items()})
    refused = any(one.status == "refused" for one in answers.values())
    return ExitCode.NO if refused else ExitCode.YES


def _doors(switch: SwitchName) -> Sequence[Door]:
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
    doors = [Door(worker=one.worker, url=_url(one)) for one in holding]
    mute = [door.worker for door in doors if not door.url]
    if mute:
        raise NobodyServesError(name=switch, found=f"no address of {', '.join(mute)}")
    return doors


def _holds(seen: WorkerSeen, switch: SwitchName) -> bool:
    """Return whether a worker has a switch in force, on record."""
    return seen.status is not None and any(
        one.name == switch and one.recorded for one in seen.status.switches
    )


def _url(seen: WorkerSeen) -> str:
    """Return where a worker listens; empty where it does not."""
    return "" if seen.status is None else seen.status.api


def _released(switch: SwitchName, reason: str) -> SwitchThrown:
    """Return the record of a release by the person who runs this command."""
    return SwitchThrown.model_validate(
        {
            "control_id": f"switch:{switch}:{standby.ids().new_id()}:released",
            "name": switch,
            "state": "released",
            "reason": f"{reason} (released by {standby.person()})"[:_REASON_MAX],
        }
    )


def _send(url: str, token_file: Path | None, record: SwitchThrown) -> Answered:
    """Return what became of a record at one service."""
    token = operating_token(token_file or artifact_dir() / _TOKENS)
    with connect_sync(url, token=token, token_file=None if token else token_file) as client:
        client.ready(_READY_MS)
        (answered,) = client.control([record.model_dump(mode="json")])
    return answered


def operating_token(path: Path) -> str | None:
    """Return the token that operates out of a service's own file; None where that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == _LINE_WORDS and words[0] == "operate":
            return words[-1]
    return None


def _answer(switch: SwitchName, answered: Answered) -> str:
    """Return a worker's answer in words."""
    if answered.status == "refused":
        return f"{switch} not released: {answered.code}: {answered.detail}"
    return f"{switch} released, on record at {answered.position}"
