"""``torghut latch release``: open what governance closed, signed, with all that it closed for."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import click
from typing_extensions import TypedDict, Unpack

from torghut.entrypoints.cli.approval.asking import key_option, read_key, reason_option
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.latch.asking import INCIDENT, TRIGGERS, desk
from torghut.entrypoints.cli.latch.wording import release_command
from torghut.governance.releases.releasing import sign_release
from torghut.governance.safety.reasons import reason_text
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.governing.latch import Trigger
from torghut.workflows.latching.releasing import Handed, hand_in, statement_of

__all__ = ["release"]


class _Release(TypedDict):
    """What was typed."""

    incident: str
    trigger: tuple[Trigger, ...]
    reason: str
    key: Path
    as_json: bool


@click.command()
@click.argument("incident", type=INCIDENT, metavar="INCIDENT")
@click.option(
    "--trigger",
    multiple=True,
    required=True,
    type=click.Choice(TRIGGERS),
    help="Each of them, as torghut latch show names them: you answer for all.",
)
@reason_option
@key_option
@json_option
def release(**asked: Unpack[_Release]) -> ExitCode:
    """Release INCIDENT: let the loop go on that governance has stopped, on the record.

    You are the key that you sign with. Where the incident was seen in live mode it takes a second
    person: the first release waits, and ends with 6, until another declared key signs the same
    incident and triggers. The scheduler tells the loop in its next cycle.

    This is not `torghut switch release stop`, which ends what a person threw: if both stop the
    loop, both must be released.
    """
    reason = reason_text(asked["reason"].strip())
    place = desk("torghut latch release")
    statement = statement_of(
        asked["incident"], asked["trigger"], reason=reason, signed_at_ns=place.now_ns
    )
    handed = asyncio.run(
        hand_in(place, statement, partial(sign_release, key=read_key(asked["key"])))
    )
    if asked["as_json"]:
        print_json(
            {
                "incident_id": statement.incident_id,
                "open": handed.open,
                "again": handed.again,
                "request": None
                if handed.after.latch.request is None
                else handed.after.latch.request.model_dump(mode="json"),
                "released": None
                if not handed.open or handed.after.latch.released is None
                else handed.after.latch.released.model_dump(mode="json"),
            }
        )
    else:
        print_fields(_in_words(handed, statement.incident_id, statement.triggers))
    return ExitCode.YES if handed.open else ExitCode.NOT_FINAL


def _in_words(handed: Handed, incident_id: str, triggers: tuple[Trigger, ...]) -> dict[str, str]:
    """Return what came of a release, for people."""
    latch = handed.after.latch
    if latch.request is not None:
        return {
            "incident": incident_id,
            "latch": "closed still: a live loop is let go by two persons, and this is the first",
            "by": f"{latch.request.person.name} {latch.request.person.key}",
            "until": instant(latch.request.expires_at_ns),
            "next": release_command(incident_id, triggers) + "   # signed with another key",
        }
    persons = () if latch.released is None else latch.released.persons
    return {
        "incident": incident_id,
        "latch": "open" + (", as it was before" if handed.again else ""),
        "by": ", ".join(f"{one.name} {one.key}" for one in persons),
        "next": "torghut status   # the loop goes on with the scheduler's next cycle",
    }
