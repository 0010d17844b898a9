"""``torghut lane`` as it is typed: candidates submitted, run and listed, killed ones included."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import ROOT, shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import copied
from tests.support.governance.promoting import fingerprint_of, key_of, keyring, owners
from tests.support.lane.lanes import ROUTER, SYMBOL
from tests.support.lane.planted import market, regimes
from tests.support.machine.commands import Ended, installation, started, typed
from tests.support.scheduling.schedulers import Changes, declare
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.sqlite.store import open_log
from torghut.composition import governing, lanes
from torghut.governance.approvals.making import STREAM as SIGNED
from torghut.governance.lanes.queue import STREAM
from torghut.settings import DECLARATIONS_DIR, settings
from torghut.workflows.approving.makers import is_maker_known, makers_of
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold

CANDIDATE: Final = regimes(1.0)
WINDOW: Final = "2014-05-01..2014-05-31"
MANIFEST: Final = "var/rollout/phase-manifest.json"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of made prices."""
    path = tmp_path_factory.mktemp("lane") / "fx.log"

    async def write() -> None:
        log = open_log(path, clock=HandClock(), ids=CountingIds())
        setup = Setup(kernel=compiled(), declarations=shipped(), packages={ROUTER: regimes()})
        opened = await open_fold(log, setup)
        run = Run(
            source=ArraySource(rows=market(2500), symbols=(SYMBOL,)),
            log=log,
            fold=opened.fold,
            controls=opened.controls,
            settings=LoopSettings(batch_records=2000),
        )
        await run_loop(run)
        await log.close()

    asyncio.run(write())
    return path


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder with a log and a candidate, in which commands work."""
    copied(template, tmp_path / "fx.log")
    FolderPackageStore(tmp_path / "packages").save(CANDIDATE)
    with installation(monkeypatch, tmp_path) as place:
        yield place


DECLARED: Final[Changes] = {
    "governance/policies/scheduler.yaml": [("every_s: 60", "every_s: 90")],
    "governance/policies/drift.yaml": [
        ("evidence_max_age_ms: 1800000", "evidence_max_age_ms: 600000")
    ],
}


def test_the_lane_works_by_what_is_declared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DECLARATIONS_DIR, str(declare(folder / "declared", DECLARED)))
    settings.cache_clear()

    desk = asyncio.run(lanes.lane_desk(lambda _phase, _what, _far: None))

    assert (desk.ports.cycle_length_s, desk.ports.drift_max_age_ms) == (90, 600_000)


def submit(candidate: str = str(CANDIDATE.reference), *more: str, router: str = ROUTER) -> Ended:
    """Submit a candidate."""
    return typed(
        *("lane", "submit", "--candidate", candidate, "--packages", "packages"),
        *("--router", router, "--log", "fx.log", "--window", WINDOW, *more),
    )


def test_a_candidate_is_submitted_run_and_shown(folder: Path) -> None:
    asked = submit(str(CANDIDATE.reference), "--json")
    assert asked.status == 0, asked.err
    assert asked.json["submission"] == 1
    assert submit().status == 0
    listed = typed("lane", "list", "--json").json
    assert [one["submission"] for one in listed["waiting"]] == [1]

    ran = typed("lane", "run", "--json")

    assert ran.status == 0, ran.err
    (one,) = ran.json["runs"]
    assert (one["ended"]["outcome"], one["verdict"]) == ("completed", "insufficient")
    assert one["manifest"].startswith("runs/lane-")
    (ledger,) = typed("promotion", "list", "--json").json["routers"]
    assert (ledger["trials"], ledger[f"{ROUTER}@challenger"]) == (1, None)
    after = typed("lane", "list", "--json").json
    assert (after["waiting"], after["running"], after["failure_streak"]) == ([], None, 0)
    assert typed("rollout", "show", MANIFEST).status == 0
    verified = typed("rollout", "verify", MANIFEST)
    assert verified.status == 6
    assert "✓ evidence" in verified.out
    assert (folder / "var" / one["manifest"]).is_file()
    own = folder / "var" / "runs" / one["ended"]["run_id"]
    assert "Verdict: insufficient" in (own / "review.html").read_text()
    assert json.loads((own / "disagreements.json").read_text())["log"] == str(folder / "fx.log")


def test_the_page_names_a_command_for_each_disagreement_and_it_shows_the_decision(
    folder: Path,
) -> None:
    other = regimes(-0.5)
    FolderPackageStore(folder / "packages").save(other)
    submit(str(other.reference))
    (ran,) = typed("lane", "run", "--json").json["runs"]
    page = (folder / "var" / "runs" / ran["ended"]["run_id"] / "review.html").read_text()

    commands = [unescape(one) for one in re.findall(r"<code>(torghut decision .*?)</code>", page)]

    assert len(commands) == 10
    for words in map(shlex.split, commands[:3]):
        shown = typed(*words[1:], "--json")
        assert shown.status == 0, shown.err
        assert shown.json["context_id"] == words[3]


@pytest.mark.slow
def test_the_same_again_is_another_attempt_and_no_further_trial(folder: Path) -> None:
    names = []
    for _ in range(2):
        submit()
        names.append(typed("lane", "run", "--once", "--json").json["runs"][0]["ended"])

    assert names[0]["run_id"] == names[1]["run_id"]
    assert [one["attempt"] for one in names] == [1, 2]
    cards = [
        (folder / "var" / "runs" / names[0]["run_id"] / below / "evaluation-card.json").read_text()
        for below in (".", "attempts/2")
    ]
    assert cards[0] == cards[1]
    assert '"trials":1' in cards[0]


@pytest.mark.slow
def test_another_policy_is_a_candidate_too(folder: Path) -> None:
    for name in ("streams", "router", "governance"):
        shutil.copytree(ROOT / name, folder / "other" / name)
    gates = folder / "other/governance/policies/gates.yaml"
    gates.write_text(gates.read_text().replace("default: 0.4", "default: 0.45", 1))

    asked = submit("other", "--json")

    assert asked.status == 0, asked.err
    assert asked.json["candidate_id"].startswith("policy-fx-intraday-")
    ran = typed("lane", "run", "--json").json["runs"][0]
    assert ran["ended"]["outcome"] == "completed"


@pytest.mark.parametrize(
    ("candidate", "router", "says"),
    [
        (str(CANDIDATE.reference), "fx-other", "a router in use"),
        (str(CANDIDATE.reference), "index-daily", "a package of router index-daily"),
        (str(regimes().reference), ROUTER, "other than the champion's"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    folder: Path, candidate: str, router: str, says: str
) -> None:
    FolderPackageStore(folder / "packages").save(regimes())

    refused = submit(candidate, router=router)

    assert refused.status == 2
    assert refused.err.splitlines()[-1].startswith("lanes.candidate-refused:")
    assert says in refused.err


def test_who_made_a_candidate_is_known_by_their_key(folder: Path) -> None:
    FolderPackageStore(folder / "packages").save(CANDIDATE)
    typed("key", "new", "ann.pem")
    declared = typed("key", "fingerprint", "ann.pem.pub", "--json").json["fingerprint"]
    for named in ("ann.pem.pub", declared):
        assert submit(str(CANDIDATE.reference), "--author", named).status == 0
    authors = {
        json.loads(one.body)["asked"]["author"]
        for one in asyncio.run(governing.governance_events(folder / "var").read_events(STREAM))
    }

    assert authors == {declared}
    refused = submit(str(CANDIDATE.reference), "--author", "ann.pem")
    assert (refused.status, refused.err.split(":")[0]) == (1, "approvals.key-undeclared")
    for nobody in ("ann", "gone.pub"):
        refused = submit(str(CANDIDATE.reference), "--author", nobody)
        assert (refused.status, "is no public key" in refused.err) == (2, True)


def test_who_made_a_candidate_signs_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FolderPackageStore(folder / "packages").save(CANDIDATE)
    monkeypatch.setattr(governing, "owners", owners)
    pem = key_of("author").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "author.pem").write_bytes(pem)
    for _ in range(2):
        assert submit(str(CANDIDATE.reference), "--author", "author.pem").status == 0
    events = governing.governance_events(folder / "var")

    assert asyncio.run(is_maker_known(events, CANDIDATE.digest, keyring()))
    assert len(asyncio.run(events.read_events(SIGNED))) == 1
    assert asyncio.run(makers_of(events, CANDIDATE.digest)) == {fingerprint_of("author")}


@pytest.mark.usefixtures("folder")
def test_a_window_without_anything_in_it_is_refused() -> None:
    refused = typed(
        *("lane", "submit", "--candidate", str(CANDIDATE.reference), "--packages", "packages"),
        *("--router", ROUTER, "--log", "fx.log", "--window", "2015-01-01..2015-01-02"),
    )

    assert refused.status == 2
    assert "a log of 2014-05-13" in refused.err


def test_a_log_that_is_gone_fails_the_run_on_record(folder: Path) -> None:
    submit()
    for name in ("fx.log", "fx.log.heads"):
        (folder / name).unlink()

    ran = typed("lane", "run", "--json")

    assert ran.status == 1
    (one,) = ran.json["runs"]
    assert (one["ended"]["outcome"], one["ended"]["phase"]) == ("failed", "gate-evaluation")
    assert one["status"] == "fail"
    assert "lane crashed" in typed("rollout", "show", MANIFEST).out
    assert typed("lane", "list", "--json").json["failure_streak"] == 1


def test_nothing_to_run_is_a_no_and_another_lane_at_work_is_not_the_time(folder: Path) -> None:
    assert typed("lane", "run").status == 1
    with governing.lane_turn(folder / "var"):
        taken = typed("lane", "run")
    assert taken.status == 6
    assert "filesystem.turn-taken" in taken.err


def test_live_is_lowered_where_no_cycle_admits_it(folder: Path) -> None:
    submit(str(CANDIDATE.reference), "--target", "live")

    ran = typed("lane", "run", "--json")

    (one,) = ran.json["runs"]
    assert one["requested_promotion_target"] == "paper"
    summary = json.loads((folder / MANIFEST).read_text())["observation_summary"]
    assert summary["asked_promotion_target"] == "live"
    assert "approvals-not-requested" in summary["missing_for_live"]


@pytest.mark.slow
def test_a_lane_that_is_killed_is_ended_by_the_next_one(folder: Path) -> None:
    submit()
    child = started(folder, "lane", "run", "--once")
    inputs = folder / "var" / "runs"
    deadline = time.monotonic() + 50
    while not list(inputs.glob("*/inputs.json")):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.002)
    child.kill()
    child.communicate()
    assert typed("lane", "list", "--json").json["running"] is not None

    ran = typed("lane", "run", "--json")

    (one,) = ran.json["runs"]
    assert (one["ended"]["outcome"], one["ended"]["phase"]) == ("killed", "gate-evaluation")
    assert one["status"] == "fail"
    assert typed("lane", "list", "--json").json["failure_streak"] == 1
    submit()
    again = typed("lane", "run", "--json").json["runs"][0]["ended"]
    assert (again["attempt"], again["outcome"], again["failure_streak"]) == (2, "completed", 0)
