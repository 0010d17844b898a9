"""The command itself: both parts, what they came to, and what to try next."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from torghut.artifacts.package import Package
from torghut.composition import machine, standby
from torghut.composition.deciding import DEMO_BASELINE
from torghut.composition.deciding import kernel as decision_kernel
from torghut.entrypoints.cli.console import json_option, print_json, progress, shown, stamp
from torghut.entrypoints.cli.demo import advised, cycles, deciding, showing
from torghut.entrypoints.cli.demo.advised import Advised
from torghut.entrypoints.cli.demo.cycles import Judged
from torghut.entrypoints.cli.demo.governed import Governing
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.loop import LiveLoop
from torghut.entrypoints.cli.demo.made.world import make_world
from torghut.entrypoints.cli.demo.scene import TITLE, Scene, heading, set_up
from torghut.entrypoints.cli.demo.showing import Governed
from torghut.entrypoints.cli.demo.telling import Steps
from torghut.entrypoints.cli.demo.verified import verify
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import day
from torghut.schemas.rollout.evaluation import EvaluationVerdict
from torghut.settings import artifact_dir, standing_in
from torghut.workflows.replay import Replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """What the first part came to."""

    scene: Scene
    ended: deciding.RunEnded
    replayed: Replayed


@click.command()
@json_option
def demo(*, as_json: bool) -> ExitCode:
    """Decide prices that ship inside a dependency, then govern a live loop on made ones: offline.

    Kills its own loop with SIGKILL half-way, resumes it, decides everything again from the log,
    and compares the root of all decisions with the published one. Then two challengers are judged
    and one is promoted, the price leaps, and the loop is rolled back. Where the extra ``reasoning``
    is installed, a loop is advised by a specialist of fixed rules. Leaves nothing running.
    """
    with progress() as told, machine.interrupt_on_terminate():
        steps = Steps(told=told, silent=as_json)
        decided = _decide(steps)
        governed = _govern(steps)
        found = _advise(governed, steps) if advised.is_installed() else None
    if as_json:
        print_json(_as_json(decided, governed, found, steps))
    else:
        _print_next(decided, governed, found)
    return ExitCode.YES


def _decide(steps: Steps) -> _Decided:
    """Decide recorded prices, and be killed on the way.

    Raises:
        DemoFailedError: It did not come to what is published.
    """
    steps.stage("Reading the demo's prices")
    scene = set_up()
    for line in (*heading(scene), ""):
        steps.say(line)
    steps.stage("Loading the decision kernel; compiled once for each build")
    kernel = decision_kernel()
    steps.done("prepare", f"kernel version {kernel.version} loaded")
    steps.stage("Deciding in a process of its own, until half of it is durable")
    deciding.decide_and_kill(scene)
    steps.done("decide", "killed with SIGKILL when half of it was durable")
    steps.stage("Resuming")
    ended = deciding.resume(scene)
    sums = f"{ended.contexts:,} contexts = {ended.decided:,} decided + {ended.refused:,} refused"
    steps.done("resume", f"{sums}, each once")
    steps.stage("Deciding everything again from the log alone")
    replayed = asyncio.run(deciding.replay(scene, kernel))
    deciding.compare(scene, kernel, ended, replayed)
    steps.done(
        "replay",
        f"{replayed.decisions:,} decisions, every byte the same",
        f"root {ended.root}",
        f"as published in {DEMO_BASELINE}",
    )
    return _Decided(scene=scene, ended=ended, replayed=replayed)


def _govern(steps: Steps) -> Governed:
    """Govern a live loop on made prices.

    Raises:
        DemoFailedError: It did not come to what was made.
    """
    for line in showing.HEADING:
        steps.say(line)
    steps.stage("Making prices, packages and declarations")
    aside = stamp(standby.wall_clock().now_ns())
    world = make_world(artifact_dir() / "demo" / "governance", aside=aside)
    part = Governing(world=world)
    with standing_in(declarations=world.declared, artifacts=world.artifacts):
        steps.stage("Deciding made prices, and starting a live loop")
        with part.begun() as loop:
            steps.done("loop", *showing.begun_texts(part))
            steps.stage("Cycle 2: the lane judges an ordinary challenger")
            ordinary = _challenge(part, loop, packages.ordinary(), steps, expected="deny")
            steps.done("ordinary", *showing.challenger_texts(part, ordinary))
            steps.stage("Cycle 3: the lane judges a challenger that was made to be better")
            better = _challenge(part, loop, packages.constructed(), steps, expected="promote")
            steps.done("better", *showing.challenger_texts(part, better))
        steps.stage("Promoting it, on paper; the loop goes on with it")
        cycles.promote(better.run_id)
        with part.served(packages.constructed()) as loop:
            steps.done("promote", showing.promoted_text())
            steps.stage("Letting the price leap; cycles 4 and 5")
            recovered = part.crash(loop, better)
            steps.done("crash", *showing.crash_texts(recovered))
        steps.stage("Verifying what is left")
        verified = verify(world, better.run_id)
    governed = Governed(
        part=part, ordinary=ordinary, better=better, recovered=recovered, verified=verified
    )
    steps.done("verify", *showing.verify_texts(governed))
    return governed


def _advise(governed: Governed, steps: Steps) -> Advised:
    """Let a loop on the made prices be advised.

    Raises:
        DemoFailedError: It was not, or not the same again.
    """
    steps.stage("Asking a specialist for advice; what puts questions into words loads for seconds")
    found = advised.advise(governed.part.world)
    steps.done("advice", *showing.advised_texts(found))
    return found


def _challenge(
    part: Governing,
    loop: LiveLoop,
    challenger: Package,
    steps: Steps,
    *,
    expected: EvaluationVerdict,
) -> Judged:
    """Return what the lane makes of a challenger in the next cycle."""
    with steps.hidden():
        cycles.submit(part.world, challenger)
    return part.challenge(loop, challenger, expected=expected)


def _print_next(decided: _Decided, governed: Governed, found: Advised | None) -> None:
    """Print where to look and what to try."""
    log = shlex.quote(shown(decided.scene.log))
    manifest = shlex.quote(shown(governed.verified.manifest))
    key = shlex.quote(shown(governed.part.world.public_key))
    looks = (decided.scene.log, Path(decided.ended.page), *showing.places(governed))
    advice = () if found is None else (f"torghut decision why --log {shown(found.log)} --last",)
    tries = (
        f"torghut decision why --log {log} --last",
        *advice,
        f"torghut replay --verify --log {log}",
        f"torghut rollout why {manifest}",
        f"torghut rollout verify {manifest} --key {key}",
    )
    for name, lines in (("look at", tuple(map(shown, looks))), ("try", tries)):
        click.echo()
        for place, line in enumerate(lines):
            click.echo(f"  {'' if place else name:<11}  {line}")


def _as_json(
    decided: _Decided, governed: Governed, found: Advised | None, steps: Steps
) -> JsonObject:
    """Return what came of the demo, for machines."""
    scene, ended = decided.scene, decided.ended
    return {
        "data": f"{TITLE} {scene.span[0]} to {scene.span[1]}",
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
        "replayed": decided.replayed.decisions,
        "root": ended.root,
        "root_as_published": True,
        "log": str(scene.log),
        "page": ended.page,
        "governance": showing.as_json(governed),
        "advice": None if found is None else showing.advised_as_json(found),
        "step_seconds": {**steps.seconds},
        "seconds": round(sum(steps.seconds.values()), 3),
    }
