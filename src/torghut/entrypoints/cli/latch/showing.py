"""``torghut latch show``: whether governance stops the loop, why, and what it takes to go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from torghut.entrypoints.cli.console import ago, json_option, print_fields, print_json
from torghut.entrypoints.cli.latch.asking import desk, standing
from torghut.entrypoints.cli.latch.wording import release_command
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.governing.latch import Breach
from torghut.settings import artifact_dir
from torghut.workflows.latching.standing import ClosedLatch, LatchStanding, TriggerSeen

__all__ = ["show"]

_FOUND: Final = {
    "as-written": "as it was written",
    "altered": "ALTERED since it was written",
    "missing": "MISSING",
    "unreadable": "UNREADABLE",
}
_GOVERN: Final = "torghut scheduler run --log FILE"


@click.command()
@json_option
def show(*, as_json: bool) -> ExitCode:
    """Show the stop latch: who closes it is governance, by what it read in a cycle.

    The latch is not the switch `stop`: a person throws and releases that one, with torghut switch.

    Ends with 0 if the latch is open, with 1 if it is closed, with 4 if its evidence or its release
    is not as it should be, with 7 if nobody ever governed here.
    """
    place = desk("torghut latch show")
    found = standing(place)
    if as_json:
        print_json(_as_json(found))
    else:
        print_fields(dict(_fields(found, place.now_ns)))
    return _exit_code(found)


def _exit_code(found: LatchStanding) -> ExitCode:
    """Return what a standing ends the command with."""
    closed = found.closed
    if found.evaluated is None:
        return ExitCode.UNREACHABLE
    if found.unproven or (closed is not None and closed.found != "as-written"):
        return ExitCode.INTEGRITY
    return ExitCode.YES if closed is None else ExitCode.NO


def next_after(found: LatchStanding) -> str:
    """Return what to type next."""
    closed = found.closed
    if found.evaluated is None:
        return _GOVERN
    if found.unproven:
        return "torghut log verify --log " + str(artifact_dir() / "governance.log")
    if closed is None:
        return "torghut status"
    if closed.clean_needed is not None:
        return "torghut status --watch   # opens by itself; or release it as below"
    return release_command(closed.incident_id, sorted(one.trigger for one in closed.triggers))


def _fields(found: LatchStanding, now_ns: int) -> Iterator[tuple[str, str]]:
    """Yield what is said to people."""
    closed, last = found.closed, found.evaluated
    if last is None:
        yield "latch", "never evaluated: nobody has ever governed here"
    elif closed is None:
        yield from _open(found)
    else:
        yield from _closed(closed, now_ns)
    if last is not None:
        yield (
            "looked",
            f"evaluation {last.evaluation} at {instant(last.at_ns)}, {ago(now_ns - last.at_ns)}",
        )
    yield "next", next_after(found)
    if closed is not None and closed.clean_needed is not None:
        yield (
            "release",
            release_command(closed.incident_id, sorted(one.trigger for one in closed.triggers)),
        )


def _open(found: LatchStanding) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of an open latch."""
    released, over = found.state.released, found.state.over
    yield "latch", "open"
    if found.unproven:
        yield "UNPROVEN", f"the loop stays stopped: {found.unproven}"
    if released is not None and released.incident_id == over:
        persons = ", ".join(f"{one.name} {one.key}" for one in released.persons)
        yield "released", f"{over} at {instant(released.at_ns)}"
        yield "by", persons
        yield "because", released.reason
    elif over is not None:
        yield "recovered", over


def _closed(closed: ClosedLatch, now_ns: int) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a closed latch."""
    names = ", ".join(one.trigger for one in closed.triggers)
    since = f"{instant(closed.since_ns)}, {ago(now_ns - closed.since_ns)}"
    yield "latch", f"closed since {since}: {names}"
    yield "incident", closed.incident_id
    for one in closed.triggers:
        yield one.trigger, _in_words(one)
    yield "evidence", f"{closed.evidence.path}: {_FOUND[closed.found]}"
    yield "recovery", _recovery(closed)
    if closed.request is not None:
        asked = closed.request
        yield "asked", f"by {asked.person.name} {asked.person.key} at {instant(asked.at_ns)}"
        yield "because", asked.reason
        yield "until", f"{instant(asked.expires_at_ns)}: another key must say so by then"
    yield "takes", "two different keys: it was seen in live mode" if closed.live else "one key"


def _recovery(closed: ClosedLatch) -> str:
    """Return what opens the latch by itself."""
    if closed.clean_needed is None:
        waiting = ", ".join(one.trigger for one in closed.triggers if not one.recovers)
        return f"none: {waiting} waits for people"
    needed = closed.clean_needed
    return f"by itself after {needed} clean evaluations in a row; {closed.clean} of them so far"


def _in_words(one: TriggerSeen) -> str:
    """Return a trigger with its reading against its limit, then and now."""
    then = reading(one.breach)
    now = "no longer" if one.now is None else reading(one.now)
    how = "recovers by itself" if one.recovers else "waits for people"
    return f"{then} at {instant(one.at_ns)}; at the last look: {now}; {how}"


def reading(breach: Breach) -> str:
    """Return a breach as its reading against its limit."""
    unit = "" if breach.unit in ("ratio", "flag") else f" {breach.unit}"
    if breach.value is None:
        return f"not known, limit {breach.threshold:,g}{unit}"
    doubt = ", which is no such number" if breach.reason == "unmeasured" else ""
    return f"{breach.value:,g}{unit}{doubt}, limit {breach.threshold:,g}{unit}"


def _as_json(found: LatchStanding) -> JsonObject:
    """Return a standing for machines."""
    last, closed, released = found.evaluated, found.closed, found.state.released
    return {
        "latch": "unknown" if last is None else "open" if closed is None else "closed",
        "exit": int(_exit_code(found)),
        "evaluation": None if last is None else last.evaluation,
        "evaluated_at_ns": None if last is None else str(last.at_ns),
        "incident": None if closed is None else _incident(closed),
        "over": found.state.over,
        "released": None if released is None else released.model_dump(mode="json"),
        "unproven": found.unproven or None,
        "next": next_after(found),
    }


def _incident(closed: ClosedLatch) -> JsonObject:
    """Return what keeps the latch closed, for machines."""
    return {
        "incident_id": closed.incident_id,
        "since_ns": str(closed.since_ns),
        "live": closed.live,
        "keys_needed": 2 if closed.live else 1,
        "triggers": [
            {
                "trigger": one.trigger,
                "at_ns": str(one.at_ns),
                "recovers": one.recovers,
                "then": one.breach.model_dump(mode="json"),
                "now": None if one.now is None else one.now.model_dump(mode="json"),
            }
            for one in closed.triggers
        ],
        "evidence": closed.evidence.model_dump(mode="json"),
        "evidence_found": closed.found,
        "clean_evaluations": closed.clean,
        "clean_needed": closed.clean_needed,
        "asked": None if closed.request is None else closed.request.model_dump(mode="json"),
    }
