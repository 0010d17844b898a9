"""What a decision log stood for when a window ended: its head, and what was in force."""

from __future__ import annotations

from dataclasses import dataclass, field

from torghut.artifacts.package import read_package
from torghut.decisions.declarations import read_declarations
from torghut.decisions.recording import Recorded, read_block
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.units import NS_PER_MS
from torghut.router.package import RegimeModel, read_regime_model
from torghut.schemas.control import DeclarationsChanged, PackageChanged
from torghut.workflows.errors import EmptyLogError
from torghut.workflows.lane.contest.arms import ArmPlan


@dataclass(slots=True, kw_only=True)
class LogStanding:
    """What a log's blocks came to, up to a time.

    Attributes:
        block: Number of the last block that the window reaches into.
        head: Its digest, which covers all blocks before.
        declarations: Digest of those that the installation's newest record put in force.
        packages: Digest of the package of each router name, likewise.
        symbols: Names of those that were seen.
        first_ns: Receive time of the earliest context; 0 without any.
        last_ns: And of the latest.
    """

    block: int = -1
    head: str = ""
    declarations: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    symbols: set[str] = field(default_factory=set)
    first_ns: int = 0
    last_ns: int = 0

    def take(self, recorded: Recorded) -> None:
        """Take in one more block's records."""
        self.symbols.update(recorded.header.symbols.values())
        times = recorded.contexts["receive_ns"]
        if len(times):
            earliest = int(times.min())
            self.first_ns = min(self.first_ns or earliest, earliest)
            self.last_ns = max(self.last_ns, int(times.max()))
        genesis = recorded.header.genesis
        if genesis is not None:
            self.declarations, self.packages = genesis.declarations, dict(genesis.packages)
        for record in (arrival.record for arrival in recorded.received):
            if isinstance(record, DeclarationsChanged):
                self.declarations = record.declarations
            elif isinstance(record, PackageChanged) and record.symbol == "*":
                self.packages[record.router] = record.package or ""


async def standing_at(log: DecisionLog, last_ns: int, *, partition: int = 0) -> LogStanding:
    """Return what a log stood for at a receive time.

    Raises:
        EmptyLogError: It holds nothing until then.
        LogIntegrityError: A block is not as it was written.
    """
    found = LogStanding()
    async for block in log.blocks(partition):
        recorded = read_block(block)
        if len(recorded.contexts) and int(recorded.contexts["receive_ns"].min()) > last_ns:
            break
        found.take(recorded)
        found.block, found.head = block.number, block.digest
    if found.block < 0:
        raise EmptyLogError(partition=partition)
    return found


async def champion_of(log: DecisionLog, standing: LogStanding) -> ArmPlan:
    """Return what served at a standing, read from the log alone.

    Raises:
        ObjectMissingError: The log does not keep what it cites.
    """
    declarations = read_declarations(await log.get_object(standing.declarations))
    packages: dict[str, RegimeModel] = {}
    for router, digest in sorted(standing.packages.items()):
        if digest:
            packages[router] = read_regime_model(await read_package(digest, log.get_object))
    return ArmPlan(declarations=declarations, packages=packages)


def horizon_ns_of(champion: ArmPlan, standing: LogStanding) -> int:
    """Return the longest label horizon of the symbols of a log, in nanoseconds."""
    sampled = [champion.declarations.instrument(name).sampling for name in standing.symbols]
    horizons = (one.sample_interval_ms * NS_PER_MS * one.horizon_samples for one in sampled)
    return max(map(int, horizons), default=0)
