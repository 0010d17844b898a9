"""One run from opening to its last snapshot: what is asked for, where it begins, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from torghut.artifacts.package import Package
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import Identities, Known
from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Head
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.clock import Clock
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.market.ports import Cursor, Source, SourceDescription
from torghut.router.package import read_regime_model
from torghut.schemas.control import ControlRecord
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
from torghut.workflows.running.modes import mode_records, router_mode_records
from torghut.workflows.running.pacing import Player, Stoppable, play
from torghut.workflows.running.standing import Standing, standing_of
from torghut.workflows.running.window import EndingSource


class SourceDiffersError(TorghutError):
    """The log was decided from other data than the source that it is to go on with."""

    code: ClassVar[str] = "run.source-differs"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, expected: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"expected the source that the log was decided from, with digests "
            f"{', '.join(digest[:16] for digest in expected)}, found "
            f"{', '.join(digest[:16] for digest in found) or 'nothing read before'}; "
            "name another log, or begin afresh"
        )
        self.expected = tuple(expected)
        self.found = tuple(found)


class ControlIdTakenError(TorghutError):
    """A control record comes under an id that another record has; an id counts once, for ever."""

    code: ClassVar[str] = "run.control-id-taken"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, control_id: str) -> None:
        super().__init__(
            f"expected control records under ids of their own, found {control_id!r} again with "
            "another content; give the new record a new id"
        )
        self.control_id = control_id


class ShadowArmMissingError(TorghutError):
    """A log that began without the router's shadow arm cannot get it later."""

    code: ClassVar[str] = "run.shadow-arm-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "router mode shadow: expected a log that was begun with it, found one without a "
            "shadow arm; name another log, or begin afresh"
        )


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
        records: Control records to be taken before the first context; those taken before are
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
    records: Sequence[ControlRecord] = ()
    packages: Sequence[Package] = ()
    clock: Clock | None = None


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
        ControlIdTakenError: A control record's id was taken by another.
        ShadowArmMissingError: The shadow arm is asked of a log that began without it.
        DivergedError: A block decided again differs from the log.
        KernelVersionError: The log was decided by another version of the kernel.
    """
    standing = await standing_of(log)
    opened = await open_fold(log, request.setup)
    fold = opened.fold
    head = await log.head(0)
    _check_source(fold, request.source.description, parse_cursor(head.cursor))
    if request.router_mode == "shadow" and not fold.genesis.shadow_router:
        raise ShadowArmMissingError
    for package in request.packages:
        for body in package.objects():
            await log.put_object(body)
        fold.packages[package.digest] = read_regime_model(package)
    symbols = request.source.description.symbols
    fresh = _fresh(fold, request.records)
    run = Run(
        source=EndingSource(source=request.source, to_ns=request.window.to_ns),
        log=log,
        fold=fold,
        controls=(
            *opened.controls,
            *mode_records(fold, symbols, request.mode, number=head.number),
            *router_mode_records(fold, symbols, request.router_mode, number=head.number),
            *fresh,
        ),
        window=request.window,
        clock=request.clock,
        settings=request.loop,
    )
    return Begun(run=run, standing=standing, repeated=len(request.records) - len(fresh))


def _fresh(fold: DecisionFold, records: Sequence[ControlRecord]) -> Sequence[ControlRecord]:
    """Return the records that the log does not know, each once."""
    known = Identities(taken=dict(fold.identities.taken))
    fresh: list[ControlRecord] = []
    for record in records:
        match known.recognise(record):
            case Known.NEW:
                known.take(record)
                fresh.append(record)
            case Known.CLASHING:
                raise ControlIdTakenError(control_id=record.control_id)
            case Known.REPEATED:
                pass
    return fresh


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


def _check_source(fold: DecisionFold, description: SourceDescription, cursor: Cursor) -> None:
    """Refuse to go on with another source: every part that the log names must have been begun."""
    begun = cursor.part + (1 if cursor.record else 0)
    digests = [part.digest for part in description.parts[:begun]]
    if not set(fold.sources) <= set(digests):
        raise SourceDiffersError(expected=fold.sources, found=digests)
