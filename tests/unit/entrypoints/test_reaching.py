"""What the scheduler hands a service is read there as what it is: one record a line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.workers import status_of
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.adapters.http.reaching import ServedLoop
from torghut.adapters.system.clock import RandomIds, SystemClock
from torghut.composition.reaching import knock_with
from torghut.entrypoints.api.rest.bodies import NDJSON, records
from torghut.schemas.control import LimitsAllotted
from torghut.schemas.live.delivery import Answered
from torghut.workflows.live.switch_ports import WorkerSeen


def answering(
    _url: str, body: bytes, headers: Mapping[str, str], *, unix: str, budget_ms: int
) -> tuple[int, bytes]:
    """Answer as a service does: several records only where they are said to be lines."""
    assert (unix, budget_ms) == ("", 1_000)
    lines = records(body, 100) if headers.get("Content-Type") == NDJSON else [body]
    try:
        taken = [json.loads(line)["control_id"] for line in lines]
    except ValueError:
        return 422, b"expected one JSON object"
    answers = [
        Answered(control_id=one, status="taken", code="", detail="", position="0:1:0")
        for one in taken
    ]
    return 200, b"\n".join(one.model_dump_json().encode() for one in answers)


@pytest.mark.parametrize("count", [1, 3])
def test_records_of_several_symbols_are_taken_together(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torghut.composition.reaching.post", answering)
    worker = WorkerSeen(
        worker="worker-0", alive=True, status=status_of(api="http://127.0.0.1:8787")
    )
    loop = ServedLoop(
        pages=lambda: [worker],
        folder=SwitchFiles(tmp_path, ids=RandomIds(), wall=SystemClock()),
        wall=SystemClock(),
        knock=knock_with(None),
        budget_ms=1_000,
    )
    asked = [
        LimitsAllotted(control_id=f"allotment-{n}", symbol="fxcm:EURUSD", allotment=1_000.0)
        for n in range(count)
    ]

    answers = asyncio.run(loop.offer(asked))

    assert [(one.control_id, one.status) for one in answers] == [
        (one.control_id, "recorded") for one in asked
    ]


@pytest.mark.parametrize(
    "api", ["http://", "http://[", "gopher://x", "nothing", "http://127.0.0.1:99999"]
)
def test_worker_whose_page_names_no_address_has_answered_nothing(api: str, tmp_path: Path) -> None:
    loop = ServedLoop(
        pages=lambda: [WorkerSeen(worker="worker-0", alive=True, status=status_of(api=api))],
        folder=SwitchFiles(tmp_path, ids=RandomIds(), wall=SystemClock()),
        wall=SystemClock(),
        knock=knock_with(None),
        budget_ms=100,
    )
    asked = LimitsAllotted(control_id="allotment-1", symbol="fxcm:EURUSD", allotment=1_000.0)

    (answer,) = asyncio.run(loop.offer([asked]))

    assert answer.status == "unknown"
    assert answer.detail
