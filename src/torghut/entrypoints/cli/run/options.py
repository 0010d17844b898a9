"""The options of ``torghut run``, as typed and as meant."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypedDict

import click
from click.core import ParameterSource
from typing_extensions import override

from torghut.entrypoints.cli.console import shown

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMES: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)x", re.ASCII)
_ONCE: Final = frozenset({"source", "log", "fresh", "as_json"})
"""Options that are not repeated as they were when a run is taken up again."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Speed:
    """A pace, as typed: times faster than recorded; None as fast as it goes."""

    text: str
    times: float | None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Instant:
    """A receive time in ns, as typed."""

    text: str
    time_ns: int

    def __str__(self) -> str:
        return self.text


class SpeedType(click.ParamType):
    """``max``, or how many times faster than recorded: ``1x``, ``60x``, ``0.5x``."""

    name = "max|Nx"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Speed:
        text = str(value)
        match = _TIMES.fullmatch(text)
        if text == "max":
            return Speed(text, None)
        if match is None or float(match[1]) == 0.0:
            self.fail(f"expected max, 1x or Nx with N above 0, found {text!r}", param, ctx)
        return Speed(text, float(match[1]))


class InstantType(click.ParamType):
    """A UTC day, its first or its last instant, or a time with its zone."""

    name = "time"

    def __init__(self, *, ends: bool) -> None:
        self._ends = ends

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Instant:
        text = str(value)
        is_day = bool(_DAY.fullmatch(text))
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or (found.tzinfo is None and not is_day):
            expected = "expected a day as 2010-01-04 or a time with zone as 2010-01-04T14:30:00Z"
            self.fail(f"{expected}, found {text!r}", param, ctx)
        if is_day:
            found = found.replace(tzinfo=UTC) + timedelta(days=1 if self._ends else 0)
        time_ns = (found - _EPOCH) // timedelta(microseconds=1) * 1000
        return Instant(text, time_ns - 1 if is_day and self._ends else time_ns)


class Options(TypedDict):
    """What was typed."""

    source: str
    log: Path | None
    control: Path | None
    speed: Speed
    from_: Instant | None
    to: Instant | None
    fresh: bool
    batch: int
    router_mode: Literal["static", "shadow", "live"] | None
    mode: Literal["shadow", "paper", "live"] | None
    package: tuple[str, ...]
    report: Path | None
    no_report: bool
    as_json: bool


def again_with(options: Options, log: Path) -> str:
    """Return the command that goes on where this one ended, its own options as they were typed."""
    words = ["torghut", "run", "--source", options["source"], "--log", shown(log)]
    context = click.get_current_context()
    for name, value in options.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if name in _ONCE or not typed:
            continue
        flag = "--" + name.strip("_").replace("_", "-")
        values = value if isinstance(value, tuple) else (value,)
        words += [flag] if value is True else [w for one in values for w in (flag, str(one))]
    return shlex.join(words)
