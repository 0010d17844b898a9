"""Whoever decides has no compiler in its process, not even where everything is compiled first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.declared import ROOT
from tests.support.machine.commands import prices
from torghut.settings import ARTIFACT_DIR, CACHE_DIR

SCRIPT: Final = """
import sys
from torghut.composition import deciding
from torghut.market.ports import Cursor

source = deciding.source(sys.argv[1], deciding.declarations())
read = sum(len(one.contexts) for one in source.batches(after=Cursor(), max_records=64))
deciding.kernel(), deciding.feature_pass()
print(read > 0, "llvmlite" in sys.modules, "numba" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_what_is_missing_is_compiled_by_others(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, prices(tmp_path / "prices.csv")],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            ARTIFACT_DIR: str(tmp_path / "var"),
            CACHE_DIR: str(tmp_path / "cache"),
        },
    )

    assert ended.stdout.split() == ["True", "True", "False"]
    kept = [one.parent.name.partition("-")[0] for one in (tmp_path / "cache").rglob("*.code")]
    assert sorted(kept) == ["decide_rows", "sample_rows", "scan_lines"]
