"""One run from opening to its last snapshot: what is asked for, where it begins, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from torghut.artifacts.package import Package
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Head
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.clock import SteadyClock
from torghut.market.ports import Cursor, Source, SourceDescription
from torghut.workflows.decision_loop import (
    Committed,
    LoopSettings,
    Observer,
    Run,
    Window,
    run_loop,
    save_snapshot,
)
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.running.controls import Offered, provide_packages, submit
from torghut.workflows.running.errors import ShadowArmMissingError, SourceDiffersError
from torghut.workflows.running.modes import mode_records, router_mode_records
from torghut.workflows.running.pacing import Player, Stoppable, play
from torghut.workflows.running.standing import Standing, standing_of
from torghut.workflows.running.window import EndingSource


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is asked to do.

    Attributes:
        source: Where contexts come from.
        setup: Kernel, declarations and packages; whether a new log gets the shadow arm.
        window: What part of the source is taken.
        loop: How blocks are cut and kept.
        player: How the source is played; None as fast as it goes.
        asked_to_stop: Whether somebody asked to stop.
        mode: To be in force from the start; None leaves it.
        router_mode: Likewise.
        offered: Control records to be taken before the first context; those taken before are
            left out.
        packages: What those records may put in force.
        clock: Tells how much time has passed, to measure how long each block takes.
    """

    source: Source
    setup: Setup
    window: Window = field(default_factory=Window)
    loop: LoopSettings = field(default_factory=LoopSettings)
    player: Player | None = None
    asked_to_stop: Callable[[], bool] = lambda: False
    mode: str | None = None
    router_mode: str | None = None
    offered: Sequence[Offered] = ()
    packages: Sequence[Package] = ()
    clock: SteadyClock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run about to take its first batch.

    Attributes:
        run: For the loop.
        standing: Where the log stands; kept up while the run goes on.
        repeated: How many of the control records had been taken before.
    """

    run: Run
    standing: Standing
    repeated: int


async def begin(log: DecisionLog, request: RunRequest) -> Begun:
    """Open ``log`` for what is asked for.

    Raises:
        SourceDiffersError: The log was decided from another source.
        ControlRefusedError: A control record cannot hold.
        ShadowArmMissingError: The shadow arm is asked of a log that began without it.
        DivergedError: A block decided again differs from the log.
        KernelVersionError: The log was decided by another version of the kernel.
    """
    standing = await standing_of(log)
    opened = await open_fold(log, request.setup)
    fold = opened.fold
    head = await log.head(0)
    check_source(fold, request.source.description, parse_cursor(head.cursor))
    if request.router_mode == "shadow" and not fold.genesis.shadow_router:
        raise ShadowArmMissingError
    provide_packages(fold, request.packages)
    symbols, number, due = request.source.description.symbols, head.number, opened.controls
    before = (
        *due,
        *mode_records(fold, symbols, request.mode, number=number, coming=due),
        *router_mode_records(fold, symbols, request.router_mode, number=number, coming=due),
    )
    submitted = submit(fold, request.offered, before)
    for package in request.packages:
        for body in package.objects():
            await log.put_object(body)
    run = Run(
        source=EndingSource(source=request.source, to_ns=request.window.to_ns),
        log=log,
        fold=fold,
        controls=(*before, *submitted.fresh),
        window=request.window,
        clock=request.clock,
        settings=request.loop,
    )
    return Begun(run=run, standing=standing, repeated=submitted.repeated)


async def finish(begun: Begun, request: RunRequest, observers: Sequence[Observer]) -> Head:
    """Decide to the end of the source, or until asked to stop; return the new head.

    Args:
        begun: As ``begin`` returned it.
        request: As given to ``begin``.
        observers: Told of each block once it is durable, in this order.

    Raises:
        SourceError: The source cannot be read any further.
        LogWriteError: A block could not be made durable; nothing after it was told.
    """

    def tell(committed: Committed) -> None:
        for observe in (begun.standing.observe, *observers):
            observe(committed)

    run = replace(begun.run, observer=tell)
    before = await run.log.head(0)
    if request.player is None:
        stoppable = Stoppable(source=run.source, asked=request.asked_to_stop)
        head = await run_loop(replace(run, source=stoppable))
    else:
        head = await play(run, request.player)
    if head.number > before.number:
        await save_snapshot(run, head)
        await begun.standing.save(run.log, head)
    return head


def check_source(fold: DecisionFold, description: SourceDescription, cursor: Cursor) -> None:
    """Check that a log can go on with a source: every part that it names must have been begun.

    Raises:
        SourceDiffersError: The log was decided from another source.
    """
    begun = cursor.part + (1 if cursor.record else 0)
    digests = [part.digest for part in description.parts[:begun]]
    if not set(fold.sources) <= set(digests):
        raise SourceDiffersError(expected=fold.sources, found=digests)
