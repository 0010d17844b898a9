"""The real service on a file system that is really full; run in a mount namespace of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from tests.integration.filesystem.mounted import fill
from tests.support.live.live_services import live_service
from tests.support.machine.namespaces import mount_small
from torghut.client import AnswerLateError
from torghut.schemas.live.delivery import SwitchName

_NAMES = get_args(SwitchName)


def thrown_while_the_disk_is_full(folder: Path) -> Mapping[str, object]:
    """Serve, fill the disk, throw every switch, offer a context, make room, offer another."""
    mount_small(folder, "16m")
    with live_service(folder) as service:
        service.start()
        client = service.client()
        service.decide(client)
        fill(folder)
        statuses = [
            service.typed("switch", "throw", name, "--reason", "test").status for name in _NAMES
        ]
        told: str
        try:
            told = service.decide(client, budget_ms=3000).verdict
        except AnswerLateError:
            told = "nothing"
        degraded = service.status()
        (folder / "filler").unlink()
        later = [service.typed("switch", "incident", "update", name).status for name in _NAMES]
        after = service.decide(client, budget_ms=15_000)
        assert after.decision is not None
        assert service.end() == 0
        recorded = {one.split(":")[1] for one in service.recorded() if one.startswith("switch:")}
    return {
        "thrown": statuses,
        "told while full": told,
        "degraded": sorted(mode.code for mode in degraded.degraded) if degraded else [],
        "stopped": "stopped" in after.decision.reasons,
        "recorded": sorted(recorded),
        "incidents once there is room": later,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(thrown_while_the_disk_is_full(Path(sys.argv[1]))))
