"""Open a log for deciding: the fold as of its head, and what has changed outside since.

Declarations and packages that the log cites are read from the log, never from the disk: what was
decided stays decidable when the files have moved on. What differs from the files on the disk
becomes control records, to apply before the next contexts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torghut.artifacts.package import Package, read_package
from torghut.decisions.declarations import Declarations, read_declarations
from torghut.decisions.errors import SnapshotUnreadableError
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import Recorded, learn_names, read_block
from torghut.decisions.snapshot import restore_snapshot, snapshot_cites, snapshot_key
from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.router.package import RegimeModel, read_regime_model
from torghut.schemas.block import BlockHeader
from torghut.schemas.control import ControlRecord, DeclarationsChanged, PackageChanged
from torghut.schemas.live.control_ids import installation_id
from torghut.workflows.errors import DivergedError, EmptyLogError, KernelVersionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a run is asked to decide with.

    Attributes:
        kernel: The kernel of this build.
        declarations: As found on the disk.
        packages: The packages found there, by router name.
        shadow_router: Whether the router's weights are to be shadowed from the first block on.
    """

    kernel: DecisionKernel
    declarations: Declarations
    packages: Mapping[str, Package]
    shadow_router: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A log ready to be continued.

    Attributes:
        fold: The memory as of the log's head.
        controls: Records that bring it to what the setup asks for.
        redecided: Blocks that were decided again on the way, each equal to the last byte.
    """

    fold: DecisionFold
    controls: Sequence[ControlRecord]
    redecided: int


async def open_fold(log: DecisionLog, setup: Setup, *, partition: int = 0) -> Opened:
    """Return the fold as of the head of ``partition``, from a snapshot and the blocks after it.

    Raises:
        DivergedError: A block decided again differs from the log.
        KernelVersionError: The log was decided by another version of the kernel.
        SymbolUndeclaredError: The declarations no longer know a symbol that the log decides.
    """
    await _keep_objects(log, setup)
    return await fold_at_head(log, setup, partition=partition)


async def fold_at_head(log: DecisionLog, setup: Setup, *, partition: int = 0) -> Opened:
    """Return the fold as ``open_fold`` does, of a log that was opened so before; write nothing.

    Raises:
        DivergedError: A block decided again differs from the log.
        KernelVersionError: The log was decided by another version of the kernel.
        SymbolUndeclaredError: The declarations no longer know a symbol that the log decides.
    """
    head = await log.head(partition)
    if head.number < 0:
        return Opened(fold=fresh_fold(setup), controls=(), redecided=0)
    fold = await genesis_fold(log, setup.kernel, partition=partition)
    after = await _restore(log, fold, partition)
    redecided = 0
    async for block in log.blocks(partition, after=after):
        await advance(log, fold, block)
        redecided += 1
    return Opened(fold=fold, controls=_changes(fold, setup, head.number), redecided=redecided)


async def genesis_fold(
    log: DecisionLog, kernel: DecisionKernel, *, partition: int = 0
) -> DecisionFold:
    """Return the fold that the log began with.

    Raises:
        EmptyLogError: There is no first block.
    """
    async for block in log.blocks(partition):
        header = read_block(block).header
        if header.genesis is None:
            break
        genesis = Genesis(
            declarations=await _declarations(log, header.genesis.declarations),
            packages=dict(header.genesis.packages),
            shadow_router=header.genesis.shadow_router,
        )
        fold = DecisionFold(kernel=kernel, genesis=genesis)
        for digest in genesis.packages.values():
            fold.packages[digest] = await _regime_model(log, digest)
        return fold
    raise EmptyLogError(partition=partition)


async def decide_again(
    log: DecisionLog, fold: DecisionFold, block: Block
) -> tuple[Recorded, Decided]:
    """Decide ``block`` again on ``fold``; return what it holds, and what comes of it now.

    Raises:
        KernelVersionError: The block names another version of the kernel: not re-executable here.
    """
    recorded = read_block(block)
    check_version(fold, recorded.header, block.number)
    await fetch_cited(log, fold, recorded)
    learn_names(fold, recorded)
    return recorded, fold.replay(recorded.contexts, recorded.received, recorded.applied)


async def advance(log: DecisionLog, fold: DecisionFold, block: Block) -> Recorded:
    """Decide ``block`` again on ``fold`` and return its content.

    Raises:
        DivergedError: The decisions or refusals differ from those in the block.
        KernelVersionError: The block names another version of the kernel.
    """
    recorded, decided = await decide_again(log, fold, block)
    for arm, rows in decided.arms.items():
        if arm not in block.arms or rows.rows != block.arms[arm].rows:
            raise DivergedError(block=block.number, what=f"the decisions of arm {arm!r}")
    if decided.outcomes.tobytes() != recorded.outcomes.tobytes():
        raise DivergedError(block=block.number, what="the refusal codes")
    return recorded


def check_version(fold: DecisionFold, header: BlockHeader, number: int) -> None:
    """Refuse to decide again what another version of the kernel decided."""
    if header.kernel_version != fold.kernel.version:
        raise KernelVersionError(
            block=number, expected=fold.kernel.version, found=header.kernel_version
        )


async def fetch_cited(log: DecisionLog, fold: DecisionFold, recorded: Recorded) -> None:
    """Register the declarations and packages that a block's control records put in force."""
    for arrival in recorded.received:
        await fetch_for(log, fold, arrival.record)


