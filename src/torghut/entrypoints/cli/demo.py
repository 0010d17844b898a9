"""``torghut demo``: real prices decided, the loop killed half-way, resumed, replayed, compared."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

import click

from torghut import bootstrap
from torghut.artifacts.package import Package, PackageReference
from torghut.decisions.declarations import Declarations
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    print_json,
    progress,
    shown,
    stamp,
)
from torghut.evals.baselines import RunBaseline
from torghut.evals.fit_windows import FitWindow, overlaps
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.times import day
from torghut.market.ports import Cursor, Source
from torghut.router.package import RegimeModel, read_regime_model
from torghut.settings import settings
from torghut.workflows.replay import Replayed, replay_log

_TITLE: Final = "S&P 500 and Nasdaq Composite, daily closes"
_CARRIER: Final = "arch"
_NS_PER_S: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS_PER_S
_BLOCKS: Final = (25, 5, 1)
"""Records a block of the run that is killed; smaller ones if it was over before that."""


class DemoFailedError(TorghutError):
    """A step of the demo did not come to what it must; the message says which, and what it said."""

    code: ClassVar[str] = "cli.demo-failed"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, step: str, found: str) -> None:
        super().__init__(f"{step}: {found}")
        self.step = step
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What the demo is about.

    Attributes:
        source: The prices.
        span: Their first and last day.
        model: The package that serves.
        baseline: What it is published to come to.
        log: Where it goes.
    """

    source: Source
    declared: Declarations
    span: tuple[str, str]
    package: Package
    model: RegimeModel
    baseline: RunBaseline
    log: Path

    def run(self, *options: str) -> Sequence[str]:
        """Return the command that decides, with more options."""
        window = ("--from", self.baseline.from_day, "--to", self.baseline.to_day)
        package = ("--package", f"{self.package.name}@{self.package.digest}")
        log = ("--log", str(self.log))
        return ("run", "--source", self.baseline.source, *window, *package, *log, *options)


@click.command()
@json_option
def demo(*, as_json: bool) -> ExitCode:
    """Decide daily prices that ship inside a dependency: offline, in seconds.

    Kills its own loop with SIGKILL half-way, resumes it, decides everything again from the log,
    and compares the root of all decisions with the published one. Leaves nothing running.
    """
    clock = bootstrap.steady_clock()
    times = [clock.now_ns()]

    def took() -> str:
        times.append(clock.now_ns())
        return f"{(times[-1] - times[-2]) / _NS_PER_S:.1f} s"

    with progress() as told:
        tell = told.say if not as_json else lambda _: None
        scene = _set_up(told)
        for line in _heading(scene):
            tell(line)
        told.stage("Loading the decision kernel; compiled once for each build")
        kernel = bootstrap.kernel()
        tell(f"\n  1 prepare  kernel version {kernel.version} loaded; {took()}")
        told.stage("Deciding in a process of its own, until half of it is durable")
        _decide_and_kill(scene)
        tell(f"  2 decide   killed with SIGKILL when half of it was durable; {took()}")
        told.stage("Resuming")
        ended = _resume(scene)
        sums = (
            f"{ended.contexts:,} contexts = {ended.decided:,} decided + {ended.refused:,} refused"
        )
        tell(f"  3 resume   {sums}, each once; {took()}")
        told.stage("Deciding everything again from the log alone")
        replayed = asyncio.run(_replay(scene, kernel))
        tell(f"  4 replay   {replayed.decisions:,} decisions, every byte the same; {took()}")
        _compare(scene, kernel, ended, replayed)
        tell(f"  5 root     {ended.root}\n             as published in {bootstrap.DEMO_BASELINE}\n")
    if as_json:
        print_json(_as_json(scene, ended, replayed, total_ns=times[-1] - times[0]))
    else:
        _print_next(scene, ended)
    return ExitCode.YES


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunEnded:
    """What a run said of itself."""

    contexts: int
    decided: int
    refused: int
    resumed_after: int
    blocks: int
    root: str
    page: str


def _set_up(told: Progress) -> _Scene:
    """Read what the demo is about.

    Raises:
        SourceExtraMissingError: The package that carries the prices is not installed.
        PackageMissingError: The router package is not.
    """
    told.stage("Reading the demo's prices")
    declared = bootstrap.declarations()
    baseline = bootstrap.demo_baseline()
    source = bootstrap.source(baseline.source, declared)
    package = bootstrap.package_store().load(
        PackageReference(name=baseline.router, digest=baseline.package)
    )
    folder = settings().trading_autonomy_artifact_dir / "demo"
    return _Scene(
        source=source,
        declared=declared,
        span=_span(source),
        package=package,
        model=read_regime_model(package),
        baseline=baseline,
        log=folder / "demo.log",
    )


