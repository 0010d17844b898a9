"""However a command ends, its status says what happened, in one line."""

from __future__ import annotations

import click
import pytest

from torghut.entrypoints.cli import program
from torghut.eventlog.errors import CommitTimeoutError
from torghut.kernel.errors import ExitCode


def ended(monkeypatch: pytest.MonkeyPatch, error: Exception) -> ExitCode:
    """Return how the command line ends where a command raises ``error``."""

    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(program, "program", lambda: broken)
    with pytest.raises(SystemExit) as end:
        program.main([])
    return ExitCode(int(end.value.code or 0))


def test_what_nobody_foresaw_is_one_line_and_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TORGHUT_DEBUG", raising=False)
    status = ended(monkeypatch, ZeroDivisionError("over\nnothing"))

    said = capsys.readouterr().err
    assert status is ExitCode.CONTRACT
    assert said.startswith("cli.unforeseen: ")
    assert said.count("\n") == 1
    assert "ZeroDivisionError: over nothing" in said
    assert "TORGHUT_DEBUG=1" in said


def test_where_it_happened_is_shown_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORGHUT_DEBUG", "1")

    assert ended(monkeypatch, ZeroDivisionError("over nothing")) is ExitCode.CONTRACT
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "in broken" in said


def test_what_was_foreseen_keeps_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORGHUT_DEBUG", "1")

    error = CommitTimeoutError(what="partition 0, block 3", budget_ms=30_000)
    assert ended(monkeypatch, error) is ExitCode.UNREACHABLE
    said = capsys.readouterr().err
    assert said.startswith("eventlog.commit-timeout: partition 0, block 3: ")
    assert "Traceback" not in said


def test_a_builtin_time_out_is_no_answer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(monkeypatch, TimeoutError()) is ExitCode.CONTRACT
