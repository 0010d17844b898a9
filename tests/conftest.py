"""What every test shares: how examples are searched, and where recorded data is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import hypothesis
import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

# Compiled kernels make the first example of a property slow, so no example has a deadline.
hypothesis.settings.register_profile("torghut", deadline=None, print_blob=True)
hypothesis.settings.load_profile("torghut")


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Return the folder of recorded market data, or skip and name the path that is missing."""
    folder = Path(os.environ.get("TORGHUT_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no recorded market data at {folder}")
    return folder
