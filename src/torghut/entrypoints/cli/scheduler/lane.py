"""The lane as a child of the scheduler: whatever becomes of it, the scheduler goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from torghut import bootstrap, governing
from torghut.kernel.errors import ExitCode
from torghut.workflows.lane.desk.scheduled import QueuedLane
from torghut.workflows.lane.ports import LanePorts

_FAULT_LETTERS: Final = 300
_MS_PER_S: Final = 1000


def child_lane(
    ports: LanePorts, root: Path, budget_ms: int, patience_s: float | None
) -> QueuedLane:
    """Return the lane of the governance below ``root``, run as children.

    Args:
        ports: To adopt what a child leaves behind.
        root: The folder of artifacts.
        budget_ms: After which a child is killed.
        patience_s: How long a cycle waits for a child to end; None: as long as it takes.
    """

    async def start(epoch: int, holder: str) -> str:
        command = bootstrap.own_command("lane", "run", "--once", "--under", f"{epoch}:{holder}")
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:  # no memory, no more processes
            return f"not started: {error}"
        try:
            async with asyncio.timeout(budget_ms / _MS_PER_S):
                _, said = await child.communicate()
        except TimeoutError:
            return f"killed after {budget_ms} ms"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode in (ExitCode.YES, ExitCode.NO):
            return ""
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return f"exit status {child.returncode}: {' '.join(last)[:_FAULT_LETTERS]}"

    return QueuedLane(ports=ports, start=start, turn=_turn_of(root), patience_s=patience_s)


def _turn_of(root: Path) -> Callable[[], AbstractContextManager[bool]]:
    """Return what gives the lane's turn, or says that another process has it."""

    @contextmanager
    def turn() -> Iterator[bool]:
        try:
            with governing.lane_turn(root):
                yield True
        except governing.TurnTakenError:
            yield False

    return turn
