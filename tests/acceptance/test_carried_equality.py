"""What Kafka carries comes to what one process decides: the same root for the same contexts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.carrying.deployments import Carried, carried, written
from torghut.kernel.times import moment_ns

pytestmark = [pytest.mark.data, pytest.mark.timeout(400)]

WHOLE: Final = [pytest.mark.soak, pytest.mark.timeout(3600)]
"""For a whole recording, and a whole day: the others are cut to what a minute carries."""


@pytest.fixture
def deployment(broker: str, database: str, tmp_path: Path) -> Iterator[Carried]:
    with carried(tmp_path, broker, database) as made:
        yield made


def controls(path: Path, symbol: str, quarters: list[str]) -> str:
    """Write modes, a stop and its release, each with the time from which it holds."""
    stop, release, later = quarters
    common = {"reason": "a test"}
    return written(
        path,
        {"kind": "mode", "control_id": "m1", "mode": "paper", "notional_cap": 250000.0},
        {"kind": "stop", "control_id": "s1", "state": "stopped", **common, "effective_at_ns": stop},
        {
            "kind": "stop",
            "control_id": "s2",
            "state": "released",
            **common,
            "effective_at_ns": release,
        },
        {
            "kind": "mode",
            "control_id": "m2",
            "mode": "live",
            "notional_cap": 100000.0,
            "symbol": symbol,
            "effective_at_ns": later,
        },
    )


@pytest.mark.parametrize(
    ("source", "symbol", "begins", "ends"),
    [
        pytest.param(
            *("lean:{data}/lean-forex/tick", "fxcm:NZDUSD"),
            *("2014-05-02T12:15:00Z", "2014-05-02T12:40:00Z"),
            id="forex",
        ),
        pytest.param(
            *("binance:{data}/crypto-l2", "binance-spot:ETHUSDT"),
            *("2024-08-08T23:54:00Z", "2024-08-08T23:54:45Z"),
            id="crypto",
        ),
        pytest.param(
            *("lean:{data}/lean-forex/tick", "fxcm:NZDUSD"),
            *("2014-05-02T00:00:00Z", "2014-05-03T00:00:00Z"),
            id="forex-day",
            marks=WHOLE,
        ),
        pytest.param(
            *("binance:{data}/crypto-l2", "binance-spot:ETHUSDT"),
            *("2024-08-08T23:54:00Z", "2024-08-09T00:00:00Z"),
            id="crypto-whole",
            marks=WHOLE,
        ),
    ],
)
def test_two_workers_come_to_the_root_of_one_process(
    recorded_data: Path, deployment: Carried, source: str, symbol: str, begins: str, ends: str
) -> None:
    begin, end = moment_ns(begins), moment_ns(ends)
    quarters = [str(begin + (end - begin) * part // 4) for part in (1, 2, 3)]
    file = controls(deployment.folder / "controls.jsonl", symbol, quarters)
    window = ("--source", source.format(data=recorded_data), "--from", begins, "--to", ends)
    embedded = str(deployment.folder / "embedded.log")
    deployment.done("run", *window, "--control", file, "--log", embedded, "--no-report")
    for name in ("one", "two"):
        deployment.worker(name).start()
    sent = deployment.done("feed", *window, "--control", file, "--json").json
    for one in deployment.workers.values():
        one.await_ready()
    counted = deployment.settle(sent["contexts"])
    for one in deployment.workers.values():
        assert one.end() == 0, one.said()

    roots = [
        deployment.done("log", "stats", "--log", log, "--json").json["root"]
        for log in (embedded, deployment.log)
    ]
    assert roots[0] == roots[1]
    assert counted["published"] == sent["contexts"] > 1000
    assert counted["outcomes"] >= counted["published"]  # snapshots of books are told nobody
    deployment.verify()
