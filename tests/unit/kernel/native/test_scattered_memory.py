"""Machine code is laid out in one piece, however scattered the free memory of a process is.

Its parts refer to each other by 32 bits. Long-lived processes, and those with large libraries, have
small gaps far above the rest of their free memory, and the system fills the highest gap first.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[4]
PROGRAM: Final = """
import ctypes, mmap, sys
from tests.support.decisions.kernels import compiled
from torghut.kernel.native.loading import _linker

libc = ctypes.CDLL(None)
libc.mmap.restype, libc.munmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
GB, PAGE, KEPT = 1 << 30, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000


def reserve(size):
    return libc.mmap(None, size, 0, KEPT, -1, 0)


def scatter(pages):
    region = reserve(16 * GB)
    while reserve(PAGE) > region:  # until no gap is left above
        pass
    libc.munmap(region + 12 * GB, pages * PAGE)
    libc.munmap(region + 2 * GB, GB)


_linker()
scatter(int(sys.argv[1]))
assert compiled().run is not None
"""


@pytest.mark.parametrize("pages", [1, 4])
@pytest.mark.skipif(sys.platform != "linux", reason="how free memory is given out is Linux's")
def test_code_is_loaded_where_a_gap_is_far_from_all_other_memory(pages: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(pages)],
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=50,
    )

    assert ended.returncode == 0, ended.stderr
