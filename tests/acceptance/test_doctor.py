"""``torghut doctor``: says what is well, and of the rest what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.machine.commands import typed
from torghut.decisions.kernel.engine import reference_kernel
from torghut.settings import ARTIFACT_DIR, CACHE_DIR, DECLARATIONS_DIR, settings

_NAMES = ["declarations", "governance", "packages", "cache", "kernel", "disk", "log"]


@pytest.mark.usefixtures("folder")
def test_sound_installation_is_well() -> None:
    ended = typed("doctor", "--json")

    assert ended.status == 0, ended.out
    assert [check["name"] for check in ended.json["checks"]] == _NAMES
    assert all(check["ok"] and check["advice"] is None for check in ended.json["checks"])
    assert {"python", "numpy", "numba", "cpu", "sqlite", "fingerprint"} <= set(
        ended.json["environment"]
    )


def test_nothing_is_left_behind(folder: Path) -> None:
    typed("doctor")

    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_people_see_a_line_for_each_check() -> None:
    lines = typed("doctor").out.splitlines()

    assert [line.split()[:2] for line in lines[: len(_NAMES)]] == [["✓", name] for name in _NAMES]
    assert lines[-1] == "all is well"


def test_folder_that_cannot_be_written_is_told_with_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv(ARTIFACT_DIR, str(folder / "file" / "var"))
    settings.cache_clear()

    ended = typed("doctor", "--json")

    assert ended.status == 1
    advice = {check["name"]: check["advice"] for check in ended.json["checks"] if not check["ok"]}
    assert set(advice) == {"disk", "log"}
    assert "TORGHUT_ARTIFACT_DIR" in advice["disk"]


def test_cache_that_others_can_write_is_told_and_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cache").mkdir()
    (folder / "cache").chmod(0o777)
    monkeypatch.setenv(CACHE_DIR, str(folder / "cache"))
    settings.cache_clear()

    ended = typed("doctor", "--json")

    assert ended.status == 1
    (check,) = [check for check in ended.json["checks"] if not check["ok"]]
    assert check["name"] == "cache"
    assert "can be written by others (mode 777)" in check["found"]
    assert list((folder / "cache").iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_kernel_that_decides_otherwise_than_its_reference_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replace(reference_kernel(), run=lambda *arrays: (len(arrays[0]), 0))
    monkeypatch.setattr("torghut.entrypoints.cli.doctor.reference_kernel", lambda: other)

    ended = typed("doctor")

    assert ended.status == 1
    assert "✗ kernel" in ended.out
    assert ended.out.splitlines()[-1] == "not all is well: see the lines with ✗"


def test_missing_declarations_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DECLARATIONS_DIR, str(folder))
    settings.cache_clear()

    ended = typed("doctor")

    assert ended.status == 1
    assert "✗ declarations  settings.declarations-missing" in ended.out
    assert "✗ governance    settings.declarations-missing" in ended.out
