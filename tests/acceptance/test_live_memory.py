"""Hours of the market through the live service in minutes: its memory stays as it was."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest

from tests.support.live.live_services import LiveService, live_service

pytestmark = [pytest.mark.data, pytest.mark.soak, pytest.mark.timeout(0)]

_LOOK_S: Final = 1.0
_GROWTH: Final = 1.05


def resident_kb(service: LiveService) -> int:
    """Return how much memory the service holds."""
    assert service.process is not None
    text = Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def test_memory_is_flat_over_seven_days_of_ticks(recorded_data: Path, tmp_path: Path) -> None:
    source = recorded_data / "lean-forex" / "tick" / "eurusd"
    sizes: list[int] = []
    with live_service(tmp_path) as service:
        service.options = ("--source", str(source), "--speed", "max")
        service.start()
        with service.hung_consumer():
            while (status := service.status()) is not None:
                if "source-ended" in {mode.code for mode in status.degraded}:
                    break
                sizes.append(resident_kb(service))
                time.sleep(_LOOK_S)
        assert service.end() == 0
    quarter = len(sizes) // 4

    assert status is not None
    assert status.contexts > 600_000
    assert max(sizes[-quarter:]) < _GROWTH * max(sizes[quarter : 2 * quarter]), sizes
