"""A build is named by the code that was loaded, whatever has become of its files."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.declared import ROOT
from torghut.decisions.kernel.deciding import decide_rows
from torghut.decisions.kernel.feature_pass import sample_rows
from torghut.kernel.compiled import build_digest

TEXT: Final = '''"""A kernel of two pieces."""
from torghut.kernel.compiled import compiled

LIMIT = 3.0
TABLE = (1, (2, 3))


@compiled
def inner(x: float) -> float:
    return min(x, LIMIT) + TABLE[0]


@compiled
def outer(x: float, far: str) -> float:
    return 2.0 * inner(x) if far in {"a", "b", "c"} else 0.0
'''


def loaded(folder: Path, text: str = TEXT) -> ModuleType:
    """Return the module of ``text``, loaded from a file in ``folder``."""
    folder.mkdir(exist_ok=True)
    path = folder / "pieces.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("pieces", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_of(folder: Path, text: str = TEXT) -> str:
    """Return the build of the made-up kernel."""
    return build_digest(loaded(folder, text).outer)


def test_file_edited_after_its_import_does_not_rename_the_build(tmp_path: Path) -> None:
    module = loaded(tmp_path)
    before = build_digest(module.outer)

    (tmp_path / "pieces.py").write_text(TEXT.replace("2.0 *", "4.0 *"), encoding="utf-8")

    assert build_digest(module.outer) == before
    (tmp_path / "pieces.py").unlink()
    assert build_digest(module.outer) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2.0 *", "4.0 *"),
        ("LIMIT = 3.0", "LIMIT = 3.5"),
        ("LIMIT = 3.0", "LIMIT = 3"),
        ("(2, 3)", "(2, 4)"),
        ("min(", "max("),
        ('"c"', '"d"'),
        (" else 0.0", " else -0.0"),
        ("+ TABLE[0]", "- TABLE[0]"),
    ],
)
def test_other_code_or_another_frozen_number_is_another_build(
    tmp_path: Path, old: str, new: str
) -> None:
    assert old in TEXT

    assert build_of(tmp_path / "b", TEXT.replace(old, new)) != build_of(tmp_path / "a")


def test_build_has_one_name_wherever_its_files_lie(tmp_path: Path) -> None:
    remarked = TEXT.replace("\n\n\n", "\n\n# A remark.\n\n\n")

    assert build_of(tmp_path / "b", remarked) == build_of(tmp_path / "a")


def test_what_a_build_cannot_name_is_refused(tmp_path: Path) -> None:
    unnamed = loaded(tmp_path, TEXT.replace("LIMIT = 3.0", "LIMIT = object()"))

    with pytest.raises(TypeError, match="LIMIT"):
        build_digest(unnamed.outer)


def test_every_process_gives_a_build_the_same_name(tmp_path: Path) -> None:
    build = build_of(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pieces\n"
        "from torghut.kernel.compiled import build_digest; print(build_digest(pieces.outer))"
    )
    for seed in ("1", "2"):
        ended = subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": seed},
        )
        assert ended.stdout.strip() == build


@pytest.mark.parametrize("kernel", [decide_rows, sample_rows])
def test_every_kernel_has_a_build(kernel: Callable[..., int]) -> None:
    assert len(build_digest(kernel)) == 64
