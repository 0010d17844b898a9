"""``torghut approval`` and ``torghut promotion``: from keys to a promotion, as typed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.eventlog import CAUSES
from tests.support.decisions.declared import ROOT
from tests.support.governance.promoting import Grounds
from tests.support.lane.rollouts import plan
from tests.support.machine.commands import Ended, installation, typed
from torghut.composition import governing
from torghut.governance.rollouts.rollout import StartRun
from torghut.schemas.control import CONTROL_RECORD, PackageChanged
from torghut.settings import DECLARATION_FOLDERS, DECLARATIONS_DIR, artifact_dir, settings
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.streams import Streams

LIVE_GROUNDS: Final = governing.live_grounds
EXAMPLE: Final = ROOT / "examples" / "rollout_manifest.py"
PAGE: Final = ROOT / "docs" / "how-to" / "approve-a-candidate.md"
COMMAND: Final = re.compile(r"^\$ (torghut .+)$", re.MULTILINE)
PAPER: Final = "var/runs/example-1/rollout/phase-manifest.json"
SIGNED: Final = ("--key", "scheduler.pem", "--author", "author.pem")
ROLES: Final = {
    "scheduler": "scheduler",
    "author": "model",
    "mine": "production",
    "second": "production",
}


def declare(folder: Path, *names: str) -> None:
    """Let the owners of ``folder`` declare the keys of ``names``."""
    said = [
        typed("key", "fingerprint", str(folder / f"{name}.pem.pub"), "--role", ROLES[name]).out
        for name in names
    ]
    text = (ROOT / "governance" / "owners.yaml").read_text(encoding="utf-8")
    place = folder / "declared" / "governance" / "owners.yaml"
    place.write_text(text.replace("keys: []", "keys:\n" + "".join(said)), encoding="utf-8")


def example(folder: Path, *arguments: str) -> None:
    """Run the lane by hand, in a process of its own."""
    subprocess.run(
        [sys.executable, EXAMPLE, "var", *SIGNED, *arguments],
        check=True,
        env={**os.environ, DECLARATIONS_DIR: str(folder / "declared")},
        cwd=folder,
        timeout=50,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with keys that are declared, a run for paper and a run for live."""
    folder = tmp_path_factory.mktemp("made")
    for name, role in ROLES.items():
        assert typed("key", "new", str(folder / f"{name}.pem"), "--role", role).status == 0
    (folder / "declared").mkdir()
    for name in DECLARATION_FOLDERS:
        if name != "governance":
            (folder / "declared" / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "governance", folder / "declared" / "governance")
    declare(folder, *ROLES)
    example(folder)
    example(folder, "--run", "example-2", "--target", "live")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of it, in which commands work."""
    shutil.copytree(made, tmp_path / "work", symlinks=True)
    monkeypatch.setenv(DECLARATIONS_DIR, str(tmp_path / "work" / "declared"))
    monkeypatch.setattr(governing, "live_grounds", lambda _: Grounds())
    with installation(monkeypatch, tmp_path / "work") as place:
        yield place
    settings.cache_clear()


def candidate() -> str:
    """Return the digest of the candidate that was tried."""
    found = typed("promotion", "show", "index-daily", "--json").json
    (digest,) = found["candidates"]
    return str(digest)


def asked(*changes: str) -> Ended:
    """Return how asking ends, with further or other options."""
    return typed(
        *("approval", "request", PAPER, "--candidate", candidate(), "--notional-cap", "25000"),
        *("--reason", "better", "--key", "author.pem", "--json", *changes),
    )


def granted(approval: str, key: str = "mine", expires: str = "24h") -> Ended:
    """Return how granting ends."""
    return typed("approval", "grant", approval, "--key", f"{key}.pem", "--expires", expires)


def approved() -> str:
    """Return an approval that was granted."""
    approval = str(asked().json["approval"])
    assert granted(approval).status == 0
    return approval


@pytest.mark.usefixtures("folder")
def test_commands_of_the_page_do_what_it_says() -> None:
    found = COMMAND.findall(PAGE.read_text(encoding="utf-8"))
    approval, digest = "", candidate()
    ended: list[tuple[str, int]] = []
    for line in found:
        words = [word.replace("DIGEST", digest) for word in shlex.split(line.split("|")[0])]
        words = [approval if word == "ID" else word for word in words]
        verb = " ".join(words[1:3])
        if verb == "key new":
            words[3] = "another.pem"  # the page's own is there
        if verb in ("approval deny", "approval revoke"):
            words[3] = str(asked("--notional-cap", str(len(ended))).json["approval"])
        if verb == "approval revoke":
            assert granted(words[3]).status == 0
        result = typed(*words[1:])
        ended.append((verb, result.status))
        if verb == "approval request":
            approval = result.out.split()[1]

    assert [verb for verb, status in ended if status] == []
    assert {verb for verb, _ in ended} == {
        *("key new", "approval request", "approval list", "approval grant", "approval deny"),
        *("approval revoke", "promotion apply", "promotion revert"),
    }
    assert typed("promotion", "list", "--json").json["routers"][0]["version"] == 3


@pytest.mark.usefixtures("folder")
def test_what_is_printed_is_what_a_running_loop_takes() -> None:
    line = typed("promotion", "apply", "example-1", "--control").out

    record = CONTROL_RECORD.validate_json(line)

    assert isinstance(record, PackageChanged)
    assert (record.router, record.package) == ("index-daily", candidate())
    assert typed("promotion", "apply", "example-1", "--control").out == line
    assert line.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_the_last_attempt_at_a_run_is_promoted_unless_another_is_asked_for() -> None:
    events = governing.governance_events(artifact_dir())
    governance = Governance(streams=Streams(events), causes=CAUSES)
    begun = StartRun(plan=plan(attempt=2, run_id="example-1"), at_ns=1)
    asyncio.run(governance.run(rollout_of("example-1", 2), begun))

    refused(typed("promotion", "apply", "example-1"), 4, "artifacts.unreadable")
    assert typed("promotion", "apply", "example-1", "--attempt", "1").status == 0


@pytest.mark.usefixtures("folder")
def test_what_is_taken_back_is_told_as_well() -> None:
    typed("promotion", "apply", "example-1", "--replaces", "ab" * 32)
    arguments = ("promotion", "revert", "index-daily", "--reason", "drawdown", "--cause", "i-1")

    first, again = typed(*arguments, "--control"), typed(*arguments, "--control")

    assert first.out == again.out
    assert json.loads(first.out)["package"] == "ab" * 32
    assert typed("promotion", "revert", "index-daily", "--reason", "x").status == 1


def refused(ended: Ended, status: int, code: str) -> None:
    """Check that a command refused, by a code."""
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith(f"{code}: ")


@pytest.mark.usefixtures("folder")
def test_who_may_not_grant_is_told_why() -> None:
    approval = str(asked().json["approval"])

    refused(granted(approval, "author"), 1, "approvals.author-approves")
    refused(granted(approval, "scheduler"), 1, "approvals.role-missing")
    refused(granted(approval, expires="25h"), 1, "approvals.expiry-too-long")
    refused(granted("none"), 1, "approvals.not-requested")
    typed("key", "new", "stranger.pem")
    refused(granted(approval, "stranger"), 1, "approvals.key-undeclared")
    assert granted(approval, expires="a day").status == 2
    assert granted(approval).status == 0
    refused(granted(approval, expires="1h"), 1, "approvals.same-key")
    assert granted(approval, "second").status == 0


def test_a_key_that_is_taken_out_of_the_owners_promotes_nothing(folder: Path) -> None:
    approval = approved()
    declare(folder, "scheduler", "author", "second")

    listed = typed("approval", "list", "--json").json["approvals"]

    assert [one["code"] for one in listed] == ["approvals.grants-missing"]
    live = typed("promotion", "apply", "example-2", "--approval", approval)
    refused(live, 1, "approvals.grants-missing")


def test_a_manifest_that_no_declared_scheduler_signed_speaks_for_nobody(folder: Path) -> None:
    declare(folder, "author", "mine")

    refused(asked(), 4, "approvals.manifest-unsigned")
    refused(typed("promotion", "apply", "example-1"), 1, "ledger.manifest-unfit")


def test_a_manifest_that_was_altered_speaks_for_nobody(folder: Path) -> None:
    evidence = folder / "var/runs/example-1/evidence/slo_drift_gate_allowed.json"
    evidence.write_bytes(evidence.read_bytes() + b" ")

    refused(asked(), 4, "approvals.manifest-refused")
    refused(typed("promotion", "apply", "example-1"), 4, "approvals.manifest-refused")


@pytest.mark.usefixtures("folder")
def test_what_is_wrong_with_a_request_is_told() -> None:
    refused(asked("--candidate", "00" * 32), 1, "approvals.candidate-mismatch")
    refused(asked("--key", "author.pem.pub"), 2, "artifacts.key-unusable")
    refused(asked("--reason", " "), 2, "safety.reason-missing")
    assert asked("--notional-cap", "0").status == 2
    assert asked("--notional-cap", "1e9").status == 2
    lane = PAPER.replace(".json", ".lane.json")
    ended = typed(
        *("approval", "request", lane, "--candidate", candidate(), "--notional-cap", "1"),
        *("--reason", "better", "--key", "author.pem"),
    )
    refused(ended, 6, "approvals.manifest-not-final")


@pytest.mark.usefixtures("folder")
def test_live_takes_an_approval_and_uses_it_up() -> None:
    refused(typed("promotion", "apply", "example-2"), 1, "ledger.approval-missing")
    approval = approved()

    applied = typed("promotion", "apply", "example-2", "--approval", approval, "--json")
    again = typed("promotion", "apply", "example-2", "--approval", approval, "--json")

    assert (applied.json["again"], again.json["again"]) == (False, True)
    (one,) = typed("approval", "list", "--json").json["approvals"]
    assert (one["approved"], one["code"]) == (False, "approvals.used-up")
    assert typed("promotion", "show", "index-daily", "--json").json["target"] == "live"


@pytest.mark.usefixtures("folder")
def test_live_takes_what_is_declared_and_on_record_besides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approval = approved()
    monkeypatch.setattr(governing, "live_grounds", LIVE_GROUNDS)

    live = typed("promotion", "apply", "example-2", "--approval", approval)

    refused(live, 1, "promotion.live-unfounded")
    assert "live-not-allowed, drift-evidence-missing, stage-allows-paper-only" in live.err
    assert [one["approved"] for one in typed("approval", "list", "--json").json["approvals"]] == [
        True
    ]


@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_said() -> None:
    refused(typed("promotion", "apply", "no-run"), 2, "reviewing.run-unknown")
    refused(typed("promotion", "show", "no-router"), 1, "ledger.candidate-unknown")
    refused(typed("key", "new", "mine.pem"), 2, "filesystem.key-exists")


@pytest.mark.usefixtures("folder")
def test_lists_say_it_to_people() -> None:
    approval = approved()
    typed("promotion", "apply", "example-1")

    assert "approved" in typed("approval", "list").out
    assert approval in typed("approval", "list").out
    assert "router-candidate-1" in typed("promotion", "list").out
    assert "index-daily@champion" in typed("promotion", "show", "index-daily").out
    shown = typed("key", "fingerprint", "mine.pem", "--json").json
    assert shown == typed("key", "fingerprint", "mine.pem.pub", "--json").json


@pytest.mark.usefixtures("folder")
def test_an_alias_names_who_serves() -> None:
    assert typed("promotion", "show", "index-daily@challenger").out == candidate() + "\n"
    assert typed("promotion", "show", "index-daily@champion").status == 1
    typed("promotion", "apply", "example-1")

    assert typed("promotion", "show", "index-daily@champion").out == candidate() + "\n"
    assert typed("promotion", "show", "index-daily@previous", "--json").json["candidate"] is None
