"""A trial leaves a disk as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from torghut.adapters.system.disk import measure_sync, trial_folder


def test_missing_folders_are_made_and_gone_again(tmp_path: Path) -> None:
    with trial_folder(tmp_path / "a" / "b") as trial:
        (trial / "file").write_text("x", encoding="utf-8")
        assert trial.parent == tmp_path / "a" / "b"

    assert list(tmp_path.iterdir()) == []


def test_existing_folder_keeps_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x", encoding="utf-8")

    with trial_folder(tmp_path):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")

    with pytest.raises(OSError, match="Not a directory"), trial_folder(tmp_path / "file" / "a"):
        pass


def test_times_are_in_order(tmp_path: Path) -> None:
    times = measure_sync(tmp_path)

    assert 0 < times.p50_ns <= times.p99_ns
    assert times.writes >= 1
    assert list(tmp_path.iterdir()) == []
