"""Silence is told by itself, and a heartbeat that waited somewhere says nothing of now."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from torghut.client import Limits
from torghut.client.machine import Machine
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.messages import Heartbeat, StateName

MS = 1_000_000
WALL_NS = 1_800_000_000_000_000_000


@dataclass
class Scene:
    """A pulse and the clock that it looks at."""

    now_ms: int = 0

    def __post_init__(self) -> None:
        machine = Machine(wall_ns=lambda: 0, steady_ns=lambda: self.now_ms * MS, chance=lambda: 0)
        self.pulse = Pulse(Limits(stale_ms=3000), machine)
        self.pulse.begin()

    def hear(self, *, sent_ms: int | None = None, state: StateName = "live") -> bool:
        """Hear a heartbeat that was sent at a time of the same steady clock."""
        sent = self.now_ms if sent_ms is None else sent_ms
        return self.pulse.hear(
            Heartbeat("w", WALL_NS + sent * MS, None, 0, state, "why", (), (), 1.0)
        )


def test_live_from_the_first_heartbeat_on() -> None:
    scene = Scene()

    assert scene.pulse.state.name == "stale"
    scene.hear()
    assert scene.pulse.state == ("live", "")


def test_stale_by_itself_after_three_seconds_of_silence() -> None:
    scene = Scene()
    scene.hear()
    scene.now_ms = 3000
    assert scene.pulse.state.name == "live"
    scene.now_ms = 3001

    assert scene.pulse.state == ("stale", "no heartbeat for more than 3000 ms")


@pytest.mark.parametrize("state", ["stale", "stopped"])
def test_service_says_that_nothing_may_be_opened(state: StateName) -> None:
    scene = Scene()
    scene.hear(state=state)

    assert scene.pulse.state == (state, "why")


def test_lost_connection_is_stale_at_once() -> None:
    scene = Scene()
    scene.hear()
    scene.pulse.end("torn")

    assert scene.pulse.state == ("stale", "not connected: torn")


def test_heartbeats_that_waited_while_the_process_was_paused_do_not_count() -> None:
    scene = Scene()
    scene.hear()
    scene.now_ms = 10_000
    heard = [scene.hear(sent_ms=sent) for sent in range(1000, 11_000, 1000)]

    assert heard == [False] * 6 + [True] * 4
    assert scene.pulse.state.name == "live"


def test_heartbeats_steadily_late_do_not_count() -> None:
    scene = Scene()
    scene.hear()
    for second in range(4, 10):
        scene.now_ms = second * 1000
        assert not scene.hear(sent_ms=scene.now_ms - 3500)

    assert scene.pulse.state.name == "stale"
    assert scene.pulse.silent_ms == 9000


def test_first_heartbeat_counts_only_soon_after_the_connection_was_begun() -> None:
    scene = Scene()
    scene.now_ms = 3001
    assert not scene.hear()

    scene.pulse.begin()
    scene.now_ms += 100
    assert scene.hear()


def test_clock_of_the_service_may_be_anything_and_be_set_forward() -> None:
    scene = Scene()
    scene.hear()
    scene.now_ms = 1000
    assert scene.hear(sent_ms=3_600_000)

    scene.now_ms = 2000
    assert scene.hear(sent_ms=3_601_000)


def test_fault_that_is_being_healed_is_stale_and_one_that_cannot_be_stays() -> None:
    scene = Scene()
    scene.hear()
    scene.pulse.doubt = "gap"
    assert scene.pulse.state == ("stale", "gap")

    scene.pulse.doubt = ""
    assert scene.pulse.state.name == "live"
    scene.pulse.broken = "gone"
    assert scene.pulse.state == ("stale", "gone")
