"""A child command does not outlive the block that started it."""

from __future__ import annotations

from torghut.adapters.system.processes import child_command, run_python


def test_output_and_status_are_returned() -> None:
    with child_command(["no-such-command"]) as child:
        printed, complaint = child.result()

    assert child.status == 2
    assert printed == ""
    assert "No such command" in complaint


def test_child_that_still_runs_is_killed() -> None:
    with child_command(["--help"]) as child:
        pass

    assert child.status in (0, -9)


def test_waiting_ends_with_the_condition() -> None:
    asked: list[int] = []

    def condition() -> bool:
        asked.append(1)
        return len(asked) < 3

    with child_command(["--help"]) as child:
        child.wait_while(condition)

    assert 1 <= len(asked) <= 3


def test_code_runs_apart_and_is_waited_for() -> None:
    assert run_python("import sys; sys.exit(3)", lambda _: None) == 3
