"""A build is named by the code that was loaded, whatever has become of its files."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np
import pytest

from tests.support.decisions.declared import ROOT
from torghut.decisions.kernel.deciding import decide_rows
from torghut.decisions.kernel.feature_pass import sample_rows
from torghut.kernel.native.compiled import build_digest, compiled
from torghut.schemas.codes import Reason

NOTED = np.uint64(1 << Reason.SPREAD_WIDE)
TEXT: Final = '''"""A kernel of two pieces."""
from torghut.kernel.native.compiled import compiled

LIMIT = 3.0
TABLE = (1, (2, 3))


@compiled
def inner(x: float) -> float:
    return min(x, LIMIT) + TABLE[0]


@compiled
def outer(x: float, far: str) -> float:
    return 2.0 * inner(x) if far in {"a", "b", "c"} else 0.0
'''


EXPLAINED: Final = '''"""A kernel that explains itself."""
from torghut.kernel.native.compiled import compiled


@compiled
def outer(x: float) -> float:
    """Return twice as much."""
    tens = [10.0 * one for one in (x, x)]
    return tens[0] + tens[1]
'''

ENCLOSED: Final = '''"""A kernel that was made by another function."""
from torghut.kernel.native.compiled import compiled


def made(limit):
    @compiled
    def outer(x: float) -> float:
        return min(x, limit)

    return outer


outer = made(3.0)
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


@compiled
def noted(reasons: np.uint64) -> np.uint64:
    """Use a number that is computed from a code when this module is loaded."""
    return reasons & NOTED


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


def test_the_build_is_named_by_the_numbers_that_are_frozen_into_the_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # §4.1: a cache must not "go on serving the old decisions" after a change in codes.py.
    before = build_digest(noted)

    monkeypatch.setitem(globals(), "NOTED", np.uint64(1 << Reason.DWELL))

    assert build_digest(noted) != before


def test_build_has_one_name_wherever_its_files_lie(tmp_path: Path) -> None:
    remarked = TEXT.replace("\n\n\n", "\n\n# A remark.\n\n\n")

    assert build_of(tmp_path / "b", remarked) == build_of(tmp_path / "a")


def test_words_about_a_piece_are_no_part_of_its_build(tmp_path: Path) -> None:
    build = build_of(tmp_path / "a", EXPLAINED)

    assert build_of(tmp_path / "b", EXPLAINED.replace("twice", "two times")) == build
    assert build_of(tmp_path / "c", EXPLAINED.replace("10.0", "11.0")) != build


def test_a_text_that_a_piece_returns_is_part_of_its_build_even_if_it_says_so_first(
    tmp_path: Path,
) -> None:
    said = 'def outer() -> str:\n    """red"""\n    return "red"\n'

    assert build_of(tmp_path / "b", said.replace("red", "blue")) != build_of(tmp_path / "a", said)


def test_defaults_by_name_are_part_of_a_build(tmp_path: Path) -> None:
    text = "def outer(*, limit: float = 3.0) -> float:\n    return limit\n"

    assert build_of(tmp_path / "b", text.replace("3.0", "4.0")) != build_of(tmp_path / "a", text)


def test_a_piece_made_inside_another_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="uses limit of a function around it"):
        build_of(tmp_path, ENCLOSED)


def test_what_a_build_cannot_name_is_refused(tmp_path: Path) -> None:
    unnamed = loaded(tmp_path, TEXT.replace("LIMIT = 3.0", "LIMIT = object()"))

    with pytest.raises(TypeError, match="LIMIT"):
        build_digest(unnamed.outer)


def test_every_process_gives_a_build_the_same_name(tmp_path: Path) -> None:
    build = build_of(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pieces\n"
        "from torghut.kernel.native.compiled import build_digest; print(build_digest(pieces.outer))"
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
