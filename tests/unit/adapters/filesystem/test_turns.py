"""A turn: one process at a time, and none after its holder died."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from torghut.adapters.filesystem.turns import TurnTakenError, held
from torghut.adapters.filesystem.writing import FileWriteError


def test_a_turn_is_one_holders_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "below" / "lane.lock"
    with held(path), pytest.raises(TurnTakenError, match=f"process {os.getpid()}"), held(path):
        pass

    with held(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_holder_that_is_killed_holds_no_more(tmp_path: Path) -> None:
    path = tmp_path / "lane.lock"
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with held(path):
            os.write(tell, b"x")
            signal.pause()
        os._exit(0)
    assert os.read(told, 1) == b"x"
    with pytest.raises(TurnTakenError, match=f"process {child}"), held(path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    with held(path):
        pass
    os.close(told)
    os.close(tell)


def test_a_place_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FileWriteError), held(tmp_path / "file" / "lane.lock"):
        pass
