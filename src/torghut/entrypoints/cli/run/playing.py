"""What part of a recorded source is taken, and how fast, as the workflows take it."""

from __future__ import annotations

from typing import Final

from torghut.composition import machine, standby
from torghut.entrypoints.cli.run.options import Instant, Speed
from torghut.workflows.decision_loop import Window
from torghut.workflows.running.pacing import Player

_EVERYTHING: Final = Window()


def window_of(from_: Instant | None, to: Instant | None) -> Window:
    """Return the part of a source between two receive times; None where it is open."""
    return Window(
        from_ns=_EVERYTHING.from_ns if from_ is None else from_.time_ns,
        to_ns=_EVERYTHING.to_ns if to is None else to.time_ns,
    )


def player_of(speed: Speed, stopping: machine.Stopping) -> Player | None:
    """Return what plays a source until asked to stop; None where it goes as fast as it can."""
    if speed.times is None:
        return None
    return Player(
        speed=speed.times,
        clock=standby.steady_clock(),
        pause=stopping.pause,
        asked=stopping.asked.is_set,
    )
