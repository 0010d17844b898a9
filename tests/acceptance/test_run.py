"""``torghut run``: resumed, begun anew, told to stop, given controls: always the same root."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.machine.commands import Ended, prices, started, typed
from torghut.composition import logs
from torghut.schemas.codes import Mode
from torghut.schemas.rows import DECISION

_HALF = "2014-05-05T12:20:00Z"
_NONE = "0" * 64


@pytest.fixture
def uri(folder: Path) -> str:
    return prices(folder / "prices.csv", crossed=(30, 31, 200))


def run(*arguments: str) -> Ended:
    return typed("run", "--no-report", "--json", *arguments)


async def _arms(path: Path) -> dict[str, np.ndarray]:
    log = logs.readable_log(path)
    try:
        rows: dict[str, bytes] = {}
        async for block in log.blocks(0):
            for name, arm in block.arms.items():
                rows[name] = rows.get(name, b"") + arm.rows
    finally:
        await log.close()
    return {name: np.frombuffer(body, DECISION) for name, body in rows.items()}


def arms(path: Path) -> dict[str, np.ndarray]:
    """Return the decisions of each arm in a log."""
    return asyncio.run(_arms(path))


def test_every_context_has_one_outcome(uri: str) -> None:
    ended = run("--source", uri)

    assert ended.status == 0
    assert ended.json["contexts"] == 240
    assert ended.json["refused"] == 3
    assert ended.json["decided"] == 237


def test_log_is_named_after_the_source_below_the_artifact_folder(folder: Path, uri: str) -> None:
    log = Path(run("--source", uri).json["log"])

    assert log.parent == folder / "var" / "logs"
    assert re.fullmatch(r"prices-csv-[0-9a-f]{8}\.log", log.name)


def test_resumed_run_has_the_root_of_one_go(folder: Path, uri: str) -> None:
    whole = run("--source", uri, "--log", str(folder / "whole.log")).json
    first = run("--source", uri, "--log", str(folder / "cut.log"), "--to", _HALF, "--batch", "7")
    second = run("--source", uri, "--log", str(folder / "cut.log"), "--batch", "50").json

    assert 0 < first.json["contexts"] < 240
    assert second["contexts_before"] == first.json["contexts"]
    assert second["contexts"] == 240
    assert second["root"] == whole["root"]


def test_resuming_is_said(folder: Path, uri: str) -> None:
    typed("run", "--source", uri, "--log", str(folder / "a.log"), "--to", _HALF, "--no-report")
    ended = typed("run", "--source", uri, "--log", str(folder / "a.log"), "--no-report")

    assert ended.out.startswith("resuming after 120 contexts\n")
    assert "torghut replay --verify --log a.log" in ended.out


def test_finished_run_again_decides_nothing_and_says_so(uri: str) -> None:
    first = run("--source", uri).json
    ended = typed("run", "--source", uri, "--no-report")
    again = run("--source", uri).json

    assert "nothing new" in ended.out
    assert (again["root"], again["blocks"]) == (first["root"], first["blocks"])


def test_fresh_sets_the_old_log_aside_and_begins_anew(uri: str) -> None:
    first = run("--source", uri, "--to", _HALF).json
    second = run("--source", uri, "--fresh").json
    aside = Path(second["set_aside"])

    assert second["contexts_before"] == 0
    assert second["contexts"] == 240
    assert aside.name.startswith(Path(first["log"]).name)
    assert aside.with_name(aside.name + ".heads").is_file()
    assert len(arms(aside)["serving"]) == first["decided"]


def test_fresh_without_a_log_sets_nothing_aside(uri: str) -> None:
    assert run("--source", uri, "--fresh").json["set_aside"] is None


def test_log_of_another_source_is_refused(folder: Path, uri: str) -> None:
    other = prices(folder / "other.csv", count=100)
    run("--source", uri, "--log", "a.log")

    ended = run("--source", other, "--log", "a.log")

    assert ended.status == 5
    last = ended.err.splitlines()[-1]
    assert last.startswith("run.source-differs: ")


def test_finite_speed_decides_the_same(folder: Path, uri: str) -> None:
    fast = run("--source", uri, "--log", str(folder / "fast.log")).json
    played = run("--source", uri, "--log", str(folder / "played.log"), "--speed", "1000000x").json

    assert played["root"] == fast["root"]
    assert played["contexts"] == fast["contexts"]


def test_page_is_written_beside_the_log_unless_unwanted(folder: Path, uri: str) -> None:
    ended = typed("run", "--source", uri, "--log", str(folder / "a.log"), "--json")

    assert Path(ended.json["page"]) == folder / "a.log.html"
    assert (folder / "a.log.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert ended.json["summary"]["decided"] == 237
    assert run("--source", uri, "--log", str(folder / "b.log")).json["page"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--speed", "0x"), "expected max, 1x or Nx"),
        (("--speed", "fast"), "expected max, 1x or Nx"),
        (("--from", "yesterday"), "expected a day"),
        (("--to", "2014-05-05T12:00:00"), "a time with its zone"),
        (("--batch", "0"), "--batch"),
        (("--package", "fx-intraday"), "artifacts.reference-malformed"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_written(
    folder: Path, uri: str, arguments: tuple[str, str], said: str
) -> None:
    ended = run("--source", uri, *arguments)

    assert ended.status == 2
    assert said in ended.err
    assert not (folder / "var").exists()


def test_package_that_is_not_here_is_refused(uri: str) -> None:
    ended = run("--source", uri, "--package", "fx-intraday@0123456789ab")

    assert ended.status == 4
    assert "artifacts.package-missing" in ended.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "expected one JSON object"),
        ('{"kind": "lag-begin", "kind": "lag-end", "control_id": "b"}', "expected one JSON object"),
        ('{"kind": "lag-begin"}', "control_id"),
        ('{"kind": "lag-begin", "control_id": "b", "reason": "r"}', "Extra inputs"),
        ('{"kind": "hurry", "control_id": "b"}', "kind"),
        ("x" * 70_000, "expected at most 65536 bytes, found more"),
        (
            '{"kind": "limits-allotted", "control_id": "b", "allotment": "5"}',
            "allotment",
        ),
    ],
)
def test_control_line_is_refused_with_its_number(
    folder: Path, uri: str, line: str, said: str
) -> None:
    file = folder / "controls.jsonl"
    file.write_text(f'{{"kind": "lag-end", "control_id": "a"}}\n\n{line}\n', encoding="utf-8")

    ended = run("--source", uri, "--control", str(file))

    assert ended.status == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith("run.control-malformed: controls.jsonl, line 3: expected ")
    assert said in ended.err
    assert not (folder / "var").exists()


REFUSED = [
    ('{"kind": "lag-begin", "control_id": "a"}', "control.id-taken", "a new id"),
    (
        '{"kind": "lag-begin", "control_id": "b", "symbol": "fxcm:EURGBP"}',
        "control.symbol-undeclared",
        "found fxcm:EURGBP; correct it, or declare it in streams/instruments",
    ),
    (
        f'{{"kind": "package-changed", "control_id": "b", "router": "r", "package": "{_NONE}"}}',
        "control.package-unknown",
        f"found {_NONE}; put the package under router/baselines",
    ),
    (
        f'{{"kind": "declarations-changed", "control_id": "b", "declarations": "{_NONE}"}}',
        "control.declarations-unknown",
        f"found {_NONE}; correct the digest",
    ),
]


@pytest.mark.parametrize(("line", "code", "said"), REFUSED)
def test_control_record_that_cannot_hold_is_refused_with_its_line_its_code_and_what_to_do(
    folder: Path, uri: str, line: str, code: str, said: str
) -> None:
    file = folder / "controls.jsonl"
    file.write_text(f'{{"kind": "lag-end", "control_id": "a"}}\n\n{line}\n', encoding="utf-8")

    ended = run("--source", uri, "--control", str(file))

    assert ended.status == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith(f"run.control-refused: controls.jsonl, line 3: {code}: expected ")
    assert said in ended.err
    assert not (folder / "var").exists()


def test_refused_control_record_leaves_a_log_as_it_is(folder: Path, uri: str) -> None:
    log, file = folder / "a.log", folder / "controls.jsonl"
    run("--source", uri, "--log", str(log), "--to", _HALF)
    file.write_text(REFUSED[1][0], encoding="utf-8")
    before = arms(log)["serving"].tobytes()

    ended = [
        run("--source", uri, "--log", str(log), "--control", str(file), *fresh)
        for fresh in ([], ["--fresh"])
    ]

    assert [one.status for one in ended] == [2, 2]
    assert all("control.symbol-undeclared" in one.err for one in ended)
    assert arms(log)["serving"].tobytes() == before


def test_control_records_are_taken_once(folder: Path, uri: str) -> None:
    record = {"kind": "stop", "control_id": "s", "state": "stopped", "reason": "a test"}
    (folder / "c.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")

    first = run("--source", uri, "--to", _HALF, "--control", "c.jsonl").json
    second = run("--source", uri, "--control", "c.jsonl").json

    assert first["control_records"] == 1
    assert (second["control_records"], second["control_records_taken_before"]) == (1, 1)


def test_mode_is_put_in_force_once(folder: Path, uri: str) -> None:
    log = folder / "a.log"
    first = run("--source", uri, "--log", str(log), "--to", _HALF, "--mode", "shadow").json
    second = run("--source", uri, "--log", str(log), "--mode", "shadow").json

    assert first["control_records"] > 0
    assert second["control_records"] == first["control_records"]
    assert set(arms(log)["serving"]["mode"].tolist()) == {Mode.SHADOW}


def test_mode_in_force_already_makes_no_record(uri: str) -> None:
    assert run("--source", uri, "--mode", "paper").json["control_records"] == 0


def test_shadow_router_is_decided_beside_static_weights(folder: Path, uri: str) -> None:
    static = run("--source", uri, "--log", "static.log", "--router-mode", "static").json
    shadow = run("--source", uri, "--log", "shadow.log", "--router-mode", "shadow").json
    served = arms(folder / "shadow.log")

    assert set(served) == {"serving", "router"}
    assert len(served["router"]) == len(served["serving"]) == shadow["decided"]
    assert (
        served["serving"]["weights"].tolist()
        == arms(folder / "static.log")["serving"]["weights"].tolist()
    )
    assert static["contexts"] == shadow["contexts"]


def test_shadow_router_cannot_be_added_later(uri: str) -> None:
    run("--source", uri, "--to", _HALF)

    ended = run("--source", uri, "--router-mode", "shadow")

    assert ended.status == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith("run.shadow-arm-missing: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 6)],
)
def test_signal_ends_behind_a_block_and_the_run_can_be_resumed(
    folder: Path, uri: str, number: signal.Signals, status: int
) -> None:
    log = folder / "a.log"
    heads = folder / "a.log.heads"
    playing = started(
        folder, "run", "--source", uri, "--log", str(log), "--no-report", "--speed", "300x"
    )
    while playing.poll() is None and not (
        heads.exists() and len(heads.read_text().split("\n")) > 4
    ):
        time.sleep(0.01)
    playing.send_signal(number)
    out, err = playing.communicate(timeout=30)

    assert playing.returncode == status, err
    assert "nothing is lost" in out
    command = f"torghut run --source '{uri}' --log a.log --no-report --speed 300x"
    assert command in out
    resumed = run("--source", uri, "--log", str(log)).json
    assert 0 < resumed["contexts_before"] < 240
    assert resumed["root"] == run("--source", uri, "--log", str(folder / "b.log")).json["root"]
