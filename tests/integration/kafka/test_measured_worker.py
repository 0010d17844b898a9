"""The worker that is measured is the one that the command runs, with all that it keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from benchmarks.carried import Duty, work
from benchmarks.deployments import make_topics
from tests.support.carrying.brokers import named
from tests.support.carrying.deployments import awaited
from tests.support.machine.commands import installation
from torghut.adapters.filesystem.worker_pages import read_pages

PARTITIONS: Final = 4


def pages(artifacts: Path) -> set[str]:
    """Return whose pages there are below a folder of artifacts."""
    return {one.status.worker for one in read_pages(artifacts / "workers") if one.status}


async def worked(duty: Duty, artifacts: Path) -> set[str]:
    """Return whose pages there were once a worker that is measured had all partitions."""
    asked = asyncio.Event()
    await make_topics(duty.bootstrap, duty.prefix)
    working = asyncio.create_task(work(duty, asked))
    all_held = asyncio.to_thread(awaited, lambda: len(pages(artifacts)) == PARTITIONS, "pages")
    try:
        await all_held
        return pages(artifacts)
    finally:
        asked.set()
        await working


def test_measured_worker_keeps_pages_switches_and_its_own_log(
    broker: str,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    duty = Duty(
        role="worker", bootstrap=broker, prefix=named("bench"), symbols=4, database=database
    )

    with installation(monkeypatch, tmp_path):
        found = asyncio.run(worked(duty, tmp_path / "var"))

    assert found == {f"worker-0.p{one}" for one in range(PARTITIONS)}
    assert (tmp_path / "var" / "switches").is_dir()
    assert list((tmp_path / "var" / "heads").glob("*.heads"))
    assert '"event":"partition.given-back"' in capfd.readouterr().err.replace(" ", "")
