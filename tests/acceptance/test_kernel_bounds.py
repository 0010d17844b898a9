"""The kernel never reaches outside an array: compiled to look at every index, it decides the same.

A machine-code kernel reads past the end of an array without a word, and the plain functions, its
oracle, take an index below 0 for one from the end. Here every index is looked at.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import numpy as np
import pytest

from tests.support.decisions.declared import ROOT
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import decide, state_rows, tables, walk

COUNT: Final = 20_000
SYMBOLS: Final = 3

LOOKS: Final = f"""
import sys
from tests.support.decisions.rows import decide, state_rows, tables, walk
from torghut.decisions.kernel.engine import compiled_kernel

kernel, states = compiled_kernel(None), state_rows({SYMBOLS})
rows = walk({COUNT}, symbols={SYMBOLS}, seed=11)
for start in range(0, len(rows), 7919):
    piece = rows[start:start + 7919].copy()
    decided, _ = decide(kernel, piece, states, tables({SYMBOLS}))
    sys.stdout.buffer.write(decided.tobytes())
"""

ASTRAY: Final = """
import numpy as np
from torghut.kernel.native.loading import entry


def beyond(values):
    return values[len(values)]


entry(beyond, (np.zeros(0),), None)(np.zeros(3))
"""


def in_python(script: str) -> subprocess.CompletedProcess[bytes]:
    """Return what became of ``script`` in a process whose compiler looks at every index."""
    return subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
    )


@pytest.mark.slow
def test_every_index_that_the_kernel_uses_is_inside_its_array() -> None:
    ended = in_python(LOOKS)

    decided, _ = decide(
        compiled(), walk(COUNT, symbols=SYMBOLS, seed=11), state_rows(SYMBOLS), tables(SYMBOLS)
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert len(decided) > COUNT // 2
    assert np.frombuffer(ended.stdout, decided.dtype).tobytes() == decided.tobytes()


@pytest.mark.slow
def test_an_index_outside_would_be_noticed() -> None:
    ended = in_python(ASTRAY)

    assert ended.returncode == 1
    assert b"beyond ended with status" in ended.stderr
