"""The runtime's service levels, sentence by sentence, on a log that was decided."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pytest

from tests.fakes.eventlog import run
from tests.support.decisions.declared import redeclared
from tests.support.decisions.logs import copied, write_log
from tests.support.decisions.loops import drifting, empty_log, run_on, source_of
from tests.support.decisions.rows import SECOND_NS
from tests.support.governance.climbing import HOUR_NS, slo_policy
from tests.support.governance.rolling import scraped
from tests.support.live.advising import lived
from tests.support.machine.commands import installation, typed
from torghut.decisions.declarations import Declarations
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.control import (
    ControlRecord,
    FundamentalsArrived,
    LagBegan,
    LagEnded,
    NewsArrived,
)
from torghut.schemas.rows import RowArray
from torghut.schemas.staging.slo_window import SloName, SloRow, SloWindow
from torghut.workflows.live.advice.awaiting import Answer
from torghut.workflows.slo.measuring import measure
from torghut.workflows.slo.walking import last_received_ns

SHOW: Final = ("slo", "show", "--log", "decisions.log")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log that was decided once for all tests."""
    return write_log(tmp_path_factory.mktemp("log") / "decisions.log")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    """Work in a folder that has a log."""
    with installation(monkeypatch, tmp_path) as folder:
        copied(template, folder / "decisions.log")
        yield folder


def shown(*more: str) -> dict[str, Any]:
    """Return the rows of the shortest window, by service level."""
    found = typed(*SHOW, "--window", "1h", "--json", *more).json["windows"]
    return {row["id"]: row for row in found[0]["rows"]}


def row(window: SloWindow, name: SloName) -> SloRow:
    """Return one service level of a window."""
    return next(one for one in window.rows if one.id == name)


def judged(log: InMemoryLog) -> SloWindow:
    """Return the last hour of a log."""
    to_ns = run(last_received_ns(log))
    return run(measure(log, to_ns, ["1h"], policy=slo_policy(), latency={}))[0].window


