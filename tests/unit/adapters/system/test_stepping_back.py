"""A process that steps back does so before others, whatever session they are in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GROUP = Path("/proc/self/autogroup")
STEP = """
import os
from pathlib import Path
from torghut.adapters.system.companions import step_back
step_back(7)
group = Path("/proc/self/autogroup")
print(os.getpriority(os.PRIO_PROCESS, 0), group.read_text() if group.exists() else "")
"""


def stepped_back(*, own_session: bool) -> tuple[int, str]:
    """Return how nice a process is that stepped back seven, and what is said of its group."""
    said = subprocess.run(
        [sys.executable, "-c", STEP],
        start_new_session=own_session,
        capture_output=True,
        text=True,
        check=True,
    )
    nice, _, group = said.stdout.strip().partition(" ")
    return int(nice), group


def test_process_with_a_session_of_its_own_steps_back_with_all_of_it() -> None:
    nice, group = stepped_back(own_session=True)

    assert nice == os.getpriority(os.PRIO_PROCESS, 0) + 7
    if not GROUP.exists() or not group:
        pytest.skip("this kernel groups no sessions")
    assert group.endswith("nice 7")


def test_process_in_the_session_of_another_leaves_that_where_it_is() -> None:
    before = GROUP.read_text(encoding="ascii").strip() if GROUP.exists() else ""

    nice, group = stepped_back(own_session=False)

    assert nice == os.getpriority(os.PRIO_PROCESS, 0) + 7
    assert group == before
