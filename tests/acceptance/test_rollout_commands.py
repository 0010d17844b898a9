"""``torghut rollout``: what the commands say of a folder that an example left behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.decisions.declared import ROOT
from tests.support.lane.rollouts import (
    START_NS,
    STEP_NS,
    evidence_files,
    plan,
    row,
    run_after,
    unmeasured,
    whole_run,
)
from tests.support.machine.commands import Ended, typed
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import ArtifactExistsError
from torghut.governance.rollouts.manifest import content_hash
from torghut.governance.rollouts.rollout import CrashLane, RolloutCommand, StartRun
from torghut.kernel.canonical import canonical_bytes
from torghut.workflows.rollout.publishing import publish_run

EXAMPLE: Final = ROOT / "examples" / "rollout_manifest.py"
PAGE: Final = ROOT / "docs" / "how-to" / "read-a-manifest.md"
COMMAND: Final = re.compile(r"^\$ (.+)$", re.MULTILINE)
OWN: Final = "runs/example-1/rollout/phase-manifest.json"
DECISIONS: Final = "slo_decision_count_minimum"
CURRENT: Final = "rollout/phase-manifest.json"


def keys(folder: Path, name: str, seed: int) -> Path:
    """Write a pair of keys, and return where the public one is."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)
    return folder / f"{name}.pub"


def run_example(*arguments: str) -> None:
    """Run the example in a process of its own."""
    subprocess.run([sys.executable, EXAMPLE, *arguments], check=True, timeout=50)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the example ran, signed."""
    folder = tmp_path_factory.mktemp("made")
    keys(folder, "scheduler", 1)
    keys(folder, "other", 2)
    run_example(str(folder / "artifacts"), "--key", str(folder / "scheduler.pem"))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Return a copy of it, as it would be on a laptop."""
    shutil.copytree(made, tmp_path / "laptop")
    return tmp_path / "laptop"


def verify(folder: Path, place: str = OWN, key: str = "scheduler", *options: str) -> Ended:
    """Return how verifying ends for a reader who trusts a key."""
    trusted = ["--key", str(folder / f"{key}.pub")] if key else []
    return typed("rollout", "verify", str(folder / "artifacts" / place), *trusted, *options)


@pytest.mark.parametrize("place", [OWN, CURRENT])
def test_signed_pass_is_one_wherever_it_is_read(folder: Path, place: str) -> None:
    ended = verify(folder, place)

    assert ended.status == 0
    assert ended.out.splitlines()[-1].startswith("verdict: PASS, signed by ")
    assert "✗" not in ended.out
    assert ended.out.count("✓ evidence") == 6


def test_verify_says_first_what_it_checks_and_last_what_it_does_not(folder: Path) -> None:
    lines = verify(folder).out.splitlines()
    marks = [number for number, line in enumerate(lines) if line[0] in "✓✗?"]

    assert lines[0].startswith("checking file, phases, schema")
    assert lines.index("not checked:") > max(marks) > min(marks) > 0
    assert len(lines) - lines.index("not checked:") == 5


@pytest.mark.parametrize(("key", "kind"), [("", "unanchored"), ("other", "unanchored")])
def test_pass_that_nobody_trusted_signed_is_not_acknowledged(
    folder: Path, key: str, kind: str
) -> None:
    ended = verify(folder, OWN, key, "--json")

    assert ended.status == 6
    assert ended.json["origin"]["kind"] == kind
    assert all(check["passed"] for check in ended.json["checks"])


def test_pass_without_a_signature_is_not_acknowledged(folder: Path) -> None:
    (folder / "artifacts" / f"{OWN}.dsse").unlink()
    ended = verify(folder)

    assert ended.status == 6
    assert "? origin    unsigned" in ended.out


def test_manifest_of_the_lane_is_not_final_and_soon_a_fail(folder: Path) -> None:
    place = OWN.replace(".json", ".lane.json")
    ended = verify(folder, place)
    shown = typed("rollout", "show", str(folder / "artifacts" / place))

    assert ended.status == 6
    assert "NOT FINAL" in ended.out
    assert "NOT FINAL" in shown.out


