"""What the commands of the stop latch share: where they look, and whom they believe."""

from __future__ import annotations

import asyncio
import re
from typing import Final, get_args

import click
from typing_extensions import override

from torghut.composition import governing, standby
from torghut.governance.approvals.keyring import keyring_of
from torghut.schemas.governing.latch import Trigger
from torghut.settings import artifact_dir
from torghut.workflows.latching.releasing import LatchDesk
from torghut.workflows.latching.standing import LatchStanding, latch_standing

TRIGGERS: Final[tuple[Trigger, ...]] = get_args(Trigger)
_INCIDENT: Final = re.compile(r"incident-[0-9a-f]{64}", re.ASCII)


class _IncidentType(click.ParamType):
    """The id of an incident, whole."""

    name = "INCIDENT"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if _INCIDENT.fullmatch(text) is None:
            self.fail(
                f"expected incident- and 64 hexadecimal digits, as torghut latch show prints it, "
                f"found {text[:80]!r}",
                param,
                ctx,
            )
        return text


INCIDENT: Final = _IncidentType()


def desk(by: str) -> LatchDesk:
    """Return where this installation hands in releases, by a command."""
    return LatchDesk(
        events=governing.governance_events(artifact_dir()),
        keyring=keyring_of(governing.owners()),
        policy=governing.governing_policies().safety,
        now_ns=standby.wall_clock().now_ns(),
        by=by,
    )


def standing(place: LatchDesk) -> LatchStanding:
    """Return how the latch of this installation stands."""
    return asyncio.run(
        latch_standing(
            place.events,
            standby.artifact_root(artifact_dir()),
            place.keyring,
            place.policy.stop,
            now_ns=place.now_ns,
        )
    )
