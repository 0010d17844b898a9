"""``torghut latch``: what an engineer on call types when governance has stopped a loop."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.eventlog import CAUSES, run
from tests.support.decisions.declared import ROOT
from tests.support.governance.governing import readings, safety_policy
from tests.support.machine.commands import Ended, installation, typed
from tests.support.machine.runbooks import PAGES, commands_of, holds, words_of
from torghut.composition import governing, standby
from torghut.governance.safety.latch import (
    EvaluateSafety,
    ReleaseLoop,
    incident_bytes,
    incident_path,
)
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.governing.fields import Person, reading_of
from torghut.schemas.governing.latch import SafetyReadings
from torghut.settings import DECLARATION_FOLDERS, DECLARATIONS_DIR, settings
from torghut.workflows.aggregates import LATCH_NAME, STOP_LATCH, Governance
from torghut.workflows.streams import Streams

ROLES: Final = {"mine": "production", "second": "security", "machine": "scheduler"}
NOBODY: Final = "incident-" + "0" * 64
DRAWDOWN: Final = readings(drawdown_ratio=reading_of(0.09))
LAG: Final = readings(lag_ms=reading_of(700_000.0))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder in which commands work, with people whose keys are declared."""
    declared = tmp_path / "declared"
    declared.mkdir()
    for name in DECLARATION_FOLDERS:
        if name != "governance":
            (declared / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "governance", declared / "governance")
    monkeypatch.setenv(DECLARATIONS_DIR, str(declared))
    with installation(monkeypatch, tmp_path) as place:
        said = [
            typed("key", "new", f"{name}.pem", "--role", role).out for name, role in ROLES.items()
        ]
        owners = declared / "governance" / "owners.yaml"
        text = owners.read_text(encoding="utf-8")
        owners.write_text(text.replace("keys: []", "keys:\n" + "".join(said)), encoding="utf-8")
        yield place
    settings.cache_clear()


def governance(folder: Path) -> Governance:
    """Return the streams of the governance in ``folder``."""
    events = governing.governance_events(folder / "var")
    return Governance(streams=Streams(events), causes=CAUSES)


def evaluated(folder: Path, *told: SafetyReadings) -> LatchState:
    """Let governance have read ``told``, and return its latch; the evidence is kept."""
    streams, root = governance(folder), standby.artifact_root(folder / "var")
    for one in told:
        last = run(streams.state(STOP_LATCH)).last
        command = EvaluateSafety(
            latch=LATCH_NAME,
            evaluation=1 if last is None else last.evaluation + 1,
            at_ns=standby.wall_clock().now_ns(),
            readings=one,
            policy=safety_policy(),
        )
        run(streams.run(STOP_LATCH, command))
        latch = run(streams.state(STOP_LATCH))
        if latch.incident is not None and latch.caused_by is not None:
            body = incident_bytes(latch.caused_by, latch=LATCH_NAME, incident=latch.incident)
            root.create(incident_path(latch.incident), body)
    return run(streams.state(STOP_LATCH))


def stopped(folder: Path, *told: SafetyReadings) -> str:
    """Return the incident that ``told`` make."""
    incident = evaluated(folder, *told).incident
    assert incident is not None
    return incident.incident_id


def release(incident: str, *triggers: str, key: str = "mine", reason: str = "mended") -> Ended:
    """Return how a release ends."""
    named = [word for one in triggers for word in ("--trigger", one)]
    return typed(
        *("latch", "release", incident, *named),
        *("--reason", reason, "--key", f"{key}.pem"),
    )


def refused(ended: Ended, status: int, code: str) -> None:
    """Check that a command refused, by a code."""
    assert (ended.status, ended.out) == (status, ""), ended
    assert ended.err.startswith(f"{code}: ")


@pytest.mark.usefixtures("folder")
def test_where_nobody_ever_governed_nothing_is_known() -> None:
    ended = typed("latch", "show")

    assert ended.status == 7
    assert "nobody has ever governed here" in ended.out
    assert not Path("var/governance.log").exists(), "a look makes nothing"


def test_open_latch_is_a_yes(folder: Path) -> None:
    evaluated(folder, readings())
    ended = typed("latch", "show")

    assert ended.status == 0
    assert ended.out.splitlines()[0].split() == ["latch", "open"]


def test_closed_latch_is_told_with_readings_limits_evidence_and_what_to_type(folder: Path) -> None:
    incident = stopped(folder, readings(), LAG, DRAWDOWN)
    ended = typed("latch", "show")

    assert ended.status == 1
    said = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert said[0].startswith("latch closed since 20")
    assert said[0].endswith(": signal-lag, drawdown")
    assert any("signal-lag 700,000 ms, limit 600,000 ms at 20" in line for line in said)
    assert any("at the last look: no longer; recovers by itself" in line for line in said)
    assert any("drawdown 0.09, limit 0.08 at 20" in line for line in said)
    assert any("recovery none: drawdown waits for people" in line for line in said)
    assert f"evidence incidents/{incident}-1.json: as it was written" in said
    assert "takes one key" in said
    assert said[-1] == (
        f"next torghut latch release {incident} --trigger drawdown --trigger signal-lag "
        "--reason TEXT --key FILE"
    )
    assert typed("latch", "show", "--json").json["incident"]["evidence_found"] == "as-written"