async def fetch_for(log: DecisionLog, fold: DecisionFold, record: ControlRecord) -> None:
    """Register what one control record puts in force."""
    if isinstance(record, DeclarationsChanged):
        fold.register(await _declarations(log, record.declarations))
    elif isinstance(record, PackageChanged):
        for digest in filter(None, (record.package, record.previous)):
            fold.packages[digest] = await _regime_model(log, digest)


def fresh_fold(setup: Setup) -> DecisionFold:
    """Return the fold of a log that has no block yet."""
    genesis = Genesis(
        declarations=setup.declarations,
        packages={name: package.digest for name, package in setup.packages.items()},
        shadow_router=setup.shadow_router,
    )
    fold = DecisionFold(kernel=setup.kernel, genesis=genesis)
    for package in setup.packages.values():
        fold.packages[package.digest] = read_regime_model(package)
    return fold


async def _restore(log: DecisionLog, fold: DecisionFold, partition: int) -> int:
    """Bring ``fold`` to the newest snapshot that fits and return its block; -1 without one."""
    snapshot = await log.load_snapshot(partition, snapshot_key(fold))
    if snapshot is None:
        return -1
    try:
        cited = snapshot_cites(snapshot.body)
    except SnapshotUnreadableError:
        return -1  # it is only a cache: the log is decided again
    for digest in cited.declarations:
        fold.register(await _declarations(log, digest))
    for digest in cited.packages:
        fold.packages[digest] = await _regime_model(log, digest)
    restore_snapshot(fold, snapshot.body)
    return snapshot.block_number


async def _keep_objects(log: DecisionLog, setup: Setup) -> None:
    """Put what the setup brings into the log, where replay will look for it."""
    await log.put_object(setup.declarations.to_bytes())
    for package in setup.packages.values():
        for body in package.objects():
            await log.put_object(body)


async def _declarations(log: DecisionLog, digest: str) -> Declarations:
    """Return the declarations that the log keeps under ``digest``."""
    return read_declarations(await log.get_object(digest))


async def _regime_model(log: DecisionLog, digest: str) -> RegimeModel:
    """Return the regime model of the package that the log keeps under ``digest``."""
    return read_regime_model(await read_package(digest, log.get_object))


def _changes(fold: DecisionFold, setup: Setup, number: int) -> list[ControlRecord]:
    """Return the control records that make the setup hold from the next contexts on."""
    changes: list[ControlRecord] = []
    if setup.declarations.digest != fold.installed.declarations:
        for facts in fold.symbols:
            setup.declarations.instrument(facts.name)
        fold.register(setup.declarations)
        changes.append(
            DeclarationsChanged(
                control_id=installation_id(number, setup.declarations.digest[:16]),
                declarations=setup.declarations.digest,
            )
        )
    # A router whose package is gone from the disk is served by the last known good, in the log.
    for router, package in sorted(setup.packages.items()):
        digest = package.digest
        if digest == fold.installed.packages.get(router, ""):
            continue
        fold.packages[digest] = read_regime_model(package)
        changes.append(
            PackageChanged(
                control_id=installation_id(number, f"{router}:{digest[:16]}"),
                router=router,
                package=digest,
            )
        )
    return changes
