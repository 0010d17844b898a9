"""The environment of a baseline that must not share ours: made anew whenever its pins change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from benchmarks.progress import say
from benchmarks.rounds import ROOT

_FOLDER: Final = ROOT / ".venv-bench"
_PINS: Final = ROOT / "requirements" / "bench.txt"
_STEP_S: Final = 900


class BaselineMissingError(Exception):
    """The baseline cannot be had here."""


def baseline_python() -> Path:
    """Return the Python that has what ``requirements/bench.txt`` pins, and nothing else.

    Raises:
        BaselineMissingError: It cannot be installed.
    """
    python, stamp = _FOLDER / "bin" / "python", _FOLDER / "bench.stamp"
    pinned = sha256(_PINS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == pinned:
        return python
    say(f"installing what {_PINS.name} pins into {_FOLDER.name}")
    _run([sys.executable, "-m", "venv", "--clear", str(_FOLDER)])
    _run(
        [
            *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--only-binary", ":all:", "--require-hashes", "--requirement", str(_PINS)),
        ]
    )
    stamp.write_text(pinned, encoding="ascii")
    return python


def installed_version(python: Path, package: str) -> str:
    """Return the version of ``package`` that ``python`` has.

    Raises:
        BaselineMissingError: It has none.
    """
    script = f"from importlib.metadata import version; print(version({package!r}))"
    return _run([str(python), "-c", script]).strip()


def _run(command: Sequence[str]) -> str:
    """Run one step and return what it printed.

    Raises:
        BaselineMissingError: It failed; the last line it wrote is the reason.
    """
    try:
        done = subprocess.run(  # noqa: S603 - commands of this module
            command, check=False, capture_output=True, text=True, timeout=_STEP_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BaselineMissingError(str(error)) from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BaselineMissingError(lines[-1] if lines else f"exit status {done.returncode}")
    return done.stdout
