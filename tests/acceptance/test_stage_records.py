"""Each rollout stage must produce what the rollout's governance asks for, sentence by sentence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.decisions.declared import ROOT
from tests.support.decisions.logs import copied, write_log
from tests.support.governance.rolling import COMMIT, scraped
from tests.support.machine.commands import installation, typed
from torghut.kernel.digests import sha256_hex
from torghut.settings import COMMIT as VARIABLE
from torghut.settings import DECLARATIONS_DIR, settings

IMAGE: Final = f"torghut=sha256:{'12' * 32}"
RECORD: Final = ("governance", "record", "--stage", "0", "--log", "decisions.log")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log that was decided once for all tests."""
    return write_log(tmp_path_factory.mktemp("log") / "decisions.log")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: Path) -> Iterator[Path]:
    """Work in a folder that has a log and a reading of metrics."""
    monkeypatch.setenv(VARIABLE, COMMIT)
    with installation(monkeypatch, tmp_path) as folder:
        copied(template, folder / "decisions.log")
        scraped(folder / "after.prom", [0.004] * 100)
        yield folder


def recorded(*more: str) -> Any:  # noqa: ANN401 - JSON is what it is
    """Return the record of stage 0, and check that its file is what it says."""
    ended = typed(*RECORD, "--metrics", "after.prom", "--json", *(more or ("--image", IMAGE)))
    assert ended.status == 0, ended.err
    body = Path("var", ended.json["path"]).read_bytes()
    assert sha256_hex(body) == ended.json["sha256"]
    assert f"@{ended.json['sha256'][:12]}.json" in ended.json["path"]
    return ended.json["record"]


def test_commit_sha_and_image_digest_map(here: Path) -> None:
    record = recorded()

    assert record["commit"] == COMMIT
    assert record["images"]["digests"] == {"torghut": f"sha256:{'12' * 32}"}
    without = recorded("--no-images", "runs from a checkout")
    assert without["images"]["status"] == "not-applicable"
    assert without["images"]["reason"] == "runs from a checkout"
    assert typed(*RECORD).status == 2
    assert typed(*RECORD, "--image", "torghut=latest").status == 2
    assert typed(*RECORD, "--image", IMAGE, "--commit", "main").status == 2
    assert here.is_dir()


def test_active_artifact_hashes(here: Path) -> None:
    record = recorded()
    served = typed("baseline", "capture", "--log", "decisions.log", "--out", "x", "--json").json

    assert record["packages"] == served["baseline"]["packages"] != []
    safety = "governance/policies/safety.yaml"
    assert record["declarations"][safety] == sha256_hex((ROOT / safety).read_bytes())
    assert here.is_dir()


def test_slo_and_gate_compliance_summary(here: Path) -> None:
    record = recorded()

    assert [one["name"] for one in record["windows"]] == ["1h", "24h"]
    assert {one["status"] for one in record["windows"]} == {"pass"}
    assert record["gates"]["freshness"]["judged"] > 0
    assert record["gates"]["dwell"]["failed"] <= record["gates"]["dwell"]["judged"]
    assert here.is_dir()


def test_unresolved_risks_and_owner_assignments(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {one["id"]: one["owner"] for one in recorded()["risks"]}
    assert owners["latency-outside-the-log"] == "production"
    assert "reasoning-not-built" not in owners

    for folder in ("governance", "router", "streams"):
        shutil.copytree(ROOT / folder, here / "declared" / folder)
    risks = here / "declared" / "governance" / "risks.yaml"
    text = risks.read_text(encoding="utf-8")
    risks.write_text(text.replace("owner: production", "owner: null"), encoding="utf-8")
    before = sorted(here.glob("var/stages/records/*"))
    monkeypatch.setenv(DECLARATIONS_DIR, str(here / "declared"))
    settings.cache_clear()

    ended = typed(*RECORD, "--image", IMAGE)

    assert (ended.status, ended.err.split(":")[0]) == (1, "stages.risk-unowned")
    assert "latency-outside-the-log" in ended.err
    assert sorted(here.glob("var/stages/records/*")) == before


def test_full_operational_exit_criteria(here: Path) -> None:
    ends = {one["id"]: one["status"] for one in recorded()["operational_exit"]}

    assert ends == {
        "router-live": "not-built",
        "dspy-active-with-lineage": "not-built",
        "evaluation-gates-promotions": "missing",
        "discovery-in-agentrun-lanes": "not-built",
        "deployed-state-converged": "not-built",
    }
    assert "deployed-state-converged: not-built" in typed(*RECORD, "--image", IMAGE).out
    assert here.is_dir()


def test_copy_is_the_artifact(here: Path) -> None:
    typed(*RECORD, "--image", IMAGE, "--out", "copy.json")
    (kept,) = here.glob("var/stages/records/*.json")

    assert (here / "copy.json").read_bytes() == kept.read_bytes()
