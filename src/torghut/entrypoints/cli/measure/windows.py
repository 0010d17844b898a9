"""``torghut slo show``: a log's windows against the service levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

import click

from torghut.composition import governing
from torghut.entrypoints.cli.console import json_option, print_json, print_table
from torghut.entrypoints.cli.lookup.reading import log_option, read_log
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.entrypoints.cli.rollout.asking import number
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.schemas.declarations.staging.slo import SloPolicy, WindowName
from torghut.schemas.staging.slo_window import SloRow, SloWindow
from torghut.workflows.lookup.scanning import Scanning
from torghut.workflows.slo.measuring import LatencyCounts, measure
from torghut.workflows.slo.scraping import latency_between, latency_of
from torghut.workflows.slo.walking import last_received_ns

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)

at_option: Final = click.option(
    "--at", type=TimeType(), help="End of the windows; by default the log's newest decision."
)
"""The option ``--at``; the command's parameter has the same name."""

metrics_option: Final = click.option(
    "--metrics", type=_FILE, help="What GET /metrics of the service printed when the window ended."
)
"""The option ``--metrics``; the command's parameter has the same name."""

before_option: Final = click.option(
    "--metrics-before",
    type=_FILE,
    help="And when it began; without it, the service is to have started in the window.",
)
"""The option ``--metrics-before``; the command's parameter has the same name."""


def latency_in(metrics: Path | None, before: Path | None) -> LatencyCounts | None:
    """Return the latency between two readings of the metrics, or since the start; None of none.

    Raises:
        MetricsUnreadableError: A file holds no such metrics, or the two do not belong together.
    """
    if metrics is None:
        return None
    after = latency_of(metrics.read_text(encoding="utf-8", errors="replace"))
    if before is None:
        return after
    return latency_between(latency_of(before.read_text(encoding="utf-8", errors="replace")), after)


@click.command()
@log_option
@click.option(
    "--window", type=click.Choice(get_args(WindowName)), help="By default every declared one."
)
@at_option
@metrics_option
@before_option
@json_option
def show(
    *,
    log_path: Path,
    window: WindowName | None,
    at: int | None,
    metrics: Path | None,
    metrics_before: Path | None,
    as_json: bool,
) -> ExitCode:
    """Judge the windows of a log that end at one time against governance/policies/slo.yaml.

    Latency is in no log, so it is missing, and fails, unless --metrics says it; the same readings
    then count for every window shown. Ends with 0 if every window passes, 1 if one fails, and 6 if
    none fails and one shows nothing, the markets being closed.
    """
    policy = governing.stage_policies().slo
    latency = latency_in(metrics, metrics_before)
    names: Sequence[WindowName] = policy.windows if window is None else [window]

    async def work(log: DecisionLog, _told: Scanning) -> list[SloWindow]:
        to_ns = await last_received_ns(log) if at is None else at
        every = {} if latency is None else dict.fromkeys(names, latency)
        measured = await measure(log, to_ns, names, policy=policy, latency=every)
        return [one.window for one in measured]

    found = read_log(log_path, "Measuring", work)
    if as_json:
        print_json({"windows": [one.model_dump(mode="json") for one in found]})
    else:
        for one in found:
            _print(one, policy)
    return verdict(found)


def verdict(windows: Sequence[SloWindow]) -> ExitCode:
    """Return what several windows come to together."""
    statuses = {one.status for one in windows}
    if "fail" in statuses:
        return ExitCode.NO
    return ExitCode.NOT_FINAL if "closed" in statuses else ExitCode.YES


def _print(window: SloWindow, policy: SloPolicy) -> None:
    """Print one window for people."""
    click.echo(
        f"{window.name}: {window.status}, {instant(window.from_ns)} to {instant(window.to_ns)}"
    )
    sides: Mapping[str, str] = {
        "service level": "left",
        "status": "left",
        "value": "right",
        "asked": "left",
        "samples": "right",
        "because": "left",
    }
    print_table(sides, [_cells(row) for row in window.rows])
    click.echo(f"service levels {window.policy[:12]}, windows {', '.join(policy.windows)}\n")


def _cells(row: SloRow) -> tuple[str, ...]:
    """Return what a service level's row shows."""
    because = "" if row.declaration is None else f"declared off, {row.declaration[:12]}"
    return (
        row.id,
        row.status,
        number(row.value),
        f"{row.comparator} {number(row.threshold)} {row.unit}",
        f"{row.samples:,}",
        because,
    )
