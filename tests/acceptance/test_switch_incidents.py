"""Each throw leaves an incident: never written over, complete only once everything is known."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.workers import FakeWorker, living
from tests.support.decisions.logs import contexts, fill
from tests.support.machine.commands import Ended, typed
from torghut.adapters.sqlite.store import open_log
from torghut.market.ports import Arrival
from torghut.schemas.control import (
    ControlRecord,
    FillReported,
    GovernanceHeartbeat,
    ModeChanged,
    OrderReported,
)
from torghut.schemas.live.incident import SwitchIncident
from torghut.settings import CLUSTER, STABLE_REVISION

pytestmark = pytest.mark.usefixtures("artifacts")

DECISION = "ab" * 16 + ":fxcm:EURUSD:quote:17/serving"
OTHER = "ab" * 16 + ":fxcm:NZDUSD:quote:18/serving"
THROW = ("switch", "throw", "stop", "--reason", "wrong prices")


def live_symbol(symbol: str, decision_id: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "mode": "live",
        "notional_cap": 1e5,
        "position": 0.0,
        "position_basis": "reported",
        "target": 5000.0,
        "decisions": 20,
        "order": {"decision_id": decision_id, "quantity": 5000.0},
    }


def trading(artifacts: Path, log: Path | None = None) -> FakeWorker:
    """Return a worker of a revision, live, with two orders that may still be filled."""
    return FakeWorker(
        artifacts,
        said={
            "revision": "torghut-00042",
            "log": str(log or artifacts / "no.log"),
            "position": "0:0:0",
            "symbols": [live_symbol("fxcm:EURUSD", DECISION), live_symbol("fxcm:NZDUSD", OTHER)],
        },
    )


def files(artifacts: Path) -> list[str]:
    return sorted(path.name for path in (artifacts / "incidents").iterdir())


def incident(ended: Ended) -> SwitchIncident:
    return SwitchIncident.model_validate_json(ended.out)


def test_a_throw_leaves_who_why_before_after_each_answer_and_what_is_open(
    artifacts: Path,
) -> None:
    with living(trading(artifacts)):
        ended = typed(*THROW, "--json")

    left = ended.json["incident"]
    assert ended.status == 0, ended.err
    assert (left["complete"], left["faults"]) == (False, [])
    shown = typed("switch", "incident", "show", "stop", "--json")
    found = incident(shown)
    assert shown.status == 6
    assert (found.incident_id, found.content_hash) == (left["id"], left["content_hash"])
    assert (found.reason, found.before) == ("wrong prices", "not thrown")
    assert found.after.endswith("Z: wrong prices")
    assert [(one.worker, one.became) for one in found.workers] == [("worker-0", "acknowledged")]
    assert found.orders_cancelled is not None
    assert [(one.symbol, one.result) for one in found.orders_cancelled] == [
        ("fxcm:EURUSD", None),
        ("fxcm:NZDUSD", None),
    ]
    assert found.next == (
        "torghut status",
        f"torghut switch incident update {found.incident_id}",
        "torghut switch release stop --reason TEXT",
    )
    assert typed("switch", "incident", "show", found.incident_id[:20]).status == 6


def test_without_open_orders_it_is_complete_at_once(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        typed(*THROW)

    assert typed("switch", "incident", "show", "stop").status == 0


def test_a_worker_that_says_nothing_leaves_its_orders_unknown(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torghut.entrypoints.cli.switch.throwing._budget_ms", lambda: 100)
    deaf = trading(artifacts)
    with living(deaf):
        artifacts.joinpath("switches").mkdir(exist_ok=True)
        deaf.hears = False
        assert typed(*THROW).status == 6
        (first,) = files(artifacts)
        deaf.hears = True
        found = incident(typed("switch", "incident", "update", "stop", "--json"))
        for _ in range(200):
            if found.workers[0].became == "acknowledged":
                break
            found = incident(typed("switch", "incident", "update", "stop", "--json"))

    assert (found.extension, found.workers[0].became) == (1, "acknowledged")
    assert files(artifacts) == [first, first.replace(".0.", ".1.")]
    assert (artifacts / "incidents" / first).read_text("utf-8").count('"silent"') == 1


def reporting(path: Path) -> None:
    """Write a log in which one order was cancelled and the other one filled in two parts."""

    def filled(number: int) -> FillReported:
        return FillReported(
            control_id=f"f{number}",
            symbol="fxcm:NZDUSD",
            fill_id=f"f{number}",
            quantity=2500.0,
            price=0.6,
            decision_id=OTHER,
        )

    cancelled = OrderReported(
        control_id="o1", symbol="fxcm:EURUSD", decision_id=DECISION, status="cancelled"
    )
    records: list[ControlRecord] = [
        GovernanceHeartbeat(control_id="g", epoch=1, expires_ns=2**62),
        ModeChanged(control_id="live", mode="live", notional_cap=1e5),
        cancelled,
        filled(1),
        filled(2),
    ]

    async def write() -> None:
        log = open_log(path, clock=HandClock(), ids=CountingIds())
        more = [Arrival(row=10, record=one) for one in records]
        await fill(log, contexts(60), batch=20, more=more)
        await log.close()

    asyncio.run(write())


def test_order_results_come_from_the_consumers_records_and_complete_it(artifacts: Path) -> None:
    log = artifacts / "live.log"
    artifacts.mkdir()
    reporting(log)
    with living(trading(artifacts, log)):
        typed(*THROW)

    updated = typed("switch", "incident", "update", "stop", "--json")

    found = incident(updated)
    assert updated.status == 0, updated.err
    assert found.orders_cancelled is not None
    assert [one.result for one in found.orders_cancelled] == ["cancelled", "filled"]
    assert found.complete
    again = typed("switch", "incident", "update", "stop", "--json")
    assert incident(again) == found
    assert len(files(artifacts)) == 2


def test_a_log_that_cannot_be_read_leaves_orders_open_and_says_so(artifacts: Path) -> None:
    with living(trading(artifacts)):
        typed(*THROW)

    updated = typed("switch", "incident", "update", "stop", "--json")

    assert updated.status == 6
    assert "worker-0: eventlog.missing" in updated.err
    assert incident(updated).extension == 0


@pytest.mark.parametrize("place", ["content_hash", "reason", "complete"])
def test_an_altered_file_is_an_integrity_fault(artifacts: Path, place: str) -> None:
    with living(trading(artifacts)):
        typed(*THROW)
    (name,) = files(artifacts)
    path = artifacts / "incidents" / name
    stated = json.loads(path.read_bytes())
    changed = {"content_hash": "ab" * 32, "reason": "another", "complete": True}
    path.write_text(json.dumps({**stated, place: changed[place]}), encoding="utf-8")

    ended = typed("switch", "incident", "show", stated["incident_id"])

    assert ended.status == 4
    assert ended.err.startswith("switch.incident-unreadable: ")


def test_nothing_that_hinders_the_incident_hinders_the_throw(artifacts: Path) -> None:
    artifacts.mkdir()
    (artifacts / "incidents").write_bytes(b"")

    ended = typed(*THROW)

    assert ended.status == 0
    assert "torghut switch incident update stop writes it later" in ended.out
    (artifacts / "incidents").unlink()
    assert typed("switch", "incident", "update", "stop").status == 0
    assert len(files(artifacts)) == 1


def test_throwing_what_is_thrown_leaves_no_second_incident(artifacts: Path) -> None:
    with living(FakeWorker(artifacts)):
        typed(*THROW)
        typed(*THROW)

    assert len(files(artifacts)) == 1


def test_an_unknown_incident_is_wrong_usage(artifacts: Path) -> None:
    assert typed("switch", "incident", "show", "stop").status == 2
    assert typed("switch", "incident", "show", "switch-00").status == 2
    assert not artifacts.exists()


FENCE = ("switch", "throw", "last-stable-revision", "--reason", "wrong sizes")


def test_fencing_writes_a_valid_traffic_patch_and_does_not_pretend_to_apply_it(
    artifacts: Path,
) -> None:
    with living(trading(artifacts)):
        ended = typed(*FENCE, "--stable", "torghut-00041", "--json")

    left = ended.json["incident"]
    assert ended.status == 0, ended.err
    assert (left["applied"], left["faults"]) == (False, [])
    patch = json.loads((artifacts / left["patch"]).read_bytes())
    assert patch == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "torghut"},
        "spec": {
            "traffic": [{"revisionName": "torghut-00041", "latestRevision": False, "percent": 100}]
        },
    }
    shown = typed("switch", "incident", "show", "last-stable-revision")
    assert "not applied: no cluster is configured here" in shown.out
    assert "torghut-00042" in shown.out
    thrown = json.loads((artifacts / "switches" / "last-stable-revision.json").read_bytes())
    assert thrown["revisions"] == ["torghut-00042"]


@pytest.mark.parametrize(
    ("stable", "said"),
    [("", "nobody knows the last stable revision"), ("0.1+ab", "no name of a Knative revision")],
)
def test_a_fence_holds_where_no_patch_can_be_made(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, stable: str, said: str
) -> None:
    monkeypatch.setenv(STABLE_REVISION, stable)
    with living(trading(artifacts)):
        ended = typed(*FENCE)

    assert ended.status == 0
    assert said in ended.out
    assert len(files(artifacts)) == 1


@pytest.mark.parametrize("status", [0, 1])
def test_the_patch_is_applied_where_a_cluster_is_configured(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    command = artifacts.parent / "kubectl"
    command.write_text(
        f'#!/bin/sh\necho "$@" > {artifacts.parent}/asked\necho it said\nexit {status}\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{artifacts.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(CLUSTER, "here")
    with living(trading(artifacts)):
        ended = typed(*FENCE, "--stable", "torghut-00041", "--json")

    left = ended.json["incident"]
    asked = (artifacts.parent / "asked").read_text("utf-8").split()
    assert ended.status == 0
    assert asked[:7] == ["--context", "here", "patch", "ksvc", "torghut", "--type", "merge"]
    assert left["applied"] == (status == 0)
    assert [one.split(":")[1].strip() for one in left["faults"]] == [
        "system.cluster-refused"
    ] * status
