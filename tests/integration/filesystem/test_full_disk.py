"""Switches are thrown, recorded and obeyed on a disk that is really full."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.decisions.kernels import compiled
from tests.support.machine.namespaces import printed_apart
from torghut.workflows.live.switch_ports import SWITCH_NAMES

pytestmark = pytest.mark.system


def on_a_full_disk(module: str, folder: Path) -> object:
    """Return what a module prints that fills a small disk on ``folder``."""
    compiled()
    return printed_apart(f"tests.integration.filesystem.{module}", str(folder), timeout_s=160)


def test_a_switch_is_thrown_and_a_page_written_on_a_full_disk(tmp_path: Path) -> None:
    assert on_a_full_disk("mounted", tmp_path) == {
        "thrown": ["throw-1", "the switch file is empty"],
        "released": True,
        "page": 7,
    }


@pytest.mark.timeout(180)
def test_switches_thrown_on_a_full_disk_come_before_the_next_decision(tmp_path: Path) -> None:
    assert on_a_full_disk("serving", tmp_path) == {
        "thrown": [0] * 5,
        "told while full": "nothing",
        "degraded": ["disk-full"],
        "stopped": True,
        "recorded": sorted(SWITCH_NAMES),
        "incidents once there is room": [0] * 5,
    }
