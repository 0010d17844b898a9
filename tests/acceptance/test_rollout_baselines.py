"""Baselines by their commands: captured, frozen, compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.logs import copied, write_log
from tests.support.governance.rolling import COMMIT
from tests.support.machine.commands import installation, prices, typed
from torghut.kernel.digests import sha256_hex
from torghut.settings import COMMIT as VARIABLE

DOMAINS: Final = {"market", "news", "fundamentals"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log that was decided once for all tests."""
    return write_log(tmp_path_factory.mktemp("log") / "eager.log")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    """Work in a folder that has a log."""
    monkeypatch.setenv(VARIABLE, COMMIT)
    with installation(monkeypatch, tmp_path) as folder:
        copied(template, folder / "eager.log")
        yield folder


def capture(name: str = "week-1", log: str = "eager.log") -> str:
    """Capture a baseline and return its reference."""
    return str(
        typed("baseline", "capture", "--log", log, "--out", name, "--json").json["reference"]
    )


def test_snapshot_current_decision_quality_drawdown_profile_fallback_rates_and_market_context_freshness(  # noqa: E501
    here: Path,
) -> None:
    ended = typed("baseline", "capture", "--log", "eager.log", "--out", "week-1", "--json")
    found = ended.json["baseline"]
    totals = typed("log", "stats", "--log", "eager.log", "--json").json

    assert ended.status == 0, ended.err
    assert found["log"]["root"] == totals["root"]
    assert found["log"]["heads"][0]["digest"] == totals["heads"][0]["digest"]
    assert (found["contexts"], found["decided"]) == (totals["contexts"], totals["decisions"])
    assert found["commit"] == COMMIT
    for symbol in found["symbols"]:
        assert symbol["hit_ratio"]["status"] == symbol["brier"]["status"] == "measured"
        assert 0 <= symbol["brier"]["value"] <= 1
        assert symbol["drawdown"] >= symbol["drawdown_profile"]["p95"] >= 0
    assert found["fallback"]["router"]["status"] == "measured"
    assert found["fallback"]["reasoning"]["status"] == "not-applicable"
    assert {one["domain"] for one in found["freshness"]} == DOMAINS
    market = next(one for one in found["freshness"] if one["domain"] == "market")
    assert market["stale_ratio"]["status"] == "measured"
    assert here.joinpath("var", ended.json["path"]).is_file()


def test_figures_are_those_of_the_run_report(here: Path) -> None:
    uri = prices(here / "prices.csv")
    ran = typed("run", "--source", uri, "--log", "a.log", "--json")
    reported = {one["symbol"]: one["serving"] for one in ran.json["summary"]["symbols"]}

    found = typed("baseline", "capture", "--log", "a.log", "--out", "a", "--json").json["baseline"]

    assert {one["symbol"] for one in found["symbols"]} == set(reported)
    for one in found["symbols"]:
        assert one["net_gain"] == reported[one["symbol"]]["gain"]
        assert one["drawdown"] == reported[one["symbol"]]["drawdown"]


def test_freeze_baseline_artifact_references_for_comparison(here: Path) -> None:
    reference = capture()
    path = here / "var" / "baselines" / f"{reference}.json"
    body = path.read_bytes()

    assert reference == f"week-1@{sha256_hex(body)[:12]}"
    assert capture() == reference
    assert path.read_bytes() == body

    path.write_bytes(body.replace(b'"brier"', b'"breer"', 1))
    taken = typed("baseline", "capture", "--log", "eager.log", "--out", "week-1")
    compared = typed("baseline", "diff", reference, "--log", "eager.log")

    assert (taken.status, taken.err.split(":")[0]) == (4, "artifacts.exists")
    assert (compared.status, compared.err.split(":")[0]) == (4, "baselines.altered")
    assert path.read_bytes() != body


def test_baseline_compared_with_its_own_log_is_within(here: Path) -> None:
    ended = typed("baseline", "diff", capture(), "--log", "eager.log", "--json")

    assert ended.status == 0, ended.err
    assert ended.json["exceeded"] == 0
    assert {one["change"] for one in ended.json["figures"]} <= {0, None}
    assert here.is_dir()


def test_what_got_worse_ends_with_status_one(here: Path) -> None:
    good = capture()
    path = here / "var" / "baselines" / f"{good}.json"
    changed = json.loads(path.read_bytes())
    changed["symbols"] = changed["symbols"][:1]
    changed["symbols"][0]["drawdown"] += changed["symbols"][0]["allotment"]
    body = json.dumps(changed, sort_keys=True, separators=(",", ":")).encode()
    worse = f"week-1@{sha256_hex(body)[:12]}"
    (path.parent / f"{worse}.json").write_bytes(body)

    ended = typed("baseline", "diff", good, worse, "--json")
    beyond = {
        (one["figure"], one["verdict"])
        for one in ended.json["figures"]
        if one["verdict"] in {"worse", "gone"}
    }

    assert ended.status == 1
    assert beyond == {("drawdown", "worse"), ("decisions", "gone")}
    assert typed("baseline", "diff", worse, good).status == 0


@pytest.mark.parametrize("name", ["Week", "week 1", "../week", "week@1", ""])
def test_name_that_is_none_is_refused(here: Path, name: str) -> None:
    ended = typed("baseline", "capture", "--log", "eager.log", "--out", name)

    assert (ended.status, ended.err.split(":")[0]) == (2, "baselines.name-malformed")
    assert not here.joinpath("var", "baselines").exists()


@pytest.mark.parametrize(
    "reference", ["week-1", "week-1@abc", "../x@0123456789ab", "x@0123456789AB"]
)
def test_reference_that_is_none_is_refused(here: Path, reference: str) -> None:
    ended = typed("baseline", "diff", reference, "--log", "eager.log")

    assert (ended.status, ended.err.split(":")[0]) == (2, "baselines.name-malformed")
    assert here.is_dir()
