"""The rollout's stages by their commands, and every command of the page that explains them."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES
from tests.support.decisions.declared import ROOT, shipped
from tests.support.decisions.logs import copied, write_log
from tests.support.governance.rolling import (
    COMMIT,
    console_commands,
    declare,
    junit,
    key_file,
    scraped,
)
from tests.support.governance.staging import shipped_roadmap
from tests.support.lane.queueing import ended, start, submit
from tests.support.lane.rollouts import RUN_ID, START_NS, plan
from tests.support.live.latencies import counted
from tests.support.machine.commands import Ended, installation, typed
from tests.unit.governance.safety.test_rollback import trigger
from torghut.composition import governing, standby
from torghut.governance.rollouts.rollout import StartRun
from torghut.governance.slo.latency import Process, ReadLatency
from torghut.kernel.times import instant
from torghut.schemas.declarations.roadmap import ExitCriterion, ShownByTest
from torghut.schemas.staging.slo_window import SLOS
from torghut.settings import COMMIT as VARIABLE
from torghut.settings import DECLARATIONS_DIR, artifact_dir
from torghut.workflows.aggregates import LATENCIES, Governance, rollback_of, rollout_of
from torghut.workflows.lane.running import lane_command
from torghut.workflows.staging.climbing import LADDER_STREAM
from torghut.workflows.streams import Streams

PAGE: Final = ROOT / "docs" / "how-to" / "lead-a-rollout.md"
FROZEN: Final = (
    "tests.acceptance.test_rollout_baselines",
    "test_freeze_baseline_artifact_references_for_comparison",
)
_RECORDS_OF_NO_USE: Final = ("of another stage", "from before", "edited")
BEGIN: Final = ("stage", "advance", "--reason", "begin", "--key", "ann.pem")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log that was decided once, and with keys that are declared."""
    folder = tmp_path_factory.mktemp("made")
    write_log(folder / "decisions.log")
    keys = {"production": key_file(folder / "ann.pem"), "scheduler": key_file(folder / "s.pem", 9)}
    declare(folder / "declared", keys)
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    """Work in a folder that has a log, a key, a report of tests and readings of metrics."""
    monkeypatch.setenv(VARIABLE, COMMIT)
    monkeypatch.setenv(DECLARATIONS_DIR, str(template / "declared"))
    with installation(monkeypatch, tmp_path) as folder:
        monkeypatch.setattr("torghut.composition.deciding.load", lambda _folder: shipped())
        copied(template / "decisions.log", folder / "decisions.log")
        for name in ("ann.pem", "s.pem"):
            shutil.copy(template / name, folder / name)
        junit(folder / "report.xml", [(*FROZEN, "passed")])
        scraped(folder / "before.prom", [0.5] * 10)
        scraped(folder / "after.prom", [0.5] * 10 + [0.004] * 100)
        yield folder


def baseline() -> str:
    """Capture a baseline and return its path."""
    ended = typed("baseline", "capture", "--log", "decisions.log", "--out", "week-1", "--json")
    return str(ended.json["path"])


def report(*cases: tuple[str, str, str]) -> str:
    """Keep a report of tests and return its path."""
    junit(Path("report.xml"), cases)
    return str(typed("stage", "evidence", "--junit", "report.xml", "--json").json["path"])


def named(criterion: ExitCriterion) -> tuple[str, str, str]:
    """Return the case that shows a criterion, as a report of tests names it."""
    assert isinstance(criterion.evidence, ShownByTest)
    file, _, test = criterion.evidence.test.partition("::")
    return file.removesuffix(".py").replace("/", "."), test, "passed"


def go_on(*evidence: str, key: str = "ann.pem") -> Ended:
    """Return how going on ends."""
    offered = [word for one in evidence for word in ("--evidence", one)]
    return typed("stage", "advance", "--reason", "shown", "--key", key, *offered)


def record_here() -> None:
    """Put the stage in force on record."""
    ended = typed(
        *("governance", "record", "--stage", str(stage()), "--log", "decisions.log"),
        *("--no-images", "a checkout"),
    )
    assert ended.status == 0, ended.err


def stage() -> int | None:
    """Return the stage in force."""
    found: int | None = typed("stage", "show", "--json").json["stage"]
    return found


