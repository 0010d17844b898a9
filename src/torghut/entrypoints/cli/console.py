"""What every command prints with: lines and tables for people, JSON for machines, progress.

Results go to stdout, everything on the way to stderr. Whatever a command waits for, a person sees
a bar, and a file or pipe gets a line every two seconds.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import rich.box
from rich.console import Console
from rich.progress import BarColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from torghut.kernel.canonical import JsonObject
from torghut.kernel.times import instant
from torghut.kernel.units import NS_PER_S

QUIET_S: Final = 2.0
"""Seconds after which a command that prints into a file or pipe says that it is still at work."""

_FIRST_S: Final = 1.0
"""The first time it says so earlier: loading the command took its time already."""

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, for machines."
)
"""The flag ``--json``; the command's parameter is ``as_json``."""

_MINUTE_S: Final = 120
_HOUR_S: Final = 7200
_DAY_S: Final = 172_800
_WIDEST: Final = 400


def print_json(value: JsonObject) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def print_table(columns: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; only a terminal has a width to fit into.

    Args:
        columns: ``left`` or ``right``, by heading.
        rows: One text a column.
    """
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for heading, side in columns.items():
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDEST
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    click.echo("\n".join(lines).strip("\n"))


def print_fields(fields: Mapping[str, str]) -> None:
    """Print names and values below each other; a value of several lines stays in its column."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        first, *others = value.split("\n")
        click.echo(f"{name:<{width}}  {first}")
        for other in others:
            click.echo(f"{'':<{width}}  {other}")


def stamp(time_ns: int) -> str:
    """Return a time as part of a file's name.

    Example:
        >>> stamp(1_262_610_000_000_000_001)
        '20100104T130000.000000001Z'
    """
    whole = instant(time_ns).replace("-", "").replace(":", "")
    return f"{whole[:-1]}.{time_ns % NS_PER_S:09}Z"


def ago(passed_ns: int) -> str:
    """Return how long ago something was.

    Example:
        >>> ago(400_000_000), ago(90 * 10**9), ago(3 * 3600 * 10**9)
        ('0.4 s ago', '90.0 s ago', '3.0 h ago')
    """
    seconds = max(passed_ns, 0) / NS_PER_S
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s ago"
    if seconds < _HOUR_S:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.1f} h ago" if seconds < _DAY_S else f"{seconds / 86_400:.0f} days ago"


def plural(count: int, noun: str) -> str:
    """Return a number of things in words.

    Example:
        >>> plural(1, "context"), plural(1_200, "context")
        ('1 context', '1,200 contexts')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown(path: Path) -> str:
    """Return ``path`` as one would type it here: below the working folder, or whole."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class Progress:
    """What a command is doing now, and how far it is; made by ``progress``."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[far]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._bars.start()

    @property
    def on_terminal(self) -> bool:
        """Whether somebody sees a bar."""
        return not self._bars.disable

    def stage(self, text: str, *, total: int = 0) -> None:
        """Begin to do something else.

        Args:
            text: What, in a few words.
            total: How much of it there is, for ``at``; 0 where nobody knows.
        """
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(text, total=total or None, far="")

    def at(self, done: int, far: str = "") -> None:
        """Say how much is done, in the unit of the stage's total and in words."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, far=far)

    def say(self, text: str = "") -> None:
        """Print a line of the result while the bar stands."""
        self._bars.stop()
        click.echo(text)
        self._bars.start()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar away until the end of the block, so that another one may stand."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def end(self) -> None:
        """Take the bar away."""
        self._bars.stop()

    def line(self) -> str:
        """Return what is being done as one line; empty where nothing is."""
        return "; ".join(_line(task) for task in self._bars.tasks)


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield where to say what is being done; it is shown until the end of the block."""
    shown_here = Progress()
    ended = threading.Event()

    def speak() -> None:
        quiet_s = _FIRST_S
        while not ended.wait(quiet_s):
            quiet_s = QUIET_S
            if line := shown_here.line():
                click.echo(line, err=True)

    thread = threading.Thread(target=speak, name="torghut-progress", daemon=True)
    if not shown_here.on_terminal:
        thread.start()
    try:
        yield shown_here
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()
        shown_here.end()


def _line(task: Task) -> str:
    """Return one task as a line."""
    share = f" {task.percentage:.0f} %" if task.total else ""
    far = task.fields["far"]
    return f"{task.description}{share}{f', {far}' if far else ''}, {task.elapsed or 0.0:.0f} s"
