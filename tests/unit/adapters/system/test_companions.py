"""A process beside this one: what it complained of, how it ended, and that nothing is left."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from torghut.adapters.system import companions
from torghut.adapters.system.companions import start_companion
from torghut.workflows.live.beside.errors import CompanionNotStartedError


@pytest.fixture(autouse=True)
def _any_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let arguments be Python code, in place of a command of Torghut."""
    monkeypatch.setattr(companions, "own_command", lambda *words: (sys.executable, "-c", *words))


def started(*code: str) -> tuple[int, str]:
    """Return how a process ends, and what it complained of last."""

    async def run() -> tuple[int, str]:
        child = await start_companion(code)
        return await child.ended(), child.complaint()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("pass", (0, "")),
        ("import sys; print('a\\nb ', file=sys.stderr); sys.exit(4)", (4, "b")),
        ("import sys; sys.stderr.write('x' * 200_000 + '\\nlast'); sys.exit(1)", (1, "last")),
        ("import sys; print('x' * 10_000_000); sys.exit(3)", (3, "")),
        ("import os; os.kill(os.getpid(), 9)", (-9, "")),
    ],
    ids=["well", "complaining", "a line without end", "talkative", "killed"],
)
def test_end_is_told_with_the_last_complaint(code: str, found: tuple[int, str]) -> None:
    assert started(code) == found


def test_it_ends_when_it_is_asked_to() -> None:
    async def run() -> int:
        child = await start_companion(["import time; time.sleep(60)"])
        child.ask_to_end()
        status = await child.ended()
        child.ask_to_end()
        child.kill()
        return status

    assert asyncio.run(run()) == -signal.SIGTERM


def test_what_is_killed_is_killed_with_all_that_it_started() -> None:
    code = (
        "import os, subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print(child.pid, file=sys.stderr, flush=True); time.sleep(60)"
    )

    async def run() -> int:
        child = await start_companion([code])
        ending = asyncio.ensure_future(child.ended())
        while not child.complaint():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.01)
        child.kill()
        assert await ending == -signal.SIGKILL
        return int(child.complaint())

    assert gone(asyncio.run(run()))


def gone(pid: int) -> bool:
    """Say whether a process is gone, or dead and not yet buried, within some seconds."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state.split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_what_it_started_does_not_outlive_it() -> None:
    code = (
        "import subprocess, sys; "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)']); sys.exit(3)"
    )

    async def run() -> int:
        child = await start_companion([code])
        async with asyncio.timeout(20):
            return await child.ended()

    assert asyncio.run(run()) == 3


def test_its_input_is_open_as_long_as_this_process_lives() -> None:
    status, _ = started("import select, sys; sys.exit(len(select.select([0], [], [], 0.2)[0]))")

    assert status == 0


def test_machine_that_has_no_process_to_give_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*words: str) -> Sequence[str]:
        return ("/nowhere/python", *words)

    monkeypatch.setattr(companions, "own_command", nowhere)

    with pytest.raises(CompanionNotStartedError, match="No such file"):
        started("pass")
