"""How the contexts of each kind of source reach the loop."""

from __future__ import annotations

import asyncio

from torghut.composition import machine, serving, standby
from torghut.entrypoints.cli.serve.options import ServeOptions, SourceKind
from torghut.entrypoints.cli.serve.preparing import PreparedService
from torghut.market.ports import Source
from torghut.workflows.decision_loop import Window
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.intake.playing import Playing
from torghut.workflows.live.life import Feed
from torghut.workflows.running.lifecycle import check_source
from torghut.workflows.running.pacing import Player


async def feed_of(
    options: ServeOptions, prepared: PreparedService, stopping: machine.Stopping
) -> Feed:
    """Return what brings the contexts of the source that was named.

    Raises:
        SourceDiffersError: The log was decided from another source.
    """
    worker, named, recorded = prepared.worker, options["source"], prepared.source
    if recorded is not None:
        check_source(worker.loop.fold, recorded.description, worker.cursor)
        playing = _playing(options, recorded, worker, stopping)
        return lambda: playing.play(worker.cursor)
    await worker.check_feeds()
    match named.kind:
        case SourceKind.STDIN:
            return lambda: serving.feed_stdin(worker.desk, stopping.asked)
        case SourceKind.SOCKET if named.path is not None:
            path = named.path
            let_go = worker.witness.sender_let_go
            return lambda: serving.feed_socket(worker.desk, path, stopping.asked, let_go)
        case _:
            return _nothing


async def _nothing() -> None:
    """Wait for ever: contexts come through the API."""
    await asyncio.get_running_loop().create_future()


def _playing(
    options: ServeOptions, recorded: Source, worker: LiveWorker, stopping: machine.Stopping
) -> Playing:
    """Return a recorded source as it is to be played."""
    times, from_, to = options["speed"].times, options["from_"], options["to"]
    player = None
    if times is not None:
        player = Player(
            speed=times,
            clock=standby.steady_clock(),
            pause=stopping.pause,
            asked=stopping.asked.is_set,
        )
    everything = Window()
    return Playing(
        source=recorded,
        window=Window(
            from_ns=everything.from_ns if from_ is None else from_.time_ns,
            to_ns=everything.to_ns if to is None else to.time_ns,
        ),
        player=player,
        line=worker.loop.line,
        clock=worker.clock,
    )
