"""What this version of the kernel decided once, it decides for ever; what older ones did is kept.

The runs of older versions are not decided again: nothing here may say of them that they are
identical, or that they differ. They are kept so that the release that carries a version can be held
to it, and so that no version is ever used twice.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.replay.golden_kernel import FOLDER, GoldenRun, decide_again, unpack
from tests.support.decisions.kernels import compiled, reference
from tests.support.decisions.logs import contexts, fill
from torghut.decisions.kernel.deciding import KERNEL_VERSION
from torghut.eventlog.block import Block
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.errors import ExitCode
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import CONTEXT
from torghut.workflows.errors import KernelVersionError
from torghut.workflows.replay import replay_log


class OlderLog(InMemoryLog):
    """A log whose blocks say that an older version of the kernel decided them."""

    def __init__(self, *, clock: HandClock, version: int) -> None:
        super().__init__(clock=clock)
        self._version = version

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        stated, older = (
            f'"kernel_version":{version}'.encode() for version in (KERNEL_VERSION, self._version)
        )
        async for block in super().blocks(partition, after=after):
            yield replace(block, header=block.header.replace(stated, older))


def _load(path: Path) -> GoldenRun:
    run: GoldenRun = json.loads(path.read_text(encoding="utf-8"))
    return run


def test_every_version_up_to_this_one_has_a_golden_run() -> None:
    versions = range(1, KERNEL_VERSION + 1)

    assert {path.name for path in FOLDER.iterdir()} == {f"v{version}.json" for version in versions}


@pytest.mark.parametrize("version", range(1, KERNEL_VERSION + 1))
def test_golden_run_is_whole(version: int) -> None:
    run = _load(FOLDER / f"v{version}.json")
    outcomes = bytes.fromhex(run["outcomes"])

    assert run["version"] == version
    assert len(run["leaves"]) == len(set(run["leaves"])) == outcomes.count(0) > 0
    assert all(re.fullmatch("[0-9a-f]{16}", leaf) for leaf in run["leaves"])
    assert re.fullmatch("[0-9a-f]{64}", run["final_states"])
    assert {code for code in outcomes if code} <= set(RefusalCode)
    assert len(unpack(run["contexts"], CONTEXT)) == len(outcomes)


def test_versions_decided_otherwise() -> None:
    leaves = [_load(path)["leaves"] for path in sorted(FOLDER.iterdir())]

    assert len({tuple(one) for one in leaves}) == len(leaves), "a version that changed nothing"


@pytest.mark.parametrize("version", range(1, KERNEL_VERSION))
def test_log_of_an_older_version_is_not_re_executable(version: int) -> None:
    log = OlderLog(clock=HandClock(), version=version)

    async def replay() -> None:
        await fill(log, contexts(50))
        await replay_log(log, compiled())

    with pytest.raises(KernelVersionError, match="not re-executable here") as refused:
        asyncio.run(replay())
    assert refused.value.exit_code is ExitCode.NOT_FINAL
    assert (refused.value.expected, refused.value.found) == (KERNEL_VERSION, version)


@pytest.mark.parametrize("kernel", [compiled, reference], ids=["compiled", "interpreted"])
def test_the_golden_run_is_decided_alike(kernel: type) -> None:
    run = _load(FOLDER / f"v{KERNEL_VERSION}.json")

    leaves, outcomes, states = decide_again(run, kernel())

    assert leaves == run["leaves"]
    assert outcomes == run["outcomes"]
    assert states == run["final_states"]
