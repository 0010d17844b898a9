"""How a process steps back: who decides comes first where cores are short."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_GROUP: Final = Path("/proc/self/autogroup")


def step_back(steps: int) -> None:
    """Let other processes of this machine run first, with all threads started from now on.

    Linux may share the processor among sessions before it shares it within one, and then niceness
    counts only among processes of the same session (sched(7), autogroup). So a process that leads
    its own session lets that step back too; of another's it would hold back who is in it.

    Args:
        steps: Of niceness, 0 to 19.
    """
    os.nice(steps)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # no such kernel, or nothing that it lets a process change
            _GROUP.write_text(str(steps), encoding="ascii")
