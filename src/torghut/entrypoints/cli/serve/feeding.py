"""How the contexts of each kind of source reach the loop."""

from __future__ import annotations

import asyncio

from torghut.composition import machine, serving
from torghut.entrypoints.cli.run.playing import player_of, window_of
from torghut.entrypoints.cli.serve.options import ServeOptions, SourceKind
from torghut.entrypoints.cli.serve.preparing import PreparedService
from torghut.market.ports import Source
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.intake.playing import Playing
from torghut.workflows.live.life import Feed
from torghut.workflows.running.lifecycle import check_source


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
    return Playing(
        source=recorded,
        window=window_of(options["from_"], options["to"]),
        player=player_of(options["speed"], stopping),
        line=worker.loop.line,
        clock=worker.clock,
    )
