"""Recordings: where recorded markets are, and what is said where there are none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from benchmarks.figures import Skipped
from benchmarks.rounds import ROOT

TICKS: Final = "lean-forex/tick"
MESSAGES: Final = "crypto-l2"


def recordings(place: str) -> Path | None:
    """Return the folder of the recordings at ``place``, None where there is none."""
    folder = Path(os.environ.get("TORGHUT_TEST_DATA") or ROOT.parent / "shared" / "data") / place
    return folder if folder.is_dir() else None


def absent(measurement: str, place: str) -> Skipped:
    """Say that ``measurement`` needs recordings that are not here."""
    reason = f"no folder {place} in TORGHUT_TEST_DATA, by default ../shared/data"
    return Skipped(measurement=measurement, reason=reason)
