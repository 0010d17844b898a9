"""A log that an older release wrote opens, verifies, is read, and is decided again or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import run
from tests.replay.golden_logs import FOLDER, GoldenLog, held, holding, kernel_of, names, unpacked
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import gathered
from tests.support.decisions.packages import eager_package
from torghut.adapters.sqlite.layout import LAYOUT_VERSION
from torghut.adapters.sqlite.store import open_log
from torghut.decisions.kernel.deciding import KERNEL_VERSION
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.verification import VerifyReport
from torghut.kernel.errors import ExitCode
from torghut.workflows.errors import KernelVersionError
from torghut.workflows.lookup.export import Exported, export
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import Replayed, replay_log

OF_THIS_KERNEL = [name for name in names() if kernel_of(name) == KERNEL_VERSION]


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of a golden log."""
    return str(request.param)


def opened(path: Path) -> DecisionLog:
    """Return the log at ``path``, to be continued."""
    return open_log(path, clock=HandClock(), ids=CountingIds())


def test_this_layout_and_kernel_have_a_golden_log() -> None:
    assert f"layout-{LAYOUT_VERSION}-kernel-{KERNEL_VERSION}" in names()


def test_golden_log_verifies_and_holds_what_it_held(name: str, tmp_path: Path) -> None:
    async def read() -> tuple[VerifyReport, GoldenLog]:
        log = opened(unpacked(name, tmp_path))
        report, found = await log.verify(), await holding(log)
        await log.close()
        return report, found

    report, found = run(read())

    assert report.intact
    assert found == held(name)


def test_everything_in_a_golden_log_is_published_as_ever(name: str, tmp_path: Path) -> None:
    async def read(what: Exported) -> list[str]:
        log = opened(unpacked(name, tmp_path))
        lines = [json.loads(line) for line in await gathered(export(log, what))]
        await log.close()
        return [line["intent" if what is Exported.DECISIONS else "code"] for line in lines]

    intents, codes = run(read(Exported.DECISIONS)), run(read(Exported.REFUSALS))

    assert len(intents) == held(name).decisions > 0
    assert len(codes) == held(name).quarantined > 0


def test_golden_log_is_decided_again_alike_or_not_at_all(name: str, tmp_path: Path) -> None:
    async def replay() -> Replayed | KernelVersionError:
        log = opened(unpacked(name, tmp_path))
        try:
            return await replay_log(log, compiled())
        except KernelVersionError as refused:
            return refused
        finally:
            await log.close()

    found = run(replay())

    if kernel_of(name) != KERNEL_VERSION:
        assert isinstance(found, KernelVersionError)
        assert found.exit_code is ExitCode.NOT_FINAL
        return
    assert isinstance(found, Replayed)
    assert found.identical
    assert (found.blocks, found.root) == (held(name).blocks, held(name).root)
    assert found.decisions == 2 * held(name).decisions  # the shadow's too


@pytest.mark.parametrize("name", OF_THIS_KERNEL)
def test_golden_log_of_this_kernel_can_be_continued(name: str, tmp_path: Path) -> None:
    async def continue_it() -> int:
        log = opened(unpacked(name, tmp_path))
        setup = Setup(
            kernel=compiled(),
            declarations=shipped(),
            packages={"fx-intraday": eager_package()},
            shadow_router=True,
        )
        fold = (await open_fold(log, setup)).fold
        await log.close()
        return sum(int(states["inputs"].sum()) for states in fold.arms.values())

    assert run(continue_it()) > 0


def test_folder_holds_golden_logs_and_nothing_else() -> None:
    parts = {
        f"{name}{ending}" for name in names() for ending in (".json", ".log.zst", ".log.heads")
    }

    assert {path.name for path in FOLDER.iterdir()} == parts


def test_golden_log_of_this_kernel_shows_governance_silent_and_a_revision_fenced(
    tmp_path: Path,
) -> None:
    async def read() -> list[set[str]]:
        log = opened(unpacked(f"layout-{LAYOUT_VERSION}-kernel-{KERNEL_VERSION}", tmp_path))
        lines = [json.loads(line) for line in await gathered(export(log, Exported.DECISIONS))]
        await log.close()
        return [set(line["reasons"]) for line in lines]

    shown = [
        (("governance-silent" in reasons), ("revision-fenced" in reasons))
        for reasons in run(read())
    ]

    changes = [one for n, one in enumerate(shown) if n == 0 or one != shown[n - 1]]
    free, silent, fenced = (False, False), (True, False), (False, True)
    assert changes == [free, silent, free, fenced, free]
