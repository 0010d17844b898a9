"""Git says which commit is checked out, and whether that is all."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from torghut.adapters.system.commit import commit_of

GIT = shutil.which("git")


def git(folder: Path, *words: str) -> str:
    """Ask Git, as somebody whom no configuration names."""
    named = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    ended = subprocess.run(
        [str(GIT), *named, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


@pytest.mark.skipif(GIT is None, reason="needs git")
def test_checkout_says_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path) is None
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "first")

    found = commit_of(tmp_path)
    assert found is not None
    assert (found.commit, found.tree) == (git(tmp_path, "rev-parse", "HEAD"), "clean")
    (tmp_path / "file").write_text("two")
    changed = commit_of(tmp_path)
    assert changed is not None
    assert changed.tree == "modified"


def test_folder_outside_any_checkout_says_nothing(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    assert commit_of(tmp_path / "missing") is None
