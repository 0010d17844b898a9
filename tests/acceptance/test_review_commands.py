"""``torghut rollout list``, ``history``, ``export``, ``review`` and ``verify`` of an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.test_rollout_commands import keys, run_example
from tests.support.lane.reviews import better, public_key
from tests.support.machine.commands import Ended, typed
from torghut.settings import ARTIFACT_DIR

RUN: Final = "example-1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the example ran, signed."""
    folder = tmp_path_factory.mktemp("made")
    keys(folder, "scheduler", 1)
    run_example(str(folder / "artifacts"), "--key", str(folder / "scheduler.pem"))
    return folder


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return it, as the artifact root that commands work on."""
    monkeypatch.setenv(ARTIFACT_DIR, str(made / "artifacts"))
    return made


def exported(folder: Path, out: Path) -> Ended:
    """Export the run, and return how verifying that ends for who trusts the key."""
    asked = typed("rollout", "export", RUN, "--out", str(out))
    assert asked.status == 0, asked.err
    return typed("rollout", "verify", str(out), "--key", str(folder / "scheduler.pub"))


@pytest.mark.usefixtures("folder")
def test_runs_are_listed_with_who_signed() -> None:
    (one,) = typed("rollout", "list", "--json").json["runs"]
    shown = typed("rollout", "list").out

    assert (one["run_id"], one["attempt"], one["standing"]) == (RUN, 1, "pass")
    assert (one["origin"], one["target"]) == ("unanchored", "paper")
    assert f"? {one['signed_by'][:16]}" in shown


@pytest.mark.usefixtures("folder")
def test_history_tells_every_change_and_what_was_said_at_a_time() -> None:
    changes = typed("rollout", "history", RUN, "--json").json["changes"]
    ended = typed("rollout", "history", "--at", "2099-01-01", "--json")
    early = typed("rollout", "history", RUN, "--at", "1999-01-01")

    assert [one["what"] for one in changes][-2:] == ["lane completed", "finalised"]
    assert changes[-1]["status"] == ended.json["standing"] == "pass"
    assert (early.status, early.err[:21]) == (2, "reviewing.run-unknown")
    assert typed("rollout", "history", "no-such-run").status == 2
    assert "finalised" in typed("rollout", "history").out
    assert "standing" in typed("rollout", "history", "--at", "2099-01-01").out


def test_an_export_verifies_on_a_machine_that_has_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = exported(folder, tmp_path / "run.json")
    assert ended.status == 0, ended.out
    lines = ended.out.splitlines()
    assert lines[0].startswith("checking export, events, log, file")
    assert "inside the export" in lines[1]
    first = (tmp_path / "run.json").read_bytes()
    exported(folder, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == first
    monkeypatch.setenv(ARTIFACT_DIR, str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)

    alone = typed("rollout", "verify", "run.json", "--recompute", "--json")

    assert alone.status == 6
    assert alone.json["origin"]["kind"] == "unanchored"
    assert all(check["passed"] for check in alone.json["checks"])
    assert all(one["same"] for one in alone.json["recomputed"])


def test_an_export_that_was_cut_changed_or_is_a_link_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    exported(folder, out)
    body = out.read_bytes()
    out.write_bytes(body.replace(b'"attempt":1', b'"attempt":2', 1))
    other = typed("rollout", "verify", str(out))
    out.write_bytes(body + b" ")
    longer = typed("rollout", "verify", str(out))
    (tmp_path / "link.json").symlink_to(out)

    assert other.status == 4
    assert (longer.status, longer.err[:25]) == (3, "reviewing.export-refused:")
    assert typed("rollout", "verify", str(tmp_path / "link.json")).status == 4


@pytest.mark.usefixtures("folder")
def test_an_export_of_what_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    for asked in (("no-such-run",), (RUN, "--attempt", "2")):
        ended = typed("rollout", "export", *asked, "--out", str(tmp_path / "x"))
        assert (ended.status, ended.err[:21]) == (2, "reviewing.run-unknown")
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_written_again_as_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    own = folder / "artifacts" / "runs" / RUN / "review.html"

    assert typed("rollout", "review", RUN).status == 0
    first = own.read_bytes()
    assert typed("rollout", "review", RUN, "--out", str(tmp_path / "page.html")).status == 0

    assert (tmp_path / "page.html").read_bytes() == first
    assert first.startswith(b"<!DOCTYPE html>")


def test_a_lanes_own_run_is_recomputed_from_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "trusted.pub").write_bytes(public_key())
    manifest = better().laid(tmp_path / "root")
    asked = ("--key", str(tmp_path / "trusted.pub"), "--recompute")

    ended = typed("rollout", "verify", str(manifest), *asked)
    told = typed("rollout", "verify", str(manifest), *asked, "--json").json

    assert ended.status == 0, ended.out
    assert "✓ again     gate_edge_over_champion: recorded" in ended.out
    assert len(told["recomputed"]) > 50
    card = tmp_path / "root" / "runs" / better().run_id / "evaluation-card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "trials": 9}))
    assert typed("rollout", "verify", str(manifest), *asked).status == 4


def test_what_a_run_leaves_is_small_and_mostly_its_blocks() -> None:
    sizes = {path: len(body) for path, body in better().bodies().items()}

    assert sum(sizes.values()) < 200_000
    assert max(sizes, key=lambda path: sizes[path]).endswith("paired-blocks.json")