def test_what_is_shown_says_who_answers_for_it(folder: Path) -> None:
    for place in (OWN, CURRENT):
        named = str(folder / "artifacts" / place)
        told = typed("rollout", "show", named, "--json").json["origin"]
        assert told["kind"] == "unanchored"
        assert told["says"] in typed("rollout", "show", named).out

    path = folder / "artifacts" / OWN
    stated = json.loads(path.read_bytes())
    stated["observation_summary"]["missing_for_live"] = []
    stated["candidate_id"] = "another"
    path.write_bytes(canonical_bytes(stated | {"content_hash": content_hash(stated)}))
    shown = typed("rollout", "show", str(path), "--json")
    assert (shown.status, shown.json["origin"]["kind"]) == (0, "forged")
    path.with_name(path.name + ".dsse").unlink()
    shown = typed("rollout", "show", str(path))
    assert "unsigned: anybody who can write files can have made it" in shown.out


def test_altered_evidence_is_told_by_its_path(folder: Path) -> None:
    path = "runs/example-1/evidence/slo_drift_gate_allowed.json"
    (folder / "artifacts" / path).write_bytes(b"{}")
    ended = verify(folder)

    assert ended.status == 4
    assert f"✗ evidence  {path}: expected it as cited, found wrong-digest" in ended.out
    assert "✓ origin" in ended.out


def test_evidence_may_be_elsewhere(folder: Path) -> None:
    (folder / "artifacts" / "runs").rename(folder / "runs")
    place = str(folder / "artifacts" / CURRENT)
    lost = typed("rollout", "verify", place)
    found = typed("rollout", "verify", place, "--root", str(folder))

    assert (lost.status, found.status) == (4, 6)


def test_manifest_that_is_not_there_or_a_link_is_refused(folder: Path) -> None:
    (folder / "artifacts" / "link.json").symlink_to(folder / "artifacts" / OWN)

    for verb in ("verify", "show", "why"):
        for place in ("absent.json", "link.json"):
            ended = typed("rollout", verb, str(folder / "artifacts" / place))
            assert (ended.status, ended.out) == (4, "")
            assert ended.err.startswith("artifacts.unreadable: ")


def test_key_that_is_none_is_wrong_usage(folder: Path) -> None:
    ended = verify(folder, OWN, "", "--key", str(folder / "scheduler.pem"))

    assert ended.status == 2
    assert ended.err.startswith("artifacts.key-unusable: ")


@pytest.mark.parametrize("verb", ["show", "why"])
def test_altered_manifest_is_not_shown(folder: Path, verb: str) -> None:
    place = folder / "artifacts" / CURRENT
    place.write_bytes(place.read_bytes().replace(b'"candidate"', b'"imposter"'))
    ended = typed("rollout", verb, str(place))

    assert (ended.status, ended.out) == (4, "")
    assert ended.err.startswith("governance.manifest-altered: ")


def published(folder: Path, commands: list[RolloutCommand]) -> Path:
    """Return the current manifest of a made-up run, with its evidence beside it."""
    store = FolderArtifacts(folder)
    for path, body in evidence_files().items():
        store.create(path, body)
    publish_run(run_after(commands), store)
    return folder / CURRENT


def test_why_names_the_gate_and_the_count_that_would_turn_it(tmp_path: Path) -> None:
    gates = [
        row("slo_signal_count_minimum"),
        unmeasured(DECISIONS, "insufficient", "n-below-1500"),
    ]
    place = published(tmp_path, whole_run(changed={"gate-evaluation": gates}))
    ended = typed("rollout", "why", str(place))

    assert ended.status == 0
    assert ended.out.splitlines() == [
        "run-1: fail",
        f"hangs on  {DECISIONS} of gate-evaluation: insufficient, reason n-below-1500",
        "turns     at n >= 1500; now 0",
    ]
    assert typed("rollout", "why", str(place), "--json").json["binding"]["turns_at"] == {
        "what": "n",
        "comparator": ">=",
        "bound": 1500.0,
    }


