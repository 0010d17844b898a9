"""Commands of this program, run in this process as if they had been typed.

What a command says is exactly what a person would see; only the start of a process is saved.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass

from torghut.entrypoints.cli.program import program
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status.
        said: The JSON object that it printed.
    """

    status: int
    said: JsonObject


def typed(*words: str) -> Ended:
    """Return how a command ends, asked for JSON.

    Raises:
        TorghutError: It refused; as a command it would have ended with the error's exit code.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = program()([*words, "--json"], prog_name="torghut", standalone_mode=False)
    ended = int(status) if isinstance(status, int) else int(ExitCode.YES)
    return Ended(status=ended, said=json.loads(printed.getvalue()))
