"""What Kafka carries comes to what one process decides: the same root for the same contexts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.carried import Carried, carried, written

pytestmark = [pytest.mark.data, pytest.mark.timeout(400)]

_MAY_2_NS: Final = 1_398_988_800_000_000_000
_HOUR_NS: Final = 3_600_000_000_000


@pytest.fixture
def deployment(broker: str, database: str, tmp_path: Path) -> Iterator[Carried]:
    with carried(tmp_path, broker, database) as made:
        yield made


def controls(path: Path) -> str:
    """Write modes, a stop and its release, each with the time from which it holds."""
    at = _MAY_2_NS
    return written(
        path,
        {"kind": "mode", "control_id": "m1", "mode": "paper", "notional_cap": 250000.0},
        {
            "kind": "stop",
            "control_id": "s1",
            "state": "stopped",
            "reason": "a test",
            "effective_at_ns": str(at + 3 * _HOUR_NS),
        },
        {
            "kind": "stop",
            "control_id": "s2",
            "state": "released",
            "reason": "a test",
            "effective_at_ns": str(at + 6 * _HOUR_NS),
        },
        {
            "kind": "mode",
            "control_id": "m2",
            "mode": "live",
            "notional_cap": 100000.0,
            "symbol": "fxcm:EURUSD",
            "effective_at_ns": str(at + 9 * _HOUR_NS),
        },
        {
            "kind": "limits-allotted",
            "control_id": "l1",
            "symbol": "fxcm:NZDUSD",
            "allotment": 50000.0,
            "effective_at_ns": str(at + 9 * _HOUR_NS),
        },
    )


@pytest.mark.parametrize(
    ("source", "window"),
    [
        pytest.param(
            "lean:{data}/lean-forex/tick",
            ("--from", "2014-05-02T00:00:00Z", "--to", "2014-05-02T16:00:00Z"),
            id="forex",
        ),
        pytest.param("binance:{data}/crypto-l2", ("--to", "2024-08-08T23:59:59Z"), id="crypto"),
    ],
)
def test_two_workers_come_to_the_root_of_one_process(
    recorded_data: Path, deployment: Carried, source: str, window: tuple[str, ...]
) -> None:
    uri = source.format(data=recorded_data)
    same = ("--source", uri, "--control", controls(deployment.folder / "controls.jsonl"), *window)
    for name in ("one", "two"):
        deployment.worker(name).start()
    sent = deployment.done("feed", *same, "--json").json
    for one in deployment.workers.values():
        one.await_ready()
    counted = deployment.settle(sent["contexts"])
    for one in deployment.workers.values():
        assert one.end() == 0, one.said()
    embedded = str(deployment.folder / "embedded.log")
    deployment.done("run", *same, "--log", embedded, "--no-report")

    roots = [
        deployment.done("log", "stats", "--log", log, "--json").json["root"]
        for log in (embedded, deployment.log)
    ]
    assert roots[0] == roots[1]
    assert counted["records"] == counted["outcomes"] == counted["published"] == sent["contexts"]
    deployment.verify()
