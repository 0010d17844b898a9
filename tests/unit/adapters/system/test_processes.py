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
    codes = [f"import sys; sys.exit({status})" for status in (3, 0, 1)]

    assert run_python(codes, lambda _: None) == [3, 0, 1]


def test_lines_are_read_as_they_come_until_there_are_no_more() -> None:
    with child_command(["--help"]) as child:
        first, lines = child.next_line(), 1
        while child.next_line():
            lines += 1

    assert first.startswith("Usage: ")
    assert lines > 10


def test_child_that_is_asked_to_end_is_waited_for() -> None:
    with child_command(["--help"]) as child:
        child.end()

        assert child.status in (0, -15)