def hours_of_quotes(*, every_s: int = 20) -> RowArray:
    """Return three hours of quotes of one symbol."""
    return drifting([0] * (3 * 3600 // every_s), step_s=every_s)


@cache
def behind() -> InMemoryLog:
    """Return a log whose worker had fallen behind for the last minutes."""
    rows = hours_of_quotes()
    log = empty_log()
    late = len(rows) - 5
    arrivals: list[tuple[int, ControlRecord]] = [
        (late, LagBegan(control_id="lag-1")),
        (len(rows) - 1, LagEnded(control_id="lag-2")),
    ]
    run(run_on(source_of(rows, arrivals), log))
    return log


DomainName = Literal["news", "fundamentals"]


def needing(domain: DomainName) -> Declarations:
    """Return declarations in which the symbol requires a domain, at most ten minutes old."""

    def change(body: dict[str, object]) -> None:
        domains = body["domains"]
        assert isinstance(domains, dict)
        domains[domain] = {"age_limit_ms": 600_000}

    return redeclared(change, "fxcm:EURUSD")


def heard(domain: DomainName, published_at_ns: int) -> ControlRecord:
    """Return the record of something that became known in a domain."""
    name = f"{domain}-{published_at_ns}"
    if domain == "news":
        return NewsArrived(
            control_id=name, item_id=name, published_at_ns=published_at_ns, relevant=False
        )
    return FundamentalsArrived(control_id=name, item_id=name, published_at_ns=published_at_ns)


def kept_fresh(domain: DomainName, *, until: float = 1.0) -> SloWindow:
    """Return the last hour of a log in which something comes every nine minutes.

    Args:
        domain: That the symbol requires.
        until: Share of the log after which nothing comes any more.
    """
    rows = hours_of_quotes()
    every = range(0, int(until * len(rows)), 9 * 60 // 20)
    arrivals = [(row, heard(domain, int(rows["receive_ns"][row]))) for row in every]
    log = empty_log()
    run(run_on(source_of(rows, arrivals), log, declared=needing(domain)))
    return judged(log)


def test_decision_loop_availability_of_999_in_1000(here: Path) -> None:
    good = shown()["decision-loop-availability"]

    assert (good["status"], good["value"], good["threshold"]) == ("pass", 1, 0.999)
    assert row(judged(behind()), "decision-loop-availability").status == "fail"
    assert here.is_dir()


def test_fast_path_p95_latency_within_configured_budget(here: Path) -> None:
    quick = scraped(here / "quick.prom", [0.004] * 95 + [9.0] * 5)
    slow = scraped(here / "slow.prom", [0.004] * 94 + [9.0] * 6)
    again = scraped(here / "again.prom", [0.004] * 94 + [9.0] * 6 + [0.004] * 200)

    def latency(*words: str) -> tuple[str, float | None]:
        found = shown(*words)["fast-path-p95-latency"]
        return found["status"], found["value"]

    assert latency() == ("missing", None)
    assert latency("--metrics", str(quick)) == ("pass", 5)
    assert latency("--metrics", str(slow)) == ("fail", 10_000)
    assert latency("--metrics", str(again), "--metrics-before", str(slow)) == ("pass", 5)
    restarted = typed(*SHOW, "--metrics", str(slow), "--metrics-before", str(again))
    assert (restarted.status, restarted.err.split(":")[0]) == (2, "slo.metrics-unreadable")


def test_dspy_timeout_plus_fallback_rate_within_policy_threshold(here: Path) -> None:
    off = shown()["reasoning-fallback-ratio"]
    assert off["status"] == "not-applicable"
    assert len(off["declaration"]) == 64
    assert here.is_dir()

    for mode in ("shadow", "active"):
        for answer, status, value in (
            (Answer(resolution="veto"), "pass", 0.0),
            (Answer(resolution="defer"), "pass", 0.0),
            (Answer(resolution="timed-out"), "fail", 1.0),
            (Answer(resolution="failed", code="reasoning.endpoint-unreachable"), "fail", 1.0),
        ):
            found = row(judged(lived(mode, answer)), "reasoning-fallback-ratio")
            assert (found.status, found.value) == (status, value), (mode, answer)


def test_market_context_freshness_target_by_domain(here: Path) -> None:
    found = shown()
    assert {found[f"{name}-freshness"]["status"] for name in ("news", "fundamentals")} == {
        "not-applicable"
    }
    assert here.is_dir()


@pytest.mark.parametrize(
    ("domain", "own", "other"),
    [
        ("news", "news-freshness", "fundamentals-freshness"),
        ("fundamentals", "fundamentals-freshness", "news-freshness"),
    ],
)
def test_market_context_freshness_target_of_a_domain_is_kept_while_it_is_heard(
    domain: DomainName, own: SloName, other: SloName
) -> None:
    fresh, never = kept_fresh(domain), kept_fresh(domain, until=0.0)
    # Of three hours the last is judged: in it ten minutes are still fresh, of sixty.
    silent = kept_fresh(domain, until=2 / 3)

    assert (row(fresh, own).status, row(fresh, own).value) == ("pass", 1)
    assert (row(never, own).status, row(never, own).value) == ("fail", 0)
    assert row(silent, own).status == "fail"
    assert 0 < (row(silent, own).value or 0) < 0.2
    for window in (fresh, never, silent):
        assert row(window, other).status == "not-applicable"


def test_router_fallback_rate_below_configured_ceiling(here: Path) -> None:
    assert shown()["router-fallback-ratio"]["status"] == "pass"

    log = empty_log()
    run(run_on(source_of(hours_of_quotes()), log, packages={}))
    without = row(judged(log), "router-fallback-ratio")
    assert (without.status, without.value) == ("fail", 1)
    assert here.is_dir()


def test_window_without_anything_while_the_market_is_open_fails(here: Path) -> None:
    after = typed(*SHOW, "--window", "1h", "--at", "2014-05-14T12:00:00Z", "--json")

    assert after.status == 1
    assert after.json["windows"][0]["rows"][0]["status"] == "missing"
    assert here.is_dir()


def test_window_without_anything_while_the_market_is_closed_shows_nothing(here: Path) -> None:
    after = typed(*SHOW, "--window", "1h", "--at", "2014-05-17T12:00:00Z", "--json")

    assert after.status == 6
    assert after.json["windows"][0]["status"] == "closed"
    assert {one["status"] for one in after.json["windows"][0]["rows"]} == {"not-applicable"}
    assert here.is_dir()


@pytest.mark.parametrize("metrics", ["quick", "none"])
def test_every_window_must_pass(here: Path, metrics: str) -> None:
    scraped(here / "quick.prom", [0.004] * 100)
    words = ("--metrics", "quick.prom") if metrics == "quick" else ()

    assert typed(*SHOW, *words).status == (0 if metrics == "quick" else 1)


def test_counts_of_a_window_are_those_of_its_rows() -> None:
    log = behind()
    to_ns = run(last_received_ns(log))
    window = judged(log)
    rows = hours_of_quotes()
    inside = (rows["receive_ns"] > to_ns - HOUR_NS) & (rows["receive_ns"] <= to_ns)

    assert row(window, "decision-loop-availability").samples == int(np.count_nonzero(inside))
    assert to_ns == int(rows["receive_ns"].max())
    assert to_ns % SECOND_NS == 0
