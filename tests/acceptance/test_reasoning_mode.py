"""A reasoning mode is asked for under a stage, or under a governance that nobody can read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.eventlog import CAUSES
from tests.support.governance.staging import arrived
from tests.support.machine.commands import Ended, installation, typed
from torghut.composition.governing import governance_events
from torghut.composition.standby import GOVERNANCE_LOG
from torghut.entrypoints.cli.serve.advising import mode_to_begin_with
from torghut.kernel.errors import ExitCode
from torghut.settings import artifact_dir
from torghut.workflows.staging.moving import STAGE_STREAM

NOBODY: Final = ("--url", "http://127.0.0.1:9", "--budget-ms", "1")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Work in a folder in which nobody serves."""
    with installation(monkeypatch, tmp_path) as folder:
        yield folder


def asked(mode: str) -> Ended:
    """Return how asking for a mode ends."""
    return typed("reasoning", "mode", mode, "--reason", "a test", *NOBODY)


def enter(stage: int) -> None:
    """Let the rollout have come to a stage."""
    appending = governance_events(artifact_dir()).append_events(
        STAGE_STREAM, arrived(stage).events(), expected_version=0, causes=CAUSES
    )
    asyncio.run(appending)


def reaches_out(ended: Ended) -> bool:
    """Say whether a command got as far as asking the service, which is not there."""
    return ended.status == ExitCode.UNREACHABLE


@pytest.mark.usefixtures("here")
def test_mode_that_the_stage_does_not_allow_is_refused_before_anybody_is_asked() -> None:
    assert reaches_out(asked("active")), "no stage was entered"
    enter(2)

    for mode in ("active", "shadow"):
        refused = asked(mode)
        assert refused.status == ExitCode.NO
        assert refused.err.startswith("stages.reasoning-capped: stage 2, ")
    assert reaches_out(asked("off"))
    assert mode_to_begin_with("active") == mode_to_begin_with("shadow") == "off"


@pytest.mark.usefixtures("here")
def test_mode_that_the_stage_allows_is_asked_for() -> None:
    enter(3)

    assert reaches_out(asked("active"))
    assert [mode_to_begin_with(one) for one in ("active", "shadow", "off", None)] == [
        *("active", "shadow", "off"),
        None,
    ]


@pytest.mark.usefixtures("here")
def test_governance_that_cannot_be_read_allows_nothing_and_keeps_nobody_from_taking_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    enter(3)
    (artifact_dir() / GOVERNANCE_LOG).write_bytes(b"no log at all" * 1000)

    for mode in ("active", "shadow"):
        refused = asked(mode)
        assert refused.status not in {ExitCode.YES, ExitCode.UNREACHABLE}
    assert reaches_out(asked("off"))
    assert mode_to_begin_with("active") == "off"
    assert "reasoning mode off, not active: " in capsys.readouterr().err
