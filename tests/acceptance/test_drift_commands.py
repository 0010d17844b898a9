"""``torghut drift``: what the commands say of a log, and how they end."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import ROOT, shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import SYMBOLS, contexts, copied, flipped, places_of, write_log
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS
from tests.support.governance.governing import drift_policy
from tests.support.machine.commands import Ended, installation, typed
from torghut.adapters.sqlite.store import open_log
from torghut.composition import governing
from torghut.schemas.codes import Stream
from torghut.schemas.declarations.safety import DRIFT_CODES
from torghut.schemas.governing.drift import DriftVerdict
from torghut.schemas.types import message_digest
from torghut.workflows.decision_loop import Run, run_loop
from torghut.workflows.opening import Setup, open_fold

PAGE: Final = ROOT / "docs" / "how-to" / "read-drift.md"
COMMAND: Final = re.compile(r"^\$ torghut (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("drift") / "usual.log")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of quotes that rise, too short for a confidence to be judged."""
    path = tmp_path_factory.mktemp("drift") / "quiet.log"

    async def write() -> None:
        log = open_log(path, clock=HandClock(), ids=CountingIds())
        packages = {"fx-intraday": eager_package()}
        setup = Setup(kernel=compiled(), declarations=shipped(), packages=packages)
        opened = await open_fold(log, setup)
        rows = contexts(2400)
        rows = rows[(rows["stream"] == Stream.QUOTE) & (rows["ask"] >= rows["bid"])]
        rows["receive_ns"] = rows["receive_ns"][0] + np.arange(len(rows)) * 20 * SECOND_NS
        rows["event_ns"] = rows["receive_ns"]
        growth = np.exp(np.linspace(0.0, 0.05, len(rows)))
        rows["bid"], rows["ask"] = rows["bid"] * growth, rows["ask"] * growth
        await run_loop(
            Run(source=ArraySource(rows=rows, symbols=SYMBOLS), log=log, fold=opened.fold)
        )
        await log.close()

    asyncio.run(write())
    return path


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path):
        yield copied(template, tmp_path / "FILE")


def asked(verb: str, log: Path, *arguments: str) -> Ended:
    return typed("drift", verb, "--log", str(log), *arguments)


def test_every_check_has_its_line_and_drift_ends_with_1(log: Path) -> None:
    ended = asked("check", log)

    assert (ended.status, ended.err) == (1, "")
    assert ended.out.startswith("verdict  drifted\n")
    for code in DRIFT_CODES:
        assert f" {code} " in ended.out
    assert "not-applicable" in ended.out
    assert "feature_distribution_alarm_ratio" in ended.out


def test_json_is_the_verdict_that_the_schema_describes(log: Path) -> None:
    found = asked("check", log, "--json").json

    verdict = DriftVerdict.model_validate(found["verdict"])
    assert (found["exit_code"], verdict.status) == (1, "drifted")
    assert found["decisions"] > 1000
    assert [one["partition"] for one in found["heads"]] == [0]
    names = {one["name"] for one in found["observations"]}
    assert names == {
        "feature_distribution_alarm_ratio",
        "calibration_spiegelhalter_z",
        "calibration_expected_error",
    }


def test_why_names_what_drifted_and_where_it_would_not(log: Path) -> None:
    ended = asked("why", log)

    assert ended.status == 1
    assert "hangs on  data_schema_mismatch_detected: 1, n 1,201; stable at <= 0" in ended.out
    assert "drift_measurement" not in ended.out, "drift outranks what was not measured"


def test_json_of_why_is_what_it_hangs_on(log: Path) -> None:
    found = asked("why", log, "--json").json

    assert found["status"] == "drifted"
    assert {one["status"] for one in found["hangs_on"]} == {"drifted"}


@pytest.mark.usefixtures("log")
def test_what_was_not_measured_ends_with_6_and_is_named(quiet: Path, tmp_path: Path) -> None:
    own = copied(quiet, tmp_path / "quiet.log")
    checked, why = asked("check", own), asked("why", own)

    assert (checked.status, why.status) == (6, 6), checked.out
    assert "verdict  unhealthy" in checked.out
    assert "unmeasured (drift_measurement_" in checked.out
    assert "hangs on  model_calibration_error_exceeded: drift_measurement_" in why.out


@pytest.mark.usefixtures("log")
def test_stable_ends_with_0_and_names_the_check_nearest_to_its_limit(
    quiet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _judge_on_one_sample(monkeypatch)
    own = copied(quiet, tmp_path / "quiet.log")

    checked, why = asked("check", own), asked("why", own)

    assert (checked.status, why.status) == (0, 0), checked.out
    assert "verdict   stable" in why.out
    assert "the nearest to its limit" in why.out


def _judge_on_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a policy hold that is content with one sample."""
    policies = governing.governing_policies()
    stated = policies.drift.model_dump()
    for check in stated["checks"]:
        check["samples_min"] = 1
    changed = type(policies.drift).model_validate(stated)
    monkeypatch.setattr(
        "torghut.composition.governing.governing_policies",
        lambda: replace(policies, drift=changed),
    )


def test_window_holds_a_part(log: Path) -> None:
    whole = asked("check", log, "--json").json
    last_ns = int(whole["last_ns"])
    times = ["2014-05-13T16:53:20Z", "2014-05-13T19:00:00Z"]

    part = asked("check", log, "--from", times[0], "--to", times[1], "--json").json

    assert 0 < part["decisions"] < whole["decisions"]
    assert int(part["last_ns"]) < last_ns


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "yesterday"),
        ("--from", "2014-05-06", "--to", "2014-05-05"),
        ("--to", "2014-13-01"),
        ("--what",),
    ],
    ids=" ".join,
)
def test_window_that_makes_no_sense_is_wrong_usage(log: Path, arguments: tuple[str, ...]) -> None:
    for verb in ("check", "why"):
        assert asked(verb, log, *arguments).status == 2


def test_log_that_is_not_there_is_said(log: Path) -> None:
    ended = asked("check", log.with_name("none.log"))

    assert ended.status != 0
    assert ended.err.startswith("eventlog.")


@pytest.mark.parametrize("verb", ["check", "why"])
def test_flipped_byte_of_a_row_is_damage_and_never_a_verdict(log: Path, verb: str) -> None:
    written = typed("log", "export", "--log", str(log), "--what", "decisions").out
    row = json.loads(written.splitlines()[200])
    flipped(log, next(places_of(log, int(row["receive_ns"]).to_bytes(8, "little"))))

    ended = asked(verb, log)

    assert ended.status == 4
    assert ended.err.startswith("eventlog.")
    assert "verdict" not in ended.out


def test_file_that_is_no_log_is_said(log: Path) -> None:
    log.write_bytes(b"no log" * 1000)

    ended = asked("check", log)

    assert ended.status in {4, 7}
    assert ended.err.startswith("eventlog.")


def test_verdict_cites_the_shipped_policy(log: Path) -> None:
    assert asked("check", log, "--json").json["verdict"]["policy"] == message_digest(drift_policy())


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("command", COMMAND.findall(PAGE.read_text(encoding="utf-8")))
def test_every_command_of_the_page_runs(command: str) -> None:
    ended = typed(*shlex.split(command))

    assert ended.status in {0, 1, 6}, ended.err
    assert ended.err == ""
