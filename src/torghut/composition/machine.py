"""The composition root of the machine itself: its processes, its disk, and what it is called."""

from __future__ import annotations

from torghut.adapters.filesystem.writing import write_text
from torghut.adapters.system.disk import SyncTimes, measure_sync, trial_folder
from torghut.adapters.system.interpreter import keep_for_good, run_service
from torghut.adapters.system.machine import environment, fingerprint, version
from torghut.adapters.system.processes import Child, child_command
from torghut.adapters.system.signals import (
    Stopping,
    end_on_terminate,
    interrupt_on_terminate,
    stop_on_signals,
)

__all__ = [
    "Child",
    "Stopping",
    "SyncTimes",
    "child_command",
    "end_on_terminate",
    "environment",
    "fingerprint",
    "interrupt_on_terminate",
    "keep_for_good",
    "measure_sync",
    "run_service",
    "stop_on_signals",
    "trial_folder",
    "version",
    "write_text",
]
