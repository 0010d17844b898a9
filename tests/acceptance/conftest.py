"""Where commands of these tests work: each test in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine.commands import installation
from torghut.settings import ARTIFACT_DIR, settings


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Return a folder that commands of this process work in, with what tests share."""
    with installation(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Return the artifact folder of commands that work in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ARTIFACT_DIR, str(tmp_path / "var"))
    settings.cache_clear()
    yield tmp_path / "var"
    settings.cache_clear()
