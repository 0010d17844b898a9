"""The file by which governance is heard: read as it was put, and silent whatever else it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from torghut.adapters.filesystem.switches.beats import BeatFile
from torghut.adapters.filesystem.writing import FileWriteError
from torghut.schemas.live.governance import GovernanceBeat

BEAT = GovernanceBeat(epoch=3, number=41, ttl_ms=30_000)
TEXT = BEAT.model_dump_json()


def test_what_is_put_is_heard_and_the_newest_stands(tmp_path: Path) -> None:
    file = BeatFile(tmp_path / "governance" / "heartbeat.json")
    assert file.heard() is None

    file.beat(BEAT)
    file.beat(GovernanceBeat(epoch=3, number=42, ttl_ms=30_000))

    assert file.heard() == GovernanceBeat(epoch=3, number=42, ttl_ms=30_000)
    assert [one.name for one in (tmp_path / "governance").iterdir()] == ["heartbeat.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        TEXT[:-1],
        TEXT.replace("30000", "3600001"),
        TEXT.replace("30000", "0"),
        TEXT.replace('"epoch":3', '"epoch":0'),
        TEXT.replace('"epoch":3', '"epoch":-1'),
        TEXT.replace('"epoch":3', '"epoch":NaN'),
        TEXT.replace("}", ',"more":1}'),
        TEXT + " " * 2000 + "x",
        "\x00" * 100,
    ],
)
def test_anything_else_is_silence(tmp_path: Path, text: str) -> None:
    (tmp_path / "heartbeat.json").write_text(text, encoding="utf-8")

    assert BeatFile(tmp_path / "heartbeat.json").heard() is None


def test_neither_a_link_nor_a_pipe_nor_a_folder_is_heard(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text(TEXT, encoding="utf-8")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()

    assert BeatFile(tmp_path / "real.json").heard() == BEAT
    for name in ("link", "pipe", "folder"):
        assert BeatFile(tmp_path / f"{name}.json").heard() is None


def test_a_beat_that_cannot_be_put_is_said(tmp_path: Path) -> None:
    (tmp_path / "governance").write_bytes(b"")

    with pytest.raises(FileWriteError):
        BeatFile(tmp_path / "governance" / "heartbeat.json").beat(BEAT)