def test_every_command_of_the_page_runs(here: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    expected = {"slo": 0, "exposure": 0}
    for command in console_commands(page):
        for digest in here.glob("var/baselines/*.json"):
            command = command.replace("DIGEST", digest.stem.rpartition("@")[2])  # noqa: PLW2901
        for digest in here.glob("var/stages/evidence/*.json"):
            command = command.replace("REPORT", digest.stem.rpartition("@")[2])  # noqa: PLW2901
        program, *words = shlex.split(command)
        assert program == "torghut"
        ended = typed(*words)
        assert ended.status == expected.get(words[0], 0), (command, ended.err, ended.out)

    assert stage() == 0
    assert len(list(here.glob("var/stages/records/*.json"))) == 1


REVIEW: Final = ("exposure", "review", "--log", "decisions.log", "--json")
METRICS: Final = ("--metrics", "after.prom", "--metrics-before", "before.prom")


@pytest.fixture
def ends_ns(here: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return when the log ends, which is now."""
    assert here.is_dir()
    found = typed("slo", "show", "--log", "decisions.log", "--json").json["windows"][0]["to_ns"]
    clock = HandClock(int(found))
    monkeypatch.setattr(standby, "wall_clock", lambda: clock)
    return clock.time_ns


def too_slow(looked: Ended) -> list[bool]:
    """Return of each window whether its latency does not keep its level, or is not known."""
    failing = [one["failing"] for one in looked.json["reviewed"]["windows"]]
    return ["fast-path-p95-latency" in one for one in failing]


@pytest.mark.usefixtures("ends_ns")
def test_look_by_hand_counts_the_latency_of_the_metrics_it_is_shown() -> None:
    assert too_slow(typed(*REVIEW, *METRICS)) == [False, False]


def test_look_by_hand_counts_the_latency_readings_on_record(ends_ns: int) -> None:
    assert too_slow(typed(*REVIEW)) == [True, True]
    read_latency(ends_ns)

    assert too_slow(typed(*REVIEW)) == [False, False]


def test_stage_record_counts_the_latency_readings_on_record(ends_ns: int) -> None:
    read_latency(ends_ns)
    record = ("governance", "record", "--stage", "0", "--log", "decisions.log", "--json")

    windows = typed(*record, "--no-images", "a checkout").json["record"]["windows"]
    latency = [row for one in windows for row in one["rows"] if row["id"] == SLOS[1]]

    assert [one["status"] for one in latency] == ["pass", "pass"]


def read_latency(at_ns: int) -> None:
    """Put on record that everything in the log was quick."""
    governance = Governance(
        streams=Streams(governing.governance_events(artifact_dir())), causes=CAUSES
    )
    process = Process(worker="worker-0", pid=1, started_ns=at_ns - 10**15)
    for counts, ago_ns in ((counted(), 10**14), (counted(*[0.004] * 2000), 0)):
        command = ReadLatency(process=process, counts=counts, at_ns=at_ns - ago_ns)
        asyncio.run(governance.run(LATENCIES, command))


def test_look_by_hand_is_refused_at_any_time_but_now(ends_ns: int) -> None:
    assert typed(*REVIEW, *METRICS, "--at", instant(ends_ns - 60 * 10**9)).status in {0, 1}
    for at_ns in (ends_ns + 10**9, ends_ns - 301 * 10**9, ends_ns - 61 * 10**9):
        refused = typed(*REVIEW, *METRICS, "--at", instant(at_ns))
        assert refused.status == 2
        assert refused.err.startswith("exposure.time-refused: ")


def test_look_by_hand_is_on_record_as_somebody_s(ends_ns: int) -> None:
    looked = typed(*REVIEW, *METRICS)
    events = asyncio.run(governing.governance_events(artifact_dir()).read_events(LADDER_STREAM))

    assert "by-hand" in looked.json["reviewed"]["holding"]
    assert events[0].causes.causation_id == f"torghut exposure review by {standby.person()}"
    assert ends_ns


def test_stage_is_left_when_everything_is_shown(here: Path) -> None:
    assert stage() is None
    assert typed(*BEGIN).status == 0
    shown = baseline(), report((*FROZEN, "passed"))
    record_here()

    ended = go_on(f"baseline-snapshot={shown[0]}", f"baseline-frozen={shown[1]}")

    assert (ended.status, stage()) == (0, 1), ended.err
    assert here.joinpath("var", "governance.log").is_file()


@pytest.mark.parametrize(
    "found",
    ["none", *(pytest.param(one, marks=pytest.mark.slow) for one in _RECORDS_OF_NO_USE)],
)
def test_stage_without_its_record_is_not_left(here: Path, found: str) -> None:
    if found == "from before":
        typed("governance", "record", "--stage", "0", "--log", "decisions.log", "--no-images", "x")
    typed(*BEGIN)
    if found == "of another stage":
        typed("governance", "record", "--stage", "1", "--log", "decisions.log", "--no-images", "x")
    if found == "edited":
        record_here()
        (path,) = here.glob("var/stages/records/*.json")
        path.write_bytes(path.read_bytes().replace(b"a checkout", b"a chequers"))
    shown = baseline(), report((*FROZEN, "passed"))
    evidence = f"baseline-snapshot={shown[0]}", f"baseline-frozen={shown[1]}"

    refused = go_on(*evidence)

    assert (refused.status, stage()) == (1, 0)
    assert refused.err.splitlines()[-1].startswith("stages.unrecorded: ")
    if found != "edited":
        record_here()
        assert (go_on(*evidence).status, stage()) == (0, 1)


def test_failing_criterion_stops_the_programme_and_is_named(here: Path) -> None:
    typed(*BEGIN)
    ended = go_on(f"baseline-snapshot={baseline()}")

    assert (ended.status, stage()) == (1, 0)
    assert "stages.stopped" in ended.err
    assert "baseline-frozen missing" in ended.err
    assert "baseline-snapshot missing" not in ended.err
    assert here.is_dir()


def test_what_an_earlier_review_saw_allows_nothing(here: Path) -> None:
    typed(*BEGIN)
    shown = baseline(), report((*FROZEN, "passed"))
    go_on(f"baseline-snapshot={shown[0]}")
    ended = go_on(f"baseline-frozen={shown[1]}")

    assert (ended.status, stage()) == (1, 0)
    assert "baseline-snapshot missing" in ended.err
    assert here.is_dir()


@pytest.mark.parametrize("became", ["failed", "error", "skipped"])
def test_report_shows_only_a_test_that_passed(here: Path, became: str) -> None:
    typed(*BEGIN)
    shown = baseline(), report((*FROZEN, "passed"), (FROZEN[0], f"{FROZEN[1]}[other]", became))

    ended = go_on(f"baseline-snapshot={shown[0]}", f"baseline-frozen={shown[1]}")

    assert (ended.status, stage()) == (1, 0)
    assert "baseline-frozen fail" in ended.err
    assert here.is_dir()


def test_report_of_another_commit_shows_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(*BEGIN)
    shown = baseline(), report((*FROZEN, "passed"))
    monkeypatch.setenv(VARIABLE, "cd" * 20)

    ended = go_on(f"baseline-snapshot={shown[0]}", f"baseline-frozen={shown[1]}")

    assert (ended.status, stage()) == (1, 0)
    assert "it is of commit" in ended.err
    assert here.is_dir()


@pytest.mark.parametrize("done", ["gone", "edited", "linked", "empty"])
def test_evidence_that_is_not_what_it_was_shows_nothing(here: Path, done: str) -> None:
    typed(*BEGIN)
    shown = baseline(), report((*FROZEN, "passed"))
    path = here / "var" / shown[0]
    body = path.read_bytes()
    path.unlink()
    if done == "edited":
        path.write_bytes(body.replace(b'"decided":', b'"decided" :', 1))
    elif done == "linked":
        (here / "elsewhere").write_bytes(body)
        path.symlink_to(here / "elsewhere")
    elif done == "empty":
        path.write_bytes(b"")

    ended = go_on(f"baseline-snapshot={shown[0]}", f"baseline-frozen={shown[1]}")

    assert (ended.status, stage()) == (1, 0)
    assert "baseline-snapshot fail" in ended.err


@pytest.mark.parametrize("path", ["../outside.json", "/etc/hostname", "a/../../b"])
def test_evidence_from_outside_the_artifact_folder_is_refused(here: Path, path: str) -> None:
    typed(*BEGIN)

    assert go_on(f"baseline-snapshot={path}").status == 2
    assert go_on(f"no-such-criterion={baseline()}").status == 2
    assert here.is_dir()


def test_going_back_takes_a_reason_and_leads_no_further_than_the_first(here: Path) -> None:
    typed(*BEGIN)
    record_here()
    go_on(f"baseline-snapshot={baseline()}", f"baseline-frozen={report((*FROZEN, 'passed'))}")
    back = ("stage", "back", "--key", "ann.pem")

    assert typed(*back).status == 2
    assert typed(*back, "--reason", " ").status != 0
    assert typed(*back, "--reason", "drift").status == 0
    assert stage() == 0
    assert typed(*back, "--reason", "drift").status == 1
    assert here.is_dir()


def test_who_moves_it_is_known_by_their_key(here: Path) -> None:
    typed(*BEGIN)
    entered = typed("stage", "show", "--json").json["entered"]
    key_file(here / "ben.pem", 2)
    (here / "none.pem").write_text("no key")

    assert entered["reason"] == "begin"
    assert entered["person"]["name"] == "production"
    assert len(entered["person"]["key"]) == 64
    assert go_on(key="none.pem").status == 2
    assert typed("stage", "advance", "--reason", "x").status == 2
    for unknown in ("ben.pem", "s.pem"):
        refused = go_on(key=unknown)
        assert (refused.status, refused.err.split(":")[0]) == (1, "approvals.key-undeclared")


def test_anybody_may_go_back(here: Path) -> None:
    typed(*BEGIN)
    record_here()
    go_on(f"baseline-snapshot={baseline()}", f"baseline-frozen={report((*FROZEN, 'passed'))}")
    key_file(here / "ben.pem", 2)

    assert typed("stage", "back", "--reason", "drift", "--key", "ben.pem").status == 0
    assert stage() == 0


def test_show_says_of_each_criterion_what_would_show_it(here: Path) -> None:
    found = typed("stage", "show", "--json").json
    criteria = {one["id"]: one for one in found["criteria"]}

    assert found["caps"]["target"] == "paper"
    assert {one["status"] for one in criteria.values()} == {"missing"}
    assert "baseline.v1" in criteria["baseline-snapshot"]["shown_by"]
    assert FROZEN[1] in criteria["baseline-frozen"]["shown_by"]
    assert here.is_dir()


def test_show_says_what_the_whole_rollout_ends_by(here: Path) -> None:
    ends = {one["id"]: one for one in typed("stage", "show", "--json").json["operational_exit"]}
    shown = typed("stage", "show").out

    gate = ends.pop("evaluation-gates-promotions")
    assert gate["status"] == "missing"
    assert "test_contamination_safe_evaluation_gates_all_promotions" in gate["shown_by"]
    assert {one["status"] for one in ends.values()} == {"not-built"}
    for one in shipped_roadmap().operational_exit:
        assert one.id in shown
    assert here.is_dir()


def test_what_is_not_built_stops_its_stage(here: Path) -> None:
    typed(*BEGIN)
    record_here()
    go_on(f"baseline-snapshot={baseline()}", f"baseline-frozen={report((*FROZEN, 'passed'))}")
    for number in (1, 2):
        record_here()
        criteria = shipped_roadmap().stages[number].exit_criteria
        go_on(*(f"{one.id}={report(named(one))}" for one in criteria))
    built = [
        one.id for one in shipped_roadmap().stages[3].exit_criteria if one.evidence == "not-built"
    ]

    ended = go_on()

    assert (ended.status, stage()) == (1, 3)
    assert built
    assert all(f"{one} not-built" in ended.err for one in built)
    assert here.is_dir()


def test_tests_that_criteria_name_are_named_in_one_way() -> None:
    tests = [
        one.evidence.test
        for each in shipped_roadmap().stages
        for one in each.exit_criteria
        if isinstance(one.evidence, ShownByTest)
    ]

    assert f"{FROZEN[0].replace('.', '/')}.py::{FROZEN[1]}" in tests


def rolled_back(attempt: int) -> None:
    """Let the lane end two attempts at a run, and one of the two be taken back."""
    events = governing.governance_events(artifact_dir())
    governance = Governance(streams=Streams(events), causes=CAUSES)

    async def work() -> None:
        for number in (1, 2):
            await lane_command(events, submit(), "test")
            started = start(number, run_id=RUN_ID, attempt=number)
            await lane_command(events, started, "test")
            begun = StartRun(plan=plan(attempt=number), at_ns=START_NS)
            await governance.run(rollout_of(RUN_ID, number), begun)
            await lane_command(events, ended(run_id=RUN_ID, attempt=number), "test")
        await governance.run(rollback_of(RUN_ID, attempt), trigger())

    asyncio.run(work())


@pytest.mark.parametrize(
    ("attempt", "asked", "counts"),
    [
        (2, (), True),
        (1, (), False),
        (2, ("--run", RUN_ID), True),
        (1, ("--run", RUN_ID, "--attempt", "1"), True),
        (1, ("--attempt", "1"), True),
    ],
)
@pytest.mark.usefixtures("here")
def test_rollback_of_the_run_that_ended_last_counts(
    attempt: int, asked: tuple[str, ...], *, counts: bool
) -> None:
    rolled_back(attempt)

    looked = typed("exposure", "review", "--log", "decisions.log", "--json", *asked)

    assert ("rollback" in looked.json["reviewed"]["holding"]) is counts, looked.err


@pytest.mark.usefixtures("here")
def test_rollback_of_a_run_that_nobody_knows_is_not_no_rollback() -> None:
    looked = typed("exposure", "review", "--log", "decisions.log", "--run", "typo")

    assert looked.status == 2
    assert "reviewing.run-unknown: " in looked.err
