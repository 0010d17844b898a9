"""More partitions than are shipped: declared before topics are made, they are what works."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.support.carrying.deployments import carried
from tests.support.decisions.declared import ROOT
from tests.support.machine.commands import prices
from torghut.carrying.partitioning import partition_of
from torghut.settings import DECLARATION_FOLDERS, DECLARATIONS_DIR

pytestmark = pytest.mark.timeout(240)

PARTITIONS: Final = 36
"""One of the two symbols lies beyond the twelve that are shipped."""

CONTEXTS: Final = 60


def declared_with(folder: Path, partitions: int) -> Path:
    """Return declarations whose topics by symbol, and by the log's partitions, have so many."""
    for name in (*DECLARATION_FOLDERS, "evals", "schemas"):
        shutil.copytree(ROOT / name, folder / name)
    for path in (folder / "streams" / "topics").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("partitions: 12\n", f"partitions: {partitions}\n"), "utf-8")
    return folder


def test_partitions_declared_before_the_first_apply_are_all_worked_on(
    broker: str, database: str, tmp_path: Path
) -> None:
    declared = declared_with(tmp_path / "declared", PARTITIONS)
    expected = {
        partition_of(symbol, PARTITIONS): CONTEXTS // 2
        for symbol in (b"fxcm:EURUSD", b"fxcm:NZDUSD")
    }
    with carried(tmp_path, broker, database, {DECLARATIONS_DIR: str(declared)}) as deployment:
        assert deployment.run("topics", "diff").status == 0
        worker = deployment.worker("one")
        worker.start()
        worker.await_ready()
        source = prices(tmp_path / "prices.csv", count=CONTEXTS)
        deployment.done("feed", "--source", source)
        counted = deployment.settle(CONTEXTS)
        audited = deployment.audit().json["partitions"]
        assert worker.end() == 0, worker.said()
        deployment.verify()

    assert counted["outcomes"] == counted["published"] == CONTEXTS
    published = {one["partition"]: one["published"] for one in audited if one["published"]}
    assert published == expected
    assert max(expected) >= 12
