"""What a writer was told of a database, kept on its own machine: whole and small."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from torghut.adapters.postgres.witness import LINES_MAX, Witness, seen
from torghut.eventlog.block import Head
from torghut.eventlog.errors import LogWriteError

LOG: Final = "log-1"
DIGEST: Final = "ab" * 32


def head(partition: int, number: int) -> Head:
    return Head(partition=partition, number=number, digest=DIGEST)


def numbers(folder: Path) -> dict[str, int]:
    """Return how far each chain is known to go."""
    return {chain: line.number for chain, line in seen(folder, LOG).items()}


@contextmanager
def full_disk(free_bytes: int, file: Path) -> Iterator[None]:
    """Let no file of this process grow beyond so much more than ``file`` holds."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = file.stat().st_size + free_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_file_is_there_whole_for_whoever_looks_while_it_is_made(tmp_path: Path) -> None:
    witness = Witness(tmp_path, LOG)

    (file,) = tmp_path.glob("*.heads")
    assert file.read_text() == f"torghut-heads-seen 1 {LOG}\n"
    assert numbers(tmp_path) == {}
    witness.close(budget_ms=5_000)


def test_file_does_not_grow_with_the_log(tmp_path: Path) -> None:
    witness = Witness(tmp_path, LOG)
    for number in range(2 * LINES_MAX + 10):
        witness.saw_head(head(number % 2, number // 2))
    witness.saw_event(7, DIGEST)

    (file,) = tmp_path.glob("*.heads")
    assert len(file.read_text().splitlines()) < LINES_MAX + 10
    assert numbers(tmp_path) == {"0": LINES_MAX + 4, "1": LINES_MAX + 4, "events": 7}
    witness.close(budget_ms=5_000)


def test_next_writer_begins_with_the_newest_of_each_chain(tmp_path: Path) -> None:
    first = Witness(tmp_path, LOG)
    for number in range(3):
        first.saw_head(head(0, number))
    first.close(budget_ms=5_000)
    second = Witness(tmp_path, LOG)

    (file,) = tmp_path.glob("*.heads")
    assert file.read_text().splitlines()[1:] == [f"0 2 {DIGEST}"]
    second.saw_head(head(0, 2))
    second.saw_head(head(0, 3))
    assert numbers(tmp_path) == {"0": 3}
    second.close(budget_ms=5_000)


def test_full_disk_is_told_and_forgotten_once_there_is_room(tmp_path: Path) -> None:
    witness = Witness(tmp_path, LOG)
    witness.saw_head(head(0, 0))
    (file,) = tmp_path.glob("*.heads")
    with full_disk(10, file), pytest.raises(LogWriteError):
        witness.saw_head(head(0, 1))
    witness.saw_head(head(0, 2))

    assert numbers(tmp_path) == {"0": 2}
    assert file.read_bytes().endswith(b"\n")
    witness.close(budget_ms=5_000)


def test_writers_of_one_machine_have_files_of_their_own(tmp_path: Path) -> None:
    one, two = Witness(tmp_path, LOG), Witness(tmp_path, LOG)
    one.saw_head(head(0, 4))
    two.saw_head(head(0, 9))
    one.saw_head(head(1, 2))

    assert len(list(tmp_path.glob("*.heads"))) == 2
    assert numbers(tmp_path) == {"0": 9, "1": 2}
    one.close(budget_ms=5_000)
    two.close(budget_ms=5_000)