def _span(source: Source) -> tuple[str, str]:
    """Return the first and the last day of a source."""
    batches = source.batches(after=Cursor(), max_records=4096)
    spans = [
        (int(batch.contexts["event_ns"].min()), int(batch.contexts["event_ns"].max()))
        for batch in batches
        if len(batch.contexts)
    ]
    return day(min(first for first, _ in spans)), day(max(last for _, last in spans))


def _heading(scene: _Scene) -> Sequence[str]:
    """Return whose data it is and from when, and that the package has not seen what it decides."""
    carrier = f"{_CARRIER} {importlib.metadata.version(_CARRIER)}"
    licence = scene.source.description.licence.partition(",")[0]
    first, last = scene.baseline.from_day, scene.baseline.to_day
    fitted = f"{day(scene.model.start_ns)} to {day(scene.model.end_ns)}"
    origin = f"out of {carrier} ({licence})"
    return (
        f"{_TITLE} {scene.span[0]} to {scene.span[1]}, {origin}: recorded data, not live.",
        f"Router package {scene.package.reference}, fitted on {fitted};",
        f"decided here: {first} to {last}, which {_verdict(scene)}.",
    )


def _verdict(scene: _Scene) -> str:
    """Return whether the package was fitted on what it is to decide.

    Raises:
        DemoFailedError: It was.
    """
    fit = FitWindow(
        package=str(scene.package.reference),
        first_ns=scene.model.start_ns,
        last_ns=scene.model.end_ns,
    )
    first_ns = _midnight_ns(scene.baseline.from_day)
    last_ns = _midnight_ns(scene.baseline.to_day) + _DAY_NS - 1
    if overlaps([fit], first_ns=first_ns, last_ns=last_ns):
        raise DemoFailedError(step="fit window", found="it overlaps what is decided here")
    return "does not overlap"


def _midnight_ns(text: str) -> int:
    """Return the first instant of a UTC day."""
    return int(datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp()) * _NS_PER_S


def _decide_and_kill(scene: _Scene) -> None:
    """Run the loop in a process of its own, and end it with SIGKILL half-way.

    Raises:
        DemoFailedError: It failed, or was over before it could be killed, however small its blocks.
    """
    heads = bootstrap.heads_path(scene.log)
    found = "it was over before it could be killed"
    for records in _BLOCKS:
        half = scene.baseline.contexts // (2 * records)
        bootstrap.set_log_aside(scene.log, stamp(bootstrap.wall_clock().now_ns()))
        command = scene.run("--no-report", "--batch", str(records))
        with bootstrap.child_command(command) as child:
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


def _resume(scene: _Scene) -> _RunEnded:
    """Run the loop again, from where the log ends to the end of the source.

    Raises:
        DemoFailedError: It failed, or a context was lost or doubled.
    """
    with bootstrap.child_command(scene.run("--json")) as child:
        printed, complaint = child.result()
        if child.status:
            raise DemoFailedError(step="resume", found=complaint.strip() or printed.strip())
    said = json.loads(printed)
    ended = _RunEnded(
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


async def _replay(scene: _Scene, kernel: DecisionKernel) -> Replayed:
    """Decide everything in the log again and compare every byte.

    Raises:
        DemoFailedError: A byte differs.
    """
    log = bootstrap.readable_log(scene.log)
    try:
        replayed = await replay_log(log, kernel)
    finally:
        await log.close()
    if not replayed.identical:
        raise DemoFailedError(step="replay", found=f"first difference: {replayed.first}")
    return replayed


def _compare(scene: _Scene, kernel: DecisionKernel, ended: _RunEnded, replayed: Replayed) -> None:
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


def _print_next(scene: _Scene, ended: _RunEnded) -> None:
    """Print where to look and what to try."""
    log = shlex.quote(shown(scene.log))
    click.echo(f"  look at    {shown(scene.log)}")
    click.echo(f"             {shown(Path(ended.page))}")
    for place, command in enumerate(
        (
            f"torghut decision why --log {log} --last",
            f"torghut log verify --log {log}",
            f"torghut replay --verify --log {log}",
            "torghut source check PATH",
        )
    ):
        click.echo(f"  {'' if place else 'try':<9}  {command}")


def _as_json(scene: _Scene, ended: _RunEnded, replayed: Replayed, *, total_ns: int) -> JsonObject:
    """Return what came of the demo, for machines."""
    return {
        "data": f"{_TITLE} {scene.span[0]} to {scene.span[1]}",
        "live": False,
        "licence": scene.source.description.licence,
        "package": f"{scene.package.name}@{scene.package.digest}",
        "fitted": [day(scene.model.start_ns), day(scene.model.end_ns)],
        "decided_window": [scene.baseline.from_day, scene.baseline.to_day],
        "contexts": ended.contexts,
        "decided": ended.decided,
        "refused": ended.refused,
        "killed_after_contexts": ended.resumed_after,
        "blocks": ended.blocks,
        "replayed": replayed.decisions,
        "root": ended.root,
        "root_as_published": True,
        "log": str(scene.log),
        "page": ended.page,
        "seconds": round(total_ns / _NS_PER_S, 3),
    }
