"""A wheel carries all that a decision needs, and finds it without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = (
    *("streams", "governance", "router", "evals", "schemas"),
    *("ops/deploy", "ops/runbooks"),  # what starts servers for development stays behind
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *build, str(ROOT)], check=True, cwd=folder)
    (wheel,) = folder.glob("torghut-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


@pytest.mark.parametrize("folder", FOLDERS)
def test_declarations_travel_in_the_wheel(installed: Path, folder: str) -> None:
    declared = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
    declared = {path for path in declared if not path.is_relative_to("ops/servers")}
    packed = installed / "torghut" / "_data"

    assert declared
    assert {path for path in declared if not (packed / path).is_file()} == set()


def test_packaged_declarations_are_found_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    script = "from torghut.settings import settings; print(settings().declarations_dir)"
    found = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )

    assert Path(found.stdout.strip()) == installed / "torghut" / "_data"