def test_why_names_the_value_that_would_turn_a_pass(tmp_path: Path) -> None:
    place = published(tmp_path, whole_run())
    lines = typed("rollout", "why", str(place)).out.splitlines()

    assert lines[1] == "hangs on  slo_signal_count_minimum of gate-evaluation: pass"
    assert lines[2] == "turns     at < 1 things; now 5"


def test_show_is_a_table_of_phases_and_gates(tmp_path: Path) -> None:
    place = published(tmp_path, whole_run(drift="detected"))
    lines = typed("rollout", "show", str(place)).out.splitlines()
    rows = [line.split() for line in lines]

    assert ["standing", "fail"] in rows
    assert any(one[:3] == ["gate-evaluation", "pass", "slo_signal_count_minimum"] for one in rows)
    assert ["runtime_drift_stable", "fail", "1", "<=", "0", "states", "1", "drift-detected"] in rows


def test_run_that_was_left_alone_is_a_fail_by_itself(tmp_path: Path) -> None:
    place = published(tmp_path, [StartRun(plan=plan(), at_ns=START_NS)])
    ended = typed("rollout", "verify", str(place))

    assert ended.status == 1
    assert "not-finalised" in ended.out
    assert "fail, reason not-finalised" in typed("rollout", "show", str(place)).out


def test_crashed_run_is_whole_and_fails(tmp_path: Path) -> None:
    crash = CrashLane(detail="killed by signal 9", at_ns=START_NS + 3 * STEP_NS)
    whole = whole_run()
    place = published(tmp_path, [*whole[:3], crash, whole[-1]])
    ended = typed("rollout", "verify", str(place))

    assert (ended.status, "✗" in ended.out) == (1, False)
    assert "rollback-readiness" in typed("rollout", "why", str(place)).out


def test_each_copy_is_written_once_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    passed, failed = run_after(whole_run()), run_after(whole_run(drift="detected"))
    place = publish_run(passed, store).place
    before = (tmp_path / place).read_bytes()

    assert publish_run(passed, store).place == place
    with pytest.raises(ArtifactExistsError):
        publish_run(failed, store)
    assert (tmp_path / place).read_bytes() == before
    assert (tmp_path / CURRENT).read_bytes() == before


def test_the_same_inputs_again_go_to_another_attempt(tmp_path: Path) -> None:
    again = [StartRun(plan=plan(attempt=2), at_ns=START_NS), *whole_run()[1:]]
    place = publish_run(run_after(again), FolderArtifacts(tmp_path)).place

    assert place == "runs/run-1/attempts/2/rollout/phase-manifest.json"
    assert typed("rollout", "verify", str(tmp_path / place)).status == 4


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.system
@pytest.mark.timeout(240)
def test_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    found = COMMAND.findall(PAGE.read_text(encoding="utf-8"))
    programs = Path(sys.executable).parent
    path = os.pathsep.join([str(programs), os.defpath])
    ended = [
        subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env={"PATH": path},
            check=False,
            capture_output=True,
            text=True,
            timeout=50,
        ).returncode
        for command in found
    ]

    assert ended == [0, 0, 0, 0, 6, 0, 0, 6, 0, 0, 0, 0, 0, 0]


def test_commands_of_the_page_are_those_that_there_are() -> None:
    found = COMMAND.findall(PAGE.read_text(encoding="utf-8"))
    words = [shlex.split(one.partition("torghut rollout ")[2]) for one in found]
    verbs = {one[0] for one in words if one}

    assert verbs == {"export", "history", "list", "review", "show", "verify", "why"}
    assert json.loads((ROOT / "schemas/artifacts/autonomy-phase-manifest-v1.json").read_bytes())
