"""``docs/how-to/run-governance.md``: every command of it does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.eventlog import CAUSES, run
from tests.support.decisions.declared import ROOT
from tests.support.governance.governing import readings, safety_policy
from tests.support.live.live_services import live_service
from tests.support.machine.commands import Ended, installation, prices, started, typed
from torghut.adapters.filesystem.lease import read_lease
from torghut.composition import governing, standby
from torghut.governance.notes.note import read_note
from torghut.governance.safety.latch import EvaluateSafety, incident_bytes, incident_path
from torghut.schemas.governing.fields import reading_of
from torghut.settings import ARTIFACT_DIR, DECLARATION_FOLDERS, DECLARATIONS_DIR, settings
from torghut.workflows.aggregates import LATCH_NAME, STOP_LATCH, Governance
from torghut.workflows.streams import Streams

PAGE: Final = ROOT / "docs" / "how-to" / "run-governance.md"
COMMAND: Final = re.compile(r"^\$ (?:([A-Z_]+)=(\S+) )?torghut (.+)$", re.MULTILINE)
TYPED: Final = [
    (found[1], found[2], shlex.split(found[3]))
    for found in COMMAND.finditer(PAGE.read_text(encoding="utf-8"))
]
LASTING: Final = (["serve"], ["scheduler", "run"])
"""What goes on until it is asked to stop, where its clock is the real one."""


def is_lasting(words: list[str]) -> bool:
    """Say whether a command goes on until it is asked to stop."""
    begins = any(words[: len(one)] == one for one in LASTING)
    return begins and "--simulate-clock" not in words


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with recorded data and somebody's declared key, in which commands work."""
    declared = tmp_path / "declared"
    declared.mkdir()
    for name in DECLARATION_FOLDERS:
        shutil.copytree(ROOT / name, declared / name)
    close_the_market(declared / "streams" / "calendars" / "fx-new-york.yaml")
    monkeypatch.setenv(DECLARATIONS_DIR, str(declared))
    with installation(monkeypatch, tmp_path) as place:
        said = typed("key", "new", "mine.pem").out
        owners = declared / "governance" / "owners.yaml"
        text = owners.read_text(encoding="utf-8")
        owners.write_text(text.replace("keys: []", f"keys:\n{said}"), encoding="utf-8")
        uri = prices(tmp_path / "p.csv", count=200)
        assert typed("run", "--source", uri, "--log", "day.log").status == 0
        shutil.copy("day.log", "live.log")
        shutil.copy("day.log.heads", "live.log.heads")
        yield place
    settings.cache_clear()


def close_the_market(calendar: Path) -> None:
    """Let no session be open today: recorded prices would lag behind it."""
    text = calendar.read_text(encoding="utf-8")
    today = datetime.now(UTC)
    opens, closes = (f"{today + timedelta(days):%A} 17:00".lower() for days in (2, 5))
    changed, count = re.subn(
        r"opens: .*\n(\s+)closes: .*", rf"opens: {opens}\n\1closes: {closes}", text
    )
    assert count == 1
    calendar.write_text(changed, encoding="utf-8")


def stopped(folder: Path) -> str:
    """Let a drawdown stop the loop, as the next look, and return the incident."""
    events = governing.governance_events(folder / "var")
    governance = Governance(streams=Streams(events), causes=CAUSES)
    last = run(governance.state(STOP_LATCH)).last
    command = EvaluateSafety(
        latch=LATCH_NAME,
        evaluation=1 if last is None else last.evaluation + 1,
        at_ns=standby.wall_clock().now_ns(),
        readings=readings(drawdown_ratio=reading_of(0.09)),
        policy=safety_policy(),
    )
    run(governance.run(STOP_LATCH, command))
    latch = run(governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.caused_by is not None
    assert latch.incident.triggers == {"drawdown"}
    body = incident_bytes(latch.caused_by, latch=LATCH_NAME, incident=latch.incident)
    standby.artifact_root(folder / "var").create(incident_path(latch.incident), body)
    return latch.incident.incident_id


def test_commands_of_the_page_do_what_it_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: dict[str, Ended] = {}
    incident = ""
    for name, value, words in TYPED:
        if is_lasting(words):
            continue
        if words[:2] == ["latch", "show"]:
            incident = stopped(folder)
        with monkeypatch.context() as patch:
            if name:
                patch.setenv(name, str(folder / value))
            settings.cache_clear()
            typed_words = [incident if word == "INCIDENT" else word for word in words]
            ended[" ".join(words[:2])] = typed(*typed_words)
        settings.cache_clear()

    assert {name: one.status for name, one in ended.items()} == {
        "status": 7,  # nobody serves here
        "scheduler cycle": 0,
        "latch show": 1,
        "latch release": 0,
        "scheduler run": 0,
    }
    assert "drawdown" in ended["latch show"].out
    assert len(ended["scheduler run"].out.splitlines()) == 4
    notes = sorted((folder / "backfill" / "notes").iterdir())
    assert [read_note(one.read_bytes()).iteration for one in notes] == [1, 2, 3, 4]
    assert ARTIFACT_DIR in {name for name, _, _ in TYPED}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_goes_on_until_it_is_asked_to_stop_governs(tmp_path: Path) -> None:
    serve, alone = [words for _, _, words in TYPED if is_lasting(words)]
    note = tmp_path / "var" / "notes" / "iteration-1.md"

    with live_service(tmp_path, tmp_path / "live.log") as service:
        service.options = tuple(word for word in serve[1:] if word not in ("--log", "live.log"))
        service.start()
        _wait_until(note.exists)
        assert service.end() == 0
    process = started(tmp_path, *alone)
    try:
        lease = tmp_path / "var" / standby.LEASE
        _wait_until(lambda: bool((held := read_lease(lease)) and held.expires_wall_ns))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.communicate()


def _wait_until(found: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 60
    while not found():
        assert time.monotonic() < end
        time.sleep(0.1)
