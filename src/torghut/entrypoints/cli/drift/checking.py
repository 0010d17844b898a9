"""``torghut drift check`` and ``why``: each check with its number; what the verdict hangs on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from torghut.entrypoints.cli.console import (
    json_option,
    plural,
    print_fields,
    print_json,
    print_table,
)
from torghut.entrypoints.cli.drift.asking import Judged, from_option, judged, number, to_option
from torghut.entrypoints.cli.lookup.reading import log_option
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.governing.drift import DriftFinding
from torghut.schemas.governing.drift_evidence import DriftObservation

__all__ = ["check", "why"]

_COLUMNS = {"check": "left", "status": "left", "value": "right", "drifts": "left", "n": "right"}


@click.command()
@log_option
@from_option
@to_option
@json_option
def check(*, log_path: Path, from_ns: int | None, to_ns: int | None, as_json: bool) -> ExitCode:
    """Measure a window of a log, and say for each declared check whether it has drifted.

    Ends with 0 if the window is stable, 1 if something has drifted, and 6 if nothing is known to
    have, but something that must be measured could not be: that is never the same as stable.
    """
    found = judged(log_path, from_ns, to_ns)
    if as_json:
        print_json(_as_json(found))
        return found.exit_code
    print_fields(_header(found))
    click.echo()
    print_table(_COLUMNS, [_row(finding) for finding in found.verdict.findings])
    click.echo("\nbeside the checks, and no reason to act by itself:")
    for observation in found.measured.observations:
        click.echo(f"    {_observed(observation)}")
    return found.exit_code


@click.command()
@log_option
@from_option
@to_option
@json_option
def why(*, log_path: Path, from_ns: int | None, to_ns: int | None, as_json: bool) -> ExitCode:
    """Say what the verdict on a window of a log hangs on, and at which value that would turn.

    Ends as `torghut drift check` does.
    """
    found = judged(log_path, from_ns, to_ns)
    hangs = _hangs_on(found.verdict.findings)
    if as_json:
        print_json(
            {
                "status": found.verdict.status,
                "exit_code": int(found.exit_code),
                "hangs_on": [one.model_dump(mode="json") for one in hangs],
            }
        )
        return found.exit_code
    click.echo(f"verdict   {found.verdict.status}")
    for finding in hangs:
        click.echo(f"hangs on  {_reason(finding)}")
    return found.exit_code


def _header(found: Judged) -> dict[str, str]:
    """Return what a verdict is about."""
    verdict, measured = found.verdict, found.measured
    last = "none" if measured.last_ns is None else instant(measured.last_ns)
    holds = plural(measured.contexts, "record"), plural(measured.decisions, "decision")
    return {
        "verdict": verdict.status,
        "window": f"{instant(verdict.from_ns)} to {instant(verdict.to_ns)}",
        "holds": f"{', '.join(holds)}; the last at {last}",
        "policy": verdict.policy,
    }


def _row(finding: DriftFinding) -> list[str]:
    """Return a check's line."""
    threshold = number(finding.threshold, finding.unit)
    unmeasured = f" ({finding.code})" if finding.status == "unmeasured" else ""
    return [
        finding.check,
        finding.status + unmeasured,
        number(finding.value, finding.unit),
        f"{finding.comparator} {threshold}",
        f"{finding.samples:,}",
    ]


def _observed(observation: DriftObservation) -> str:
    """Return what was watched beside the checks, in one line."""
    reading = observation.reading
    limit = "only shown" if observation.limit is None else f"limit {number(observation.limit)}"
    said = f": {observation.says}" if observation.says else ""
    beyond = ", beyond it" if observation.beyond else ""
    value = reading.status if reading.value is None else number(reading.value)
    return f"{observation.name} {value}, n {reading.samples:,}, {limit}{beyond}{said}"


def _hangs_on(findings: Sequence[DriftFinding]) -> Sequence[DriftFinding]:
    """Return the checks that decide: all that drifted, else all not measured, else the nearest."""
    for status in ("drifted", "unmeasured"):
        if decide := [finding for finding in findings if finding.status == status]:
            return decide
    stable = [finding for finding in findings if finding.status == "stable"]
    return sorted(stable, key=_distance)[:1]


def _distance(finding: DriftFinding) -> float:
    """Return how far a number is from its limit, in limits; from a limit of nothing, as it is."""
    return abs((finding.value or 0.0) - finding.threshold) / (abs(finding.threshold) or 1.0)


def _reason(finding: DriftFinding) -> str:
    """Return what a check says, and what would turn it."""
    value = number(finding.value, finding.unit)
    threshold = number(finding.threshold, finding.unit)
    back = {">": "<=", "<": ">="}[finding.comparator]
    match finding.status:
        case "drifted":
            return f"{finding.check}: {value}, n {finding.samples:,}; stable at {back} {threshold}"
        case "unmeasured":
            return f"{finding.check}: {finding.code}, n {finding.samples:,}"
        case "stable" | "not-applicable":
            turns = f"drifts at {finding.comparator} {threshold}"
            return f"{finding.check}, the nearest to its limit: {value}; {turns}"


def _as_json(found: Judged) -> JsonObject:
    """Return a verdict for machines."""
    measured = found.measured
    heads: Iterator[JsonObject] = (
        {"partition": head.partition, "number": head.number, "digest": head.digest}
        for head in measured.heads
    )
    return {
        "exit_code": int(found.exit_code),
        "verdict": found.verdict.model_dump(mode="json"),
        "observations": [one.model_dump(mode="json") for one in measured.observations],
        "contexts": measured.contexts,
        "decisions": measured.decisions,
        "last_ns": None if measured.last_ns is None else str(measured.last_ns),
        "heads": list(heads),
    }
