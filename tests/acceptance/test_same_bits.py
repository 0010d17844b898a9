"""The root is the same on other processors and libraries, and changes with the kernel's sources."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.decisions.kernels import cache_folder

_ROOT = Path(__file__).resolve().parents[2]
_PRINTED = "tests.support.decisions.printed_root"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def _root(
    *,
    cache: Path | None = None,
    sources: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return the root that a fresh process prints."""
    paths = f"{sources or _ROOT / 'src'}{os.pathsep}{_ROOT}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            _PRINTED,
            str(cache or cache_folder()),
        ],
        env={**os.environ, "PYTHONPATH": paths, **(environment or {})},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@functools.cache
def _usual_root() -> str:
    """Return the root of these sources on this machine."""
    return _root()


@pytest.mark.parametrize(
    "environment",
    [
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"},
        {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
    ],
    ids=["generic-processor", "libm-without-fma", "numpy-without-avx2"],
)
def test_root_is_the_same_elsewhere(environment: dict[str, str]) -> None:
    assert _root(environment=environment) == _usual_root()


def _copied(folder: Path) -> Path:
    """Return a copy of the sources that a test may edit."""
    shutil.copytree(_ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "src"


def _kept(cache: Path) -> list[Path]:
    """Return what a cache keeps."""
    return sorted(cache.rglob("*.code"))


def test_an_edited_piece_in_another_module_is_not_served_from_a_warm_cache(
    tmp_path: Path,
) -> None:
    sources, cache, usual = _copied(tmp_path), tmp_path / "cache", _usual_root()
    shutil.copytree(cache_folder(), cache, ignore=shutil.ignore_patterns(".*"))
    warm = _kept(cache)
    before = _root(cache=cache, sources=sources)
    assert before == usual
    assert _kept(cache) == warm, "it was compiled again: the cache is not warm"
    piece = sources / "torghut/router/experts.py"
    text = piece.read_text(encoding="utf-8")
    assert "math.sqrt(1.0 + x * x)" in text

    piece.write_text(text.replace("math.sqrt(1.0 + x * x)", "math.sqrt(2.0 + x * x)"))
    after = _root(cache=cache, sources=sources)

    assert after != before
    assert _kept(cache) != warm
