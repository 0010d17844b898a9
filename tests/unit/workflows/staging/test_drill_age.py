"""A drill counts once every living worker has acknowledged one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import pytest

from tests.replay.golden_decisions import GOLDEN
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.staging.climbing import drill_age_ms

NOW_NS: Final = 1_700_000_000_000_000_000
STATUS: Final = next((GOLDEN / "messages/artifacts/worker-status.v1").glob("*.json")).read_bytes()


def worker(*drills: tuple[str, int], alive: bool = True) -> WorkerSeen:
    """Return a worker that acknowledged what is named, so many milliseconds ago."""
    document = json.loads(STATUS)
    document["acknowledged"] = [
        {"throw_id": name, "wall_ns": str(NOW_NS - age_ms * 1_000_000)} for name, age_ms in drills
    ]
    status = WorkerStatus.model_validate_json(json.dumps(document))
    return WorkerSeen(worker="worker-0", alive=alive, status=status)


def test_last_drill_of_the_worker_that_lags_most_counts() -> None:
    first = worker(("drill-1", 9000), ("drill-2", 100))
    second = worker(("drill-1", 5000))

    assert drill_age_ms([first, second], NOW_NS) == 5000


@pytest.mark.parametrize(
    "workers",
    [
        [],
        [worker()],
        [worker(("throw-1", 5))],
        [worker(("drill-1", 5)), worker()],
        [worker(("drill-1", 5)), WorkerSeen(worker="b", alive=True)],
        [worker(("drill-1", 5), alive=False)],
    ],
)
def test_worker_that_has_not_drilled_makes_it_unknown(
    workers: Sequence[WorkerSeen],
) -> None:
    assert drill_age_ms(workers, NOW_NS) is None


def test_worker_that_is_dead_is_not_asked() -> None:
    assert drill_age_ms([worker(("drill-1", 5)), worker(alive=False)], NOW_NS) == 5
