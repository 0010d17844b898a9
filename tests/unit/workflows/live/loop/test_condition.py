"""Degraded modes begin and end once, and the oldest that matters is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.clock import HandClock
from tests.fakes.live import silent_witness
from torghut.workflows.live.loop.condition import Condition


@dataclass(slots=True)
class Told:
    """Counts what was told."""

    times: int = 0
    wall: HandClock = field(default_factory=HandClock)

    def condition(self) -> Condition:
        """Return a condition that tells this."""
        return Condition(wall=self.wall, witness=silent_witness(), changed=self.changed)

    def changed(self) -> None:
        """Be told."""
        self.times += 1


def test_a_mode_keeps_its_beginning_and_takes_its_newest_detail() -> None:
    told = Told()
    condition = told.condition()
    condition.begin("lag", "a little")
    told.wall.time_ns += 5
    condition.begin("lag", "more")
    (mode,) = condition.modes
    assert (mode.code, mode.detail, mode.since_wall_ns) == ("lag", "more", told.wall.time_ns - 5)
    assert told.times == 1


def test_only_what_was_on_ends_and_is_told() -> None:
    told = Told()
    condition = told.condition()
    condition.begin("lag", "r")
    condition.end("paused", "log-slow")
    assert told.times == 1
    condition.end("lag", "paused")
    assert (condition.modes, told.times) == ([], 2)


def test_what_comes_again_is_the_newest() -> None:
    condition = Told().condition()
    condition.begin("log-away", "1")
    condition.begin("paused", "2")
    condition.end("log-away")
    condition.begin("log-away", "3")
    assert [mode.code for mode in condition.modes] == ["paused", "log-away"]
    assert condition.judge("") == ("stale", "paused: 2")
    assert condition.has("lag", "paused")
    assert not condition.has("lag")


def test_reasons_are_as_long_as_their_schema_lets_them_be() -> None:
    condition = Told().condition()
    condition.begin("log-away", "x" * 5000)
    assert len(condition.judge("")[1]) == 600
    assert len(condition.judge("y" * 5000)[1]) == 600
