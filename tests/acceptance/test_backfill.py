"""``torghut scheduler run --simulate-clock``: governance over recorded data, as typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.governance.rolling import declare, key_file
from tests.support.machine.commands import Ended, installation, prices, typed
from torghut.composition import governing
from torghut.governance.notes.note import read_note
from torghut.settings import ARTIFACT_DIR, DECLARATIONS_DIR, settings

HOUR: Final = "2014-05-05T12:00:00Z..2014-05-05T12:30:00Z"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a log of recorded data, in which commands work."""
    with installation(monkeypatch, tmp_path) as place:
        uri = prices(tmp_path / "p.csv", count=200)
        assert typed("run", "--source", uri, "--log", "day.log").status == 0
        yield place


def backfilled(monkeypatch: pytest.MonkeyPatch, root: Path, *more: str, span: str = HOUR) -> Ended:
    """Return how a backfill ends whose artifacts go below ``root``."""
    monkeypatch.setenv(ARTIFACT_DIR, str(root))
    settings.cache_clear()
    return typed("scheduler", "run", "--log", "day.log", "--simulate-clock", span, *more)


def left(root: Path) -> dict[str, bytes]:
    """Return every note and event below ``root``, but for holder and epoch."""
    found: dict[str, bytes] = {}
    holder = b""
    for path in sorted((root / "notes").iterdir()):
        note = read_note(path.read_bytes())
        holder = note.holder.encode()
        found[path.name] = path.read_bytes().replace(holder, b"HOLDER")
    events = governing.governance_events(root)
    for stream in asyncio.run(events.streams("")):
        for one in asyncio.run(events.read_events(stream)):
            body = json.loads(one.body.replace(holder, b"HOLDER"))
            body.pop("note", None)  # cited by its digest, and it names the holder
            found[f"{stream} {one.version}"] = json.dumps(body).encode()
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_same_log_and_range_give_the_same_notes_and_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = backfilled(monkeypatch, Path("a"), "--every", "10m")
    second = backfilled(monkeypatch, Path("b"), "--every", "10m")

    assert (first.status, second.status) == (0, 0)
    assert first.out == second.out
    assert len(first.out.splitlines()) == 4
    assert "4 cycles" in first.err
    assert left(Path("a")) == left(Path("b"))
    assert len(list(Path("a/notes").iterdir())) == 4
    drift = [{one.name for one in Path(root, "drift/loop").iterdir()} for root in ("a", "b")]
    assert drift[0] == drift[1]
    assert not Path("a/governance").exists(), "nobody is told that governance is there"
    assert not Path("a/switches").exists()

    again = backfilled(monkeypatch, Path("a"), "--every", "10m")
    assert (again.status, again.out) == (0, "")
    assert "0 cycles, 4 were done before" in again.err
    earlier = "2014-05-05T11:00:00Z..2014-05-05T11:30:00Z"
    refused = backfilled(monkeypatch, Path("a"), span=earlier)
    assert refused.status == 5
    assert refused.err.splitlines()[-1].startswith("cycles.backfill-behind: ")


@pytest.mark.usefixtures("folder")
def test_nothing_later_than_the_cycle_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = backfilled(monkeypatch, Path("a"), "--every", "10m", "--json")
    notes = [json.loads(line) for line in ended.out.splitlines()]

    # A context every ten seconds, received a moment after it was made; the last one at 12:33:10.
    assert [one["throughput"]["signals"] for one in notes] == [0, 60, 60, 60]
    assert [one["reason"] for one in notes] == ["bootstrap", *["no-candidate-waiting"] * 3]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words",
    [
        ("--simulate-clock", "2014-05-06..2014-05-05"),
        ("--simulate-clock", "2014-05-06"),
        ("--simulate-clock", "yesterday..today"),
        ("--simulate-clock", HOUR, "--every", "0m"),
        ("--every", "10m"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(words: tuple[str, ...]) -> None:
    assert typed("scheduler", "run", "--log", "day.log", *words).status == 2


@pytest.mark.parametrize(("role", "lines"), [("scheduler", 0), ("production", 1)])
def test_key_that_no_scheduler_is_declared_by_is_named_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, role: str, lines: int
) -> None:
    key = key_file(folder / "s.pem")
    monkeypatch.setenv(DECLARATIONS_DIR, str(declare(folder / "declared", {role: key})))
    settings.cache_clear()

    ended = backfilled(monkeypatch, Path("var"), "--key", "s.pem", "--every", "30m")

    said = [line for line in ended.err.splitlines() if line.startswith("s.pem: ")]
    assert (ended.status, len(said)) == (0, lines)
    assert all("`torghut key fingerprint s.pem --role scheduler`" in line for line in said)
    assert typed("key", "fingerprint", "s.pem", "--role", "scheduler").status == 0
