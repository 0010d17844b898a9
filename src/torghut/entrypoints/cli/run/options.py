"""The options of ``torghut run``, as typed and as meant."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypedDict

import click
from click.core import ParameterSource
from typing_extensions import override

from torghut.composition.logs import LogPlace
from torghut.entrypoints.cli.lookup.reading import shown_place
from torghut.entrypoints.cli.lookup.times import TimeType

_TIMES: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)x", re.ASCII)
_ONCE: Final = frozenset({"source", "log", "fresh", "as_json"})
"""Options that are not repeated as they were when a run is taken up again."""


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
    """A receive time that is also kept as typed.

    Args:
        ends: Whether a day stands for its last instant, not its first.
    """

    name = "time"

    def __init__(self, *, ends: bool) -> None:
        self._type = TimeType(ends=ends)

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Instant:
        return Instant(str(value), self._type.convert(str(value), param, ctx))


class Options(TypedDict):
    """What was typed."""

    source: str
    log: LogPlace | None
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


def again_with(options: Options, log: LogPlace) -> str:
    """Return the command that goes on where this one ended, its own options as they were typed."""
    words = ["torghut", "run", "--source", options["source"], "--log", shown_place(log)]
    context = click.get_current_context()
    for name, value in options.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if name in _ONCE or not typed:
            continue
        flag = "--" + name.strip("_").replace("_", "-")
        values = value if isinstance(value, tuple) else (value,)
        words += [flag] if value is True else [w for one in values for w in (flag, str(one))]
    return shlex.join(words)
