"""Which window a drift command is about, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from torghut.composition import governing
from torghut.drift.verdicts import judge_drift
from torghut.entrypoints.cli.lookup.reading import read_log
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import ExitCode
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.schemas.governing.drift import DriftVerdict
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.lookup.scanning import Scanning

STATUSES: Final = {
    "stable": ExitCode.YES,
    "drifted": ExitCode.NO,
    "unhealthy": ExitCode.NOT_FINAL,
}
"""What a verdict ends a command with."""

UNITS: Final = {"ratio": "", "ms": " ms", "records": "", "brier": "", "quote": "", "bps": " bps"}
"""What stands behind a number of each unit."""


from_option: Final = click.option(
    "--from", "from_ns", type=TimeType(), help="Earliest receive time; by default all of the log."
)
"""The option ``--from``; the command's parameter is ``from_ns``."""

to_option: Final = click.option(
    "--to", "to_ns", type=TimeType(ends=True), help="Latest receive time."
)
"""The option ``--to``; the command's parameter is ``to_ns``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A window measured, and the verdict on it."""

    measured: Measured
    verdict: DriftVerdict

    @property
    def exit_code(self) -> ExitCode:
        """What the verdict ends a command with."""
        return STATUSES[self.verdict.status]


def judged(log_path: Path, from_ns: int | None, to_ns: int | None) -> Judged:
    """Return the verdict on a window of the log at ``log_path``, by default all of it.

    Raises:
        click.UsageError: The window ends before it begins.
        TorghutError: The log cannot be read, or is not as it was written.
    """
    if from_ns is not None and to_ns is not None and to_ns < from_ns:
        message = "expected --to at or after --from"
        raise click.UsageError(message)
    policy: DriftPolicy = governing.governing_policies().drift
    asked = WindowAsked(subject="log", from_ns=from_ns, to_ns=to_ns)

    async def work(log: DecisionLog, told: Scanning) -> Measured:
        return await measure(log, asked, policy, told)

    measured = read_log(log_path, "Measuring", work)
    return Judged(measured=measured, verdict=judge_drift(measured.window, policy))


def number(value: float | None, unit: str = "") -> str:
    """Return a number for people, to six digits; a dash where there is none.

    Example:
        >>> number(0.012345678), number(180000.0, "ms"), number(None)
        ('0.0123457', '180000 ms', '-')
    """
    if value is None:
        return "-"
    whole = float(value).is_integer() and abs(value) < 1e15  # noqa: PLR2004 - digits of a float
    return f"{int(value) if whole else f'{value:.6g}'}{UNITS.get(unit, '')}"
