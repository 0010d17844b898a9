"""The first part's steps: decide and be killed, resume, decide again from the log, compare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.composition import logs, machine, standby
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.entrypoints.cli.console import stamp
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.scene import Scene
from torghut.workflows.replay import Replayed, replay_log

_BLOCKS: Final = (25, 5, 1)
"""Records a block of the run that is killed; smaller ones if it was over before that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """What a run said of itself."""

    contexts: int
    decided: int
    refused: int
    resumed_after: int
    blocks: int
    root: str
    page: str


def decide_and_kill(scene: Scene) -> None:
    """Run the loop in a process of its own, and end it with SIGKILL half-way.

    Raises:
        DemoFailedError: It failed, or was over before it could be killed, however small its blocks.
    """
    heads = logs.heads_path(scene.log)
    found = "it was over before it could be killed"
    for records in _BLOCKS:
        half = scene.baseline.contexts // (2 * records)
        logs.set_log_aside(scene.log, stamp(standby.wall_clock().now_ns()))
        command = scene.run("--no-report", "--batch", str(records))
        with machine.child_command(command) as child:
            child.wait_while(lambda: _lines(heads) <= half)  # noqa: B023 - asked at once
            if child.status is None:
                child.kill()
                return
            printed, complaint = child.result()
            if child.status:
                found = complaint.strip() or printed.strip()
                break
    raise DemoFailedError(step="decide", found=found)


def _lines(path: Path) -> int:
    """Return the number of lines in a file; 0 if there is none."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def resume(scene: Scene) -> RunEnded:
    """Run the loop again, from where the log ends to the end of the source.

    Raises:
        DemoFailedError: It failed, or a context was lost or doubled.
    """
    with machine.child_command(scene.run("--json")) as child:
        printed, complaint = child.result()
        if child.status:
            raise DemoFailedError(step="resume", found=complaint.strip() or printed.strip())
    said = json.loads(printed)
    ended = RunEnded(
        contexts=said["contexts"],
        decided=said["decided"],
        refused=said["refused"],
        resumed_after=said["contexts_before"],
        blocks=said["blocks"],
        root=said["root"],
        page=said["page"],
    )
    expected = scene.baseline.contexts
    if ended.contexts != expected or ended.contexts != ended.decided + ended.refused:
        found = f"expected {expected} contexts, each with one outcome, found {ended}"
        raise DemoFailedError(step="resume", found=found)
    if not 0 < ended.resumed_after < expected:
        found = f"expected a log cut half-way, found {ended.resumed_after} contexts in it"
        raise DemoFailedError(step="resume", found=found)
    return ended


async def replay(scene: Scene, kernel: DecisionKernel) -> Replayed:
    """Decide everything in the log again and compare every byte.

    Raises:
        DemoFailedError: A byte differs.
    """
    log = logs.readable_log(scene.log)
    try:
        replayed = await replay_log(log, kernel)
    finally:
        await log.close()
    if not replayed.identical:
        raise DemoFailedError(step="replay", found=f"first difference: {replayed.first}")
    return replayed


def compare(scene: Scene, kernel: DecisionKernel, ended: RunEnded, replayed: Replayed) -> None:
    """Refuse roots that are not the published one, naming what is not as it was then.

    Raises:
        DemoFailedError: A root differs.
    """
    baseline = scene.baseline
    if ended.root == replayed.root == baseline.root:
        return
    parts = tuple(part.digest for part in scene.source.description.parts)
    others = {
        "the prices": parts != baseline.parts,
        f"the kernel's version ({kernel.version})": kernel.version != baseline.kernel_version,
        f"the declarations ({scene.declared.digest})": (
            scene.declared.digest != baseline.declarations
        ),
    }
    changed = [name for name, differs in others.items() if differs]
    why = f"changed since: {', '.join(changed)}" if changed else "nothing it rests on has changed"
    raise DemoFailedError(
        step="root",
        found=f"expected {baseline.root}, found {ended.root} in the run and {replayed.root} in "
        f"the replay; {why}",
    )
