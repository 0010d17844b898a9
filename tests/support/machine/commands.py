"""Runs ``torghut`` commands, in this process or in one of their own, and makes what they read."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final

import pytest
from typing_extensions import override

from tests.support.decisions.declared import ROOT, shipped
from tests.support.decisions.kernels import cache_folder, compiled
from torghut.adapters.filesystem.declarations import load
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli import main
from torghut.settings import ARTIFACT_DIR, CACHE_DIR, settings

PROGRAM: Final = (sys.executable, "-c", "from torghut.entrypoints.cli import main; main()")
"""What begins a command in a process of its own."""

_START_S = 1_399_291_200  # Monday 2014-05-05, 12:00 UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is what it is
        """Return what it printed as JSON."""
        return json.loads(self.out)


@contextlib.contextmanager
def installation(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Path]:
    """Let commands in this process work in ``folder``, with what tests share.

    That is the kernel, and the declarations of this checkout, which take longer to read than most
    commands to run; those of another folder are read by every command.
    """
    monkeypatch.setattr("torghut.composition.deciding.compiled_kernel", lambda _store: compiled())
    monkeypatch.setattr("torghut.composition.deciding.kernels_are_cached", lambda _store: True)
    monkeypatch.setattr("torghut.composition.deciding.load", _declared)
    monkeypatch.chdir(folder)
    monkeypatch.setenv(ARTIFACT_DIR, str(folder / "var"))
    monkeypatch.setenv(CACHE_DIR, str(cache_folder()))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def _declared(folder: Path) -> Declarations:
    """Return the declarations of a folder."""
    return shipped() if folder == ROOT else load(folder)


def typed(*arguments: str) -> Ended:
    """Return how ``torghut`` ends with ``arguments``, in this process."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return Ended(status=status, out=out.getvalue(), err=err.getvalue())


def environment(folder: Path) -> dict[str, str]:
    """Return what a process is told that works in ``folder``, with the kernel that tests share."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT / "src"),
        ARTIFACT_DIR: str(folder / "var"),
        CACHE_DIR: str(cache_folder()),
    }


def run_apart(
    folder: Path, *arguments: str, variables: Mapping[str, str] = MappingProxyType({})
) -> Ended:
    """Return how ``torghut`` ends in a process of its own, which may use the network.

    Args:
        folder: That it works in.
        arguments: That are typed.
        variables: Of the environment, besides those of every test.
    """
    ended = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**environment(folder), **variables},
        check=False,
        capture_output=True,
        text=True,
    )
    return Ended(status=ended.returncode, out=ended.stdout, err=ended.stderr)


class Running(subprocess.Popen[str]):
    """A process that is killed where its test fails, so that nothing waits for it for ever."""

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> None:
        if error is not None:
            self.kill()
        super().__exit__(kind, error, place)


def started(folder: Path, *arguments: str) -> Running:
    """Return ``torghut`` with ``arguments``, running in ``folder`` in a process of its own."""
    compiled()
    return Running(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def prices(path: Path, *, count: int = 240, crossed: Sequence[int] = ()) -> str:
    """Write quotes of two symbols in turn, ten seconds apart, and return their URI.

    Args:
        path: Of the file.
        count: Of records.
        crossed: Records whose bid is above their ask.
    """
    lines = ["symbol,event_time,bid,ask"]
    for place in range(count):
        symbol = ("fxcm:EURUSD", "fxcm:NZDUSD")[place % 2]
        mid = 1.1 + 0.0001 * ((place * 7919) % 101 - 50) / 50
        edge = -0.00002 if place in crossed else 0.00002
        time_ns = (_START_S + 10 * place) * 1_000_000_000
        lines.append(f"{symbol},{time_ns},{mid - edge:.5f},{mid + edge:.5f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"csv:{path}?time=ns"
