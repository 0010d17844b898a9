"""A page of governance as its scheduler leaves it, and one whose latch is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.fakes.clock import HandClock
from tests.support.governance.governing import START_NS
from torghut.adapters.filesystem.governed.standing import put_standing
from torghut.adapters.filesystem.lease import FileLease
from torghut.schemas.live.governance import GovernanceStanding

INCIDENT: Final = f"incident-{'ab' * 32}"
CLOSED: Final = {
    "incident_id": INCIDENT,
    "since_ns": str(START_NS),
    "triggers": ["drawdown", "signal-lag"],
    "live": False,
    "recovers": False,
}


def standing(**changes: object) -> GovernanceStanding:
    """Return how governance stands after its twelfth cycle, with nothing against it."""
    stated: dict[str, object] = {
        "holder": "scheduler-1",
        "epoch": 3,
        "pid": 42,
        "log": "var/logs/live.log",
        "written_wall_ns": str(START_NS),
        "every_s": 60.0,
        "cycles": {"lane_completed": 2, "lane_execution_failed": 0, "blocked_no_signal": 1},
        "last": {
            "cycle": 12,
            "outcome": "lane_completed",
            "reason": "no-candidate-waiting",
            "note": "notes/iteration-12.md",
            "at_ns": str(START_NS),
        },
        "latch": None,
        "manifest": {"path": "runs/run-1/rollout/phase-manifest.json", "status": "pass"},
        "ended": False,
    }
    return GovernanceStanding.model_validate({**stated, **changes})


def leave(root: Path, page: GovernanceStanding | None, *, held_at_ns: int | None) -> None:
    """Let a scheduler have left ``page`` below ``root``, which took its lease at a time."""
    if page is not None:
        put_standing(root / "governance" / "standing.json", page)
    if held_at_ns is not None:
        clock = HandClock(time_ns=held_at_ns)
        lease = FileLease(root / "governance", clock=clock, time_to_live_ms=30_000)
        lease.take("scheduler-1", after_epoch=2)
