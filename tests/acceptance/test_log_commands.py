"""``torghut log``: counts are to the unit, damage is said, and what is written out can be used."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.decisions.declared import ROOT
from tests.support.decisions.logs import COUNT, SYMBOLS, copied, flipped, places_of, write_log
from tests.support.machine.commands import Ended, installation, typed
from torghut.composition import logs
from torghut.eventlog.roots import root_of_run
from torghut.schemas.control import CONTROL_RECORD

Json = dict[str, Any]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log") / "usual.log")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path):
        yield copied(template, tmp_path / "a.log")


def logged(verb: str, log: Path, *arguments: str) -> Ended:
    return typed("log", verb, "--log", str(log), *arguments)


def exported(log: Path, what: str, *arguments: str) -> list[Json]:
    """Return what ``log export`` writes."""
    ended = logged("export", log, "--what", what, *arguments)
    assert ended.status == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


async def _root(path: Path) -> str:
    log = logs.writable_log(path)
    try:
        return await root_of_run(log)
    finally:
        await log.close()


def test_counts_are_to_the_unit(log: Path) -> None:
    found = logged("stats", log, "--json").json

    decisions, refusals = exported(log, "decisions"), exported(log, "refusals")
    assert found["contexts"] == COUNT + 1
    assert found["decisions"] == len(decisions)
    assert found["quarantined"] == len(refusals) == COUNT + 1 - len(decisions)
    assert found["control_records"] == 4
    assert found["undecodable"] == 1
    assert found["refusals"] == dict(Counter(one["code"] for one in refusals))
    for symbol in SYMBOLS:
        own = [one for one in decisions if one["symbol"] == symbol]
        stats = found["symbols"][symbol]
        assert stats["decisions"] == len(own)
        assert stats["contexts"] == len(own) + sum(stats["refusals"].values())
        intents = Counter(one["intent"] for one in own)
        assert {name: count for name, count in stats["intents"].items() if count} == intents
        assert (stats["first_ns"], stats["last_ns"]) == (
            own[0]["receive_ns"],
            own[-1]["receive_ns"],
        )
    assert found["shadows"] == {"router": len(decisions)}
    assert found["root"] == asyncio.run(_root(log))


def test_stats_for_people_name_root_symbols_and_codes(log: Path) -> None:
    found = logged("stats", log, "--json").json

    ended = logged("stats", log)

    for text in (found["root"], *SYMBOLS, *found["refusals"]):
        assert text in ended.out


def test_head_is_what_verify_expects(log: Path) -> None:
    head = logged("head", log).out.strip()

    alone = logged("verify", log)
    anchored = logged("verify", log, "--expect", head)

    assert (alone.status, anchored.status) == (0, 0)
    assert "tail not anchored" in alone.out
    assert "tail anchored" in anchored.out
    found = logged("verify", log, "--expect", head, "--json").json
    assert found["intact"]
    assert found["heads"][0]["text"] == head
    assert found["blocks"] == logged("stats", log, "--json").json["blocks"]


def test_head_that_is_not_in_the_chain_disagrees(log: Path) -> None:
    number, digest = logged("head", log).out.strip().split(":")

    for head in (f"{number}:{'0' * 64}", f"{int(number) + 5}:{digest}", f"0:{digest}"):
        ended = logged("verify", log, "--expect", head, "--json")
        assert (ended.status, ended.json["exit_code"], ended.json["findings_total"]) == (5, 5, 1)


def test_malformed_head_is_a_usage_error(log: Path) -> None:
    assert logged("verify", log, "--expect", "latest").status == 2


def test_flipped_byte_of_a_row_is_found_by_everything_that_reads_it(log: Path) -> None:
    row = exported(log, "decisions")[200]
    key = int(row["receive_ns"]).to_bytes(8, "little")
    place = next(places_of(log, key))
    flipped(log, place + 3)

    ended = logged("verify", log)

    assert ended.status == 4
    assert "altered" in ended.out
    assert logged("stats", log).status == 4
    assert logged("export", log, "--what", "decisions").status == 4
    assert typed("decision", "show", "--log", str(log), row["decision_id"]).status == 4
    assert typed("replay", "--verify", "--log", str(log)).status == 4


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
def test_flipped_byte_anywhere_ends_with_4(log: Path, share: float) -> None:
    content = log.read_bytes()
    used = next(place for place in range(int(len(content) * share), len(content)) if content[place])
    flipped(log, used)

    assert logged("verify", log).status == 4


def test_damage_outweighs_a_head_that_is_not_there(log: Path) -> None:
    row = exported(log, "decisions")[10]
    flipped(log, next(places_of(log, int(row["receive_ns"]).to_bytes(8, "little"))))

    assert logged("verify", log, "--expect", f"0:{'0' * 64}").status == 4


@pytest.mark.parametrize(
    ("what", "schemas"),
    [
        ("decisions", ("decisions/decided.v1",)),
        ("refusals", ("market/context-refused.v1", "market/record-quarantined.v1")),
    ],
)
def test_exported_lines_are_as_their_schemas_say(
    log: Path, what: str, schemas: tuple[str, ...]
) -> None:
    files = [ROOT / "schemas" / "events" / f"{name}.json" for name in schemas]
    checks = [jsonschema.Draft202012Validator(json.loads(file.read_text())) for file in files]

    lines = exported(log, what)

    assert lines
    for line in lines[::7] + lines[:5]:
        assert any(check.is_valid(line) for check in checks), line


def test_exported_controls_can_be_given_again(log: Path) -> None:
    lines = exported(log, "controls")

    records = [CONTROL_RECORD.validate_python(line) for line in lines]
    assert [record.control_id for record in records] == ["m1", "l1", "s1", "s2"]


def test_exported_blocks_are_chained(log: Path) -> None:
    blocks = exported(log, "blocks")

    assert blocks[0]["previous"] == "0" * 64
    for before, after in pairwise(blocks):
        assert after["previous"] == before["digest"]
    rows = sum(block["decisions"]["serving"] for block in blocks)
    assert rows == len(exported(log, "decisions"))
    assert blocks[0]["header"]["genesis"]["shadow_router"] is True


def test_export_goes_into_a_file_too(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "d.jsonl"

    ended = logged("export", log, "--what", "decisions", "--out", str(out))

    assert ended.status == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == exported(log, "decisions")


def test_shadow_decisions_are_exported_under_their_own_ids(log: Path) -> None:
    lines = exported(log, "decisions", "--arm", "router")

    assert len(lines) == len(exported(log, "decisions"))
    assert all("/router/" in line["decision_id"] for line in lines)


def _cut(log: Path) -> None:
    """Take the last block out of a log, as if its tail had been lost."""
    with sqlite3.connect(log) as database:
        database.execute("DELETE FROM blocks WHERE place = (SELECT max(place) FROM blocks)")
        database.execute("DELETE FROM snapshots")
    database.close()


def test_lost_tail_is_refused_until_it_is_accepted_on_the_record(log: Path) -> None:
    before = logged("stats", log, "--json").json["blocks"]
    sealed = logged("verify", log, "--json").json["events"]
    _cut(log)

    refused = logged("stats", log)
    found = logged("verify", log)
    accepted = logged("accept-truncation", log, "--reason", "disk replaced", "--json")

    assert refused.status == 4
    assert "eventlog.truncated" in refused.err
    assert found.status == 4
    assert "truncated" in found.out
    assert accepted.status == 0
    assert accepted.json["accepted"]
    assert logged("stats", log, "--json").json["blocks"] == before - 1
    assert logged("verify", log, "--json").json["events"] == sealed + 1


def test_nothing_is_accepted_where_nothing_is_missing(log: Path) -> None:
    before = logged("verify", log, "--json").json["events"]

    ended = logged("accept-truncation", log, "--reason", "just in case")

    assert ended.status == 1
    assert "nothing is missing" in ended.out
    assert logged("verify", log, "--json").json["events"] == before
