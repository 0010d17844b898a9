"""``torghut decision``: what is in the log is listed, shown, explained and proven; nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.decisions.logs import COUNT, SYMBOLS, copied, write_log
from tests.support.machine.commands import Ended, installation, typed
from torghut.composition import logs
from torghut.eventlog.roots import root_of_run
from torghut.schemas.decision import Decision
from torghut.schemas.refusal import ContextRefused
from torghut.workflows.lookup.export import Exported, export

Json = dict[str, Any]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log") / "usual.log")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path):
        yield copied(template, tmp_path / "a.log")


async def _exported(path: Path, what: Exported, arm: str) -> list[Json]:
    log = logs.readable_log(path)
    try:
        return [json.loads(line) async for line in export(log, what, arm=arm)]
    finally:
        await log.close()


def exported(path: Path, what: Exported = Exported.DECISIONS, arm: str = "serving") -> list[Json]:
    """Return everything of one kind that is in a log, oldest first."""
    return asyncio.run(_exported(path, what, arm))


async def _root(path: Path, arm: str) -> str:
    log = logs.writable_log(path)
    try:
        return await root_of_run(log, arm=arm)
    finally:
        await log.close()


def decision(verb: str, log: Path, *arguments: str) -> Ended:
    return typed("decision", verb, "--log", str(log), *arguments)


def test_list_shows_the_last_ones_the_newest_last(log: Path) -> None:
    ended = decision("list", log, "--last", "7", "--json")

    assert ended.status == 0
    assert ended.json["decisions"] == exported(log)[-7:]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--symbol", SYMBOLS[0]), lambda one: one["symbol"] == SYMBOLS[0]),
        (("--intent", "buy"), lambda one: one["intent"] == "buy"),
        (
            ("--intent", "abstain", "--symbol", SYMBOLS[1]),
            lambda one: (one["intent"], one["symbol"]) == ("abstain", SYMBOLS[1]),
        ),
        (
            ("--from", "2014-05-13T18:00:00Z", "--to", "2014-05-13T18:10:00.5Z"),
            lambda one: 1_400_004_000 <= int(one["receive_ns"]) / 1e9 <= 1_400_004_600.5,
        ),
        (("--to", "2014-05-13"), lambda one: int(one["receive_ns"]) < 1_400_025_600 * 10**9),
        (("--from", "2030-01-01"), lambda _: False),
    ],
)
def test_list_shows_what_was_asked_for(log: Path, options: tuple[str, ...], wanted: Any) -> None:  # noqa: ANN401
    ended = decision("list", log, "--last", str(COUNT), "--json", *options)

    assert ended.json["decisions"] == [one for one in exported(log) if wanted(one)]


def test_list_says_when_there_is_nothing(log: Path) -> None:
    ended = decision("list", log, "--symbol", "fxcm:GBPUSD")

    assert (ended.status, ended.out) == (
        0,
        "none: a decision of arm serving about fxcm:GBPUSD\n",
    )


def test_every_listed_decision_is_shown_by_its_id_and_its_context(log: Path) -> None:
    for one in exported(log)[::97]:
        assert decision("show", log, one["decision_id"], "--json").json == one
        assert decision("show", log, one["context_id"], "--json").json == one
        Decision.model_validate_json(json.dumps(one))


def test_shadow_decision_is_shown_by_its_own_id(log: Path) -> None:
    one = exported(log, arm="router")[-1]

    assert decision("show", log, one["decision_id"], "--json").json == one
    assert decision("show", log, "--last", "--arm", "router", "--json").json == one
    assert "/router/" in one["decision_id"]
    other_run = one["decision_id"][:-1] + ("0" if one["decision_id"][-1] != "0" else "1")
    assert decision("show", log, other_run).status == 1


def test_show_prints_the_whole_decision_for_people(log: Path) -> None:
    one = exported(log)[-1]

    ended = decision("show", log, "--last")

    assert ended.status == 0
    assert one["decision_id"] in ended.out
    assert all(gate["id"] in ended.out for gate in one["gates"])
    assert all(reason in ended.out for reason in one["reasons"])
    assert one["lineage"]["digest"] in ended.out


def test_newest_by_a_time_is_the_last_one_made_by_then(log: Path) -> None:
    of_symbol = [one for one in exported(log) if one["symbol"] == SYMBOLS[0]]
    before, after = of_symbol[100], of_symbol[101]
    between = f"2014-05-13T{_clock(int(after['receive_ns']) - 1)}Z"

    found = decision("show", log, "--symbol", SYMBOLS[0], "--at", between, "--json")

    assert found.json == before
    earlier = decision("show", log, "--symbol", SYMBOLS[0], "--at", "2014-05-01", "--json")
    assert earlier.status == 1


def _clock(time_ns: int) -> str:
    """Return the time of day, to the nanosecond."""
    seconds, rest = divmod(time_ns, 10**9)
    minutes, second = divmod(seconds % 86_400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}.{rest:09}"


def test_why_names_what_bound_and_the_way_there(log: Path) -> None:
    bound = 0
    for one in exported(log)[::61]:
        why = decision("why", log, one["decision_id"], "--json").json["why"]
        assert why["reproduced"]
        assert why["intent"] == one["intent"]
        assert why["target"] == one["target_position"]
        assert [gate["id"] for gate in why["gates"]] == [gate["id"] for gate in one["gates"]]
        assert [reason["code"] for reason in why["reasons"]] == one["reasons"]
        for cause in why["bound"]:
            assert len(cause["causes"]) == len(cause["flips"])
            assert cause["instead"] != why["target"]
            bound += 1
    assert bound > 5


def test_why_of_a_warming_symbol_says_how_many_samples_are_missing(log: Path) -> None:
    first = exported(log)[5]

    ended = decision("why", log, first["decision_id"])

    assert "< 240 samples: would pass at >= 240;" in ended.out
    assert "more samples, after" in ended.out
    assert "warming-up: too few samples yet" in ended.out


def test_why_of_a_refused_context_is_the_rule_it_broke(log: Path) -> None:
    crossed = [
        one for one in exported(log, Exported.REFUSALS) if one.get("code") == "market.crossed-book"
    ][3]

    people = decision("why", log, crossed["context_id"])
    machines = decision("why", log, crossed["context_id"], "--json").json

    assert people.status == 0
    assert "the bid must not be above the ask" in people.out
    assert machines["outcome"] == crossed
    ContextRefused.model_validate_json(json.dumps(machines["outcome"]))
    bid, ask = machines["why"]["found"]
    assert float(bid.removeprefix("bid ")) > float(ask.removeprefix("ask "))
    assert decision("show", log, crossed["context_id"], "--json").json == crossed


def test_proof_of_a_refused_context_is_refused(log: Path, tmp_path: Path) -> None:
    refused = exported(log, Exported.REFUSALS)[1]

    ended = decision("prove", log, refused["context_id"], "--out", str(tmp_path / "p.json"))

    assert ended.status == 1
    assert "lookup.context-refused" in ended.err
    assert not (tmp_path / "p.json").exists()


@pytest.mark.parametrize("arm", ["serving", "router"])
def test_proof_verifies_without_the_log(log: Path, tmp_path: Path, arm: str) -> None:
    one = exported(log, arm=arm)[len(exported(log)) // 2]
    proof = tmp_path / "p.json"
    root = asyncio.run(_root(log, arm))

    made = decision("prove", log, one["decision_id"], "--out", str(proof), "--json")
    log.unlink()

    assert made.json["run_root"] == root
    alone = typed("decision", "verify", str(proof))
    assert (alone.status, alone.out.count("✓"), alone.out.count("✗")) == (6, 7, 0)
    anchored = typed("decision", "verify", str(proof), "--root", root)
    assert (anchored.status, anchored.out.count("✓"), anchored.out.count("✗")) == (0, 8, 0)
    assert "not checked:" in anchored.out
    assert one["decision_id"] in anchored.out
    other = typed("decision", "verify", str(proof), "--root", "0" * 64)
    assert other.status == 5
    assert "✗ root" in other.out


def test_altered_proof_ends_with_4(log: Path, tmp_path: Path) -> None:
    proof = tmp_path / "p.json"
    decision("prove", log, "--last", "--out", str(proof))
    body = bytearray(proof.read_bytes())
    body[len(body) // 2] ^= 1
    proof.write_bytes(body)

    ended = typed("decision", "verify", str(proof), "--json")

    assert ended.status == 4
    assert not ended.json["sound"]


def test_missing_proof_ends_with_7(tmp_path: Path) -> None:
    assert typed("decision", "verify", str(tmp_path / "none.json")).status == 7


def test_unknown_decision_is_a_no(log: Path) -> None:
    ended = decision("show", log, f"{'0' * 32}:{SYMBOLS[0]}:quote:1")

    assert ended.status == 1
    assert "lookup.decision-unknown" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("not-an-id",),
        (f"{'0' * 32}:{SYMBOLS[0]}:candle:1",),
        ("--last", "--at", "2014-05-13", "--symbol", SYMBOLS[0]),
        ("--at", "2014-05-13"),
        ("--at", "2014-05-13T12:00:00", "--symbol", SYMBOLS[0]),
        ("--at", "yesterday", "--symbol", SYMBOLS[0]),
        (f"{'0' * 32}:{SYMBOLS[0]}:quote:1", "--last"),
        (f"{'0' * 32}:{SYMBOLS[0]}:quote:1", "--symbol", SYMBOLS[0]),
    ],
)
def test_what_names_no_decision_is_a_usage_error(log: Path, arguments: tuple[str, ...]) -> None:
    assert decision("why", log, *arguments).status == 2


def test_no_log_is_an_integrity_error(log: Path) -> None:
    log.unlink()
    Path(f"{log}.heads").unlink()

    assert decision("list", log).status == 4
