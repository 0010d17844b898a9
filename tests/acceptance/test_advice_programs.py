"""From a service in shadow mode to a compiled program that a service is served with."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.live.advised import Advised, advised, reasons, stand_in
from tests.support.machine.commands import Ended, run_apart
from torghut.adapters.endpoint.pupil import PUPIL
from torghut.client import SyncClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SPECIALIST: Final = "torghut-specialist-v1"
QUOTES: Final = 330
"""Seconds of the market: two embargoes of a minute, and something before, between and after."""
FOUND_S: Final = 60.0


def typed(made: Advised, model: str, *words: str) -> Ended:
    """Return how a command ends that asks the service's endpoint for a model."""
    variables = {**made.service.variables, "TORGHUT_REASONING_MODEL": model}
    return run_apart(made.service.folder, *words, variables=variables)


def said(ended: Ended, *, status: int = 0) -> dict[str, Any]:
    """Return what a command says."""
    assert ended.status == status, (ended.out, ended.err)
    found: dict[str, Any] = json.loads(ended.out)
    return found


def recorded(made: Advised) -> list[dict[str, Any]]:
    """Return the answers on record that cite what was asked."""
    controls: list[dict[str, Any]] = [dict(one) for one in made.exported("controls")]
    return [one for one in controls if "advice" in one]


def shadow(made: Advised, client: SyncClient) -> None:
    """Let the market go on until questions early and late in it are on record."""
    until = time.monotonic() + FOUND_S
    made.warm(client)
    while not recorded(made) and time.monotonic() < until:
        made.decide(client)
    for _ in range(QUOTES):
        assert not any(one.startswith("advice-") for one in reasons(made.decide(client)))
        time.sleep(0.02)


def test_program_that_is_compiled_from_a_shadow_is_served_and_does_better(tmp_path: Path) -> None:
    with (
        stand_in(tmp_path) as (url, _),
        advised(tmp_path, url, "--reasoning-mode", "shadow") as made,
    ):
        made.service.start()
        client = made.service.client()
        shadow(made, client)
        assert made.service.end() == 0
        first = compiled_twice(made)
        name = str(first["package"])
        judge(made, name)
        served, plain = serve(made, name)

    assert (served["program"], plain["program"]) == (first["digest"], None)
    again = made.service.typed("reasoning", "replay", "--log", str(made.service.log))
    assert again.status == 0, again.out


def compiled_twice(made: Advised) -> dict[str, Any]:
    """Compile a program twice, which is the same, and return what is said of it."""
    log = ("--log", str(made.service.log), "--json")
    compile_ = ("reasoning", "compile", *log, "--name", "committee", "--teacher", SPECIALIST)
    first, second = (said(typed(made, PUPIL, *compile_)) for _ in range(2))
    assert first["digest"] == second["digest"]
    return first


def judge(made: Advised, name: str) -> None:
    """See that a program is what it says, does better, and is for one model alone."""
    log = ("--log", str(made.service.log), "--json")
    assert said(typed(made, PUPIL, "reasoning", "verify", name, "--json"))["verified"] is True
    assert said(typed(made, PUPIL, "reasoning", "show", name, "--json"))["model"] == PUPIL
    # It is a market in which nothing was worth raising for, so no answer was a false veto.
    after = said(typed(made, PUPIL, "reasoning", "eval", name, *log), status=1)
    before = said(typed(made, PUPIL, "reasoning", "eval", *log), status=1)
    assert after["suite"] == before["suite"]
    assert (before["aligned"], after["aligned"]) == (0.0, 1.0)
    assert after["gates"]["program_veto_alignment_minimum"]["found"] == 1.0
    assert after["gates"]["program_false_veto_maximum"]["status"] == "insufficient"
    refused = typed(made, SPECIALIST, "reasoning", "eval", name, *log)
    assert refused.status == 3, refused.err
    assert "reasoning.program-invalid" in refused.err
    try_in_the_lane(made, name, str(after["evaluation"]))


def refusal(ended: Ended) -> tuple[int, str]:
    """Return the status of a command that refused, and its code."""
    return ended.status, ended.err.strip().splitlines()[-1].partition(":")[0]


def try_in_the_lane(made: Advised, name: str, evaluation: str) -> None:
    """See that the lane judges a program as it was found, and nothing promotes it past that."""
    untried = typed(made, PUPIL, "reasoning", "promote", name)
    assert refusal(untried) == (1, "ledger.candidate-unknown")
    log = ("--log", str(made.service.log))
    submit = ("reasoning", "submit", name, *log, "--json")
    missing = typed(made, PUPIL, *submit, "--evaluation", "ab" * 32)
    assert refusal(missing) == (6, "reasoning.evaluation-missing")
    assert said(typed(made, PUPIL, *submit, "--evaluation", evaluation))["submission"] == 1
    (ran,) = said(typed(made, PUPIL, "lane", "run", "--once", "--json"))["runs"]
    assert (ran["ended"]["outcome"], ran["verdict"]) == ("completed", "insufficient")
    unfit = typed(made, PUPIL, "reasoning", "promote", name)
    assert refusal(unfit) == (1, "ledger.manifest-unfit")
    listed = said(typed(made, PUPIL, "promotion", "list", "--json"))["routers"]
    assert [(one["router"], one["trials"]) for one in listed] == [("program:committee", 1)]


def serve(made: Advised, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Serve with a program; return what is recorded of it, and of the one before."""
    count = len(recorded(made))
    made.service.options = (*made.service.options, "--program", name)
    made.service.variables = {**made.service.variables, "TORGHUT_REASONING_MODEL": PUPIL}
    made.service.start()
    client = made.service.client()
    until = time.monotonic() + FOUND_S
    while len(answers := recorded(made)) == count and time.monotonic() < until:
        made.decide(client)
    assert made.service.end() == 0
    last, first = (
        said(made.service.typed("reasoning", "record", one["advice"], "--json"))
        for one in (answers[-1], answers[0])
    )
    return last, first
