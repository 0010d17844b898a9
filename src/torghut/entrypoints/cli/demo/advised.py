"""The last step: a loop asks a specialist of fixed rules for advice, then is decided again alone.

The specialist stands in for a model behind the same protocol. What it said is on record, so the
loop's questions are answered again, and its log is decided again, with nobody there to ask.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.composition import deciding, machine
from torghut.composition.advice.settings import ENDPOINT, MODEL
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.loop import Decided, LiveLoop, serving
from torghut.entrypoints.cli.demo.made.market import made_prices
from torghut.entrypoints.cli.demo.made.world import MadeWorld
from torghut.reasoning.specialist import NAME
from torghut.settings import standing_in

_RENDERS: Final = "dspy"
"""Library that puts questions into words; it comes with the extra ``reasoning``."""

_VERDICTS: Final = ("advice-approved", "advice-adjusted", "advice-vetoed")
_WARM: Final = 100
"""Prices after which the made symbol has seen enough to want a position."""

AT_STAKE: Final = 0.3
"""Share of its allotment that a position must reach to be asked about; installed is 0.95."""

_PATIENCE: Final = 1_000
"""Prices in which a question must have come up, each fed once the one before is decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """What came of asking.

    Attributes:
        log: Of the loop.
        fed: Prices until the first verdict.
        verdict: Its code.
        before: The decision before it.
        after: The decision that it was given for.
        again: Questions that were answered again from the record, each to the same byte.
        replayed: Decisions of the log, each decided again to the same byte.
    """

    log: Path
    fed: int
    verdict: str
    before: Decided
    after: Decided
    again: int
    replayed: int


def is_installed() -> bool:
    """Return whether what asks for advice is installed."""
    return importlib.util.find_spec(_RENDERS) is not None


def advise(world: MadeWorld) -> Advised:
    """Let a loop on the made prices be advised, until the first verdict.

    Raises:
        DemoFailedError: There was none, or it was not decided the same again.
        ServiceUnreachableError: The loop does not answer.
    """
    declared, artifacts = _declare(world), world.root / "advised" / "var"
    with _specialist() as url:
        asking = {ENDPOINT: url, MODEL: NAME}
        with standing_in(declarations=declared, artifacts=artifacts, more=asking):
            words = ("--advise", "--reasoning-mode", "active")
            with serving(world.advised, packages.serving(), *words) as loop:
                fed, before, after = _until_advised(loop)
    with standing_in(declarations=declared, artifacts=artifacts):
        log = ("--log", str(world.advised))
        again = json.loads(_printed("reasoning", "replay", *log))["counts"]
        replayed = json.loads(_printed("replay", "--verify", *log))
    if set(again) != {"identical"} or not replayed["identical"]:
        raise DemoFailedError(step="advice", found=f"{again}, {replayed}")
    return Advised(
        log=world.advised,
        fed=fed,
        verdict=next(one for one in after.reasons if one in _VERDICTS),
        before=before,
        after=after,
        again=again["identical"],
        replayed=replayed["decisions"],
    )


def _declare(world: MadeWorld) -> Path:
    """Return declarations of the made world under which less at stake is worth a question."""
    declared = world.root / "advised" / "declared"
    shutil.copytree(world.declared, declared)
    policy = deciding.declarations_in(declared).reasoning.model_dump(mode="json")
    policy["triggers"]["notional_ratio"] = AT_STAKE
    machine.write_text(declared / "governance" / "policies" / "reasoning.yaml", json.dumps(policy))
    return declared


@contextmanager
def _specialist() -> Iterator[str]:
    """Give the address of the specialist."""
    with machine.child_command(("endpoint", "fake", "--port", "0")) as child:
        while line := child.next_line():
            word, _, rest = line.partition(" ")
            if word == "endpoint":
                yield rest.split()[0]
                return
        _, complaint = child.result()
        raise DemoFailedError(step="specialist", found=complaint.strip()[-500:])


def _until_advised(loop: LiveLoop) -> tuple[int, Decided, Decided]:
    """Feed a loop until a decision goes by a verdict; return how many, that before, and that one.

    Raises:
        DemoFailedError: None did.
    """
    prices = made_prices()
    loop.await_asker()
    last = loop.feed(prices[:_WARM])
    for place in range(_WARM, _WARM + _PATIENCE):
        before, last = last, loop.feed(prices[place : place + 1])
        if set(_VERDICTS) & set(last.reasons):
            return place + 1, before, last
    raise DemoFailedError(step="advice", found=f"no question in {_PATIENCE:,} prices: {last}")


def _printed(*words: str) -> str:
    """Return what a command prints as JSON.

    Raises:
        DemoFailedError: It did not end well.
    """
    with machine.child_command((*words, "--json")) as child:
        printed, complaint = child.result()
    if child.status:
        raise DemoFailedError(step=" ".join(words[:2]), found=complaint.strip()[-500:])
    return printed
