"""What speaks to a broker says how long it waits for what it really waits for."""

from __future__ import annotations

import pytest

from tests.support.machine.commands import typed


def helped(*command: str) -> str:
    """Return what a command says of itself, without line ends."""
    return " ".join(typed(*command, "--help").out.split())


@pytest.mark.parametrize("command", ["worker", "feed", "audit", "relay"])
def test_what_carries_records_waits_for_answers(command: str) -> None:
    said = helped(command)

    assert "--bootstrap" in said
    assert "Longest that an answer of the broker may take." in said
    assert "one step" not in said


@pytest.mark.parametrize("command", ["plan", "apply", "diff"])
def test_what_changes_topics_waits_for_its_steps(command: str) -> None:
    assert "to be seen, or to do one step." in helped("topics", command)