def test_command_that_is_shown_opens_it(folder: Path) -> None:
    stopped(folder, DRAWDOWN)
    shown = typed("latch", "show").out.splitlines()[-1].removeprefix("next").strip()
    words = [{"TEXT": "looked at it", "FILE": "mine.pem"}.get(w, w) for w in shlex.split(shown)]

    ended, again = typed(*words[1:]), typed(*words[1:])

    assert (ended.status, again.status) == (0, 0)
    assert "open" in ended.out
    assert "open, as it was before" in again.out
    shown = typed("latch", "show").out
    assert "because   looked at it" in shown
    assert typed("latch", "show").status == 0


def test_what_recovers_by_itself_says_how_many_looks_are_missing(folder: Path) -> None:
    stopped(folder, LAG, readings())
    ended = typed("latch", "show")

    assert ended.status == 1
    assert "by itself after 3 clean evaluations in a row; 1 of them so far" in ended.out
    evaluated(folder, readings(), readings())
    assert "recovered" in typed("latch", "show").out


def test_live_loop_is_let_go_by_two_persons(folder: Path) -> None:
    incident = stopped(folder, readings(mode="live", drawdown_ratio=reading_of(0.09)))
    first = release(incident, "drawdown")

    assert first.status == 6
    assert "this is the first" in first.out
    shown = typed("latch", "show")
    assert shown.status == 1
    assert "another key must say so by then" in shown.out
    assert "two different keys" in shown.out
    assert release(incident, "drawdown").status == 6
    refused(release(incident, "drawdown", reason="again"), 1, "safety.second-person-needed")
    assert release(incident, "drawdown", key="second").status == 0
    assert typed("latch", "show").status == 0


def test_each_refusal_has_its_code_and_changes_nothing(folder: Path) -> None:
    refused(release(NOBODY, "drawdown"), 1, "safety.not-stopped")
    incident = stopped(folder, LAG, DRAWDOWN)
    typed("key", "new", "stranger.pem")

    refused(release(NOBODY, "drawdown", "signal-lag"), 5, "safety.incident-mismatch")
    refused(release(incident, "drawdown"), 5, "safety.triggers-unacknowledged")
    both = ("drawdown", "signal-lag")
    refused(release(incident, *both, key="stranger"), 1, "approvals.key-undeclared")
    refused(release(incident, *both, key="machine"), 1, "releases.role")
    refused(release(incident, *both, reason=" "), 2, "safety.reason-missing")
    refused(release(incident, *both, reason="x" * 501), 2, "safety.reason-missing")
    Path("public.pem").write_bytes(Path("mine.pem.pub").read_bytes())
    refused(release(incident, *both, key="public"), 2, "artifacts.key-unusable")
    for usage in (("incident-1",), (incident, "--trigger", "made-up"), (incident,)):
        asked = typed("latch", "release", *usage, "--reason", "x", "--key", "mine.pem")
        assert asked.status == 2
    assert typed("latch", "show").status == 1


@pytest.mark.parametrize("harm", ["altered", "missing"])
def test_evidence_that_is_not_as_it_was_written_is_an_integrity_fault(
    folder: Path, harm: str
) -> None:
    incident = stopped(folder, DRAWDOWN)
    file = folder / "var" / "incidents" / f"{incident}-0.json"
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b" ")
    ended = typed("latch", "show")

    assert ended.status == 4
    assert harm.upper() in ended.out


def test_release_that_nobody_signed_is_an_integrity_fault(folder: Path) -> None:
    incident = evaluated(folder, DRAWDOWN).incident
    assert incident is not None
    written = ReleaseLoop(
        incident_id=incident.incident_id,
        triggers=incident.triggers,
        person=Person(name="production", key="ab" * 32),
        reason="because",
        at_ns=0,
        policy=safety_policy(),
    )
    run(governance(folder).run(STOP_LATCH, written))
    ended = typed("latch", "show")

    assert ended.status == 4
    assert "the loop stays stopped" in ended.out
    assert typed("latch", "show", "--json").json["unproven"]


def test_log_that_is_not_as_it_was_written_is_an_integrity_fault(folder: Path) -> None:
    evaluated(folder, readings())
    log = folder / "var" / "governance.log"
    log.write_bytes(b"no log" * 1000)

    ended = typed("latch", "show")

    assert (ended.status, ended.out) == (4, "")


def test_somebody_who_writes_meanwhile_keeps_nobody_from_looking(folder: Path) -> None:
    stopped(folder, DRAWDOWN)
    events = governing.governance_events(folder / "var")

    async def look() -> Ended:
        async with events.session():
            return await asyncio.to_thread(typed, "latch", "show")

    assert run(look()).status == 1


def test_commands_of_the_runbook_do_what_it_says(folder: Path) -> None:
    (page,) = [one for one in PAGES if one.stem == "LoopStopped"]
    stands_for = {"INCIDENT": stopped(folder, DRAWDOWN), "FILE": "mine.pem"}
    typed_here = [one for one in commands_of(page) if words_of(one.command)[0] == "latch"]
    for one in typed_here:
        words = [stands_for.get(word, word) for word in words_of(one.command)]
        ended = typed(*words)
        assert ended.status == one.status, f"{one.command}\n{ended.out}{ended.err}"
        for line in one.shown:
            assert holds(line, ended.out), f"{one.command}\n{line}\nnot in\n{ended.out}"

    assert [words_of(one.command)[1] for one in typed_here] == ["show", "release", "show"]
