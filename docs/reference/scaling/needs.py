"""What a load needs: arithmetic alone, from figures that were measured and what is declared.

Units: contexts, decisions and commits are per second, sizes bytes, durations seconds, unless a
name says otherwise. Each context becomes one decision. What was not measured stays unknown, and so
does all that follows from it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from typing import Final

from docs.reference.scaling.bounds import Declared, Sizes, TopicLoad
from docs.reference.scaling.figures import Figure, Measured
from docs.reference.scaling.loads import Answer, Lack, Load, Machines
from torghut.carrying.partitioning import partition_of

DAY_S: Final = 86_400.0
_HOUR_S: Final = 3_600.0
BROKERS_LEAST: Final = 3
"""Three copies are on three machines."""

_TWO: Final = 2


@lru_cache(maxsize=256)
def fullest_share(symbols: int, partitions: int) -> float:
    """Return the share of symbols that is on the fullest partition, above 0 and at most 1.

    Args:
        symbols: Made-up ones, hashed as real ones are; at least 1.
        partitions: At least 1.
    """
    counts = Counter(
        partition_of(b"made-up:S%05d" % number, partitions) for number in range(symbols)
    )
    return max(counts.values()) / symbols


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """How long a block takes to become durable: a fixed time, and one for each decision in it."""

    fixed_s: float
    each_s: float

    def block(self, rate: float, most: int) -> float:
        """Return the decisions of a block where one block follows the other.

        While a block becomes durable the next one gathers, so blocks grow until they keep up.

        Args:
            rate: Contexts/s of the partition.
            most: That a block takes.
        """
        left = 1.0 - rate * self.each_s
        if left <= 0.0:
            return float(most)
        return min(float(most), max(1.0, rate * self.fixed_s / left))


def cycle(measured: Measured) -> Cycle | None:
    """Return the line through the smallest and largest blocks measured; None without two."""
    if len(measured.appends) < _TWO:
        return None
    (small, slow), *_, (large, fast) = measured.appends.items()
    small_s, large_s = small / slow.value, large / fast.value
    each_s = max(0.0, (large_s - small_s) / (large - small))
    return Cycle(fixed_s=max(0.0, small_s - each_s * small), each_s=each_s)


@dataclass(frozen=True)
class Needs:
    """What one load needs.

    Attributes:
        load: The load.
        machines: What is planned for.
        measured: Figures of the record.
        sizes: Of what is carried and kept.
        declared: What bounds a deployment.
    """

    load: Load
    machines: Machines
    measured: Measured
    sizes: Sizes
    declared: Declared

    # Workers

    @property
    def worker_rate(self) -> Answer:
        """Decisions/s that are planned for of one worker that is alone, by its CPU time."""
        return planned(self.measured.worker_cpu, self.machines)

    @property
    def saturated_rate(self) -> Answer:
        """The same by what one decided at saturation, beside broker and database."""
        return planned(self.measured.worker_wall, self.machines)

    @property
    def efficiency(self) -> Answer:
        """What is left of a worker among several, at worst; at most 1."""
        kept = [one.value for one in self.measured.efficiency.values()]
        return min(1.0, *kept) if kept else Lack.NOT_MEASURED

    @property
    def workers(self) -> Answer:
        """Workers that decide it all, by their CPU time, without a spare one."""
        return self._workers(self.worker_rate)

    @property
    def workers_most(self) -> Answer:
        """The same if none is faster than one was at saturation."""
        return self._workers(least(self.worker_rate, self.saturated_rate))

    @property
    def workers_with_spare(self) -> Answer:
        """One more than decide it all: what a worker that dies had goes to the others."""
        return plus(self.workers, 1)

    def _workers(self, alone: Answer) -> Answer:
        """Return workers of which one alone decides so many a second."""
        if isinstance(alone, Lack):
            return alone
        if self.load.rate <= alone:
            return 1
        return rounded_up(over(self.load.rate, times(alone, self.efficiency)))

    # Partitions

    @property
    def partition_rate(self) -> Answer:
        """Contexts/s that are planned for of one partition: one worker decides all of it.

        Its blocks wait for one another, so what a worker did at saturation bounds it as well.
        """
        alone = least(self.worker_rate, self.saturated_rate)
        return alone if self.workers == 1 else times(alone, self.efficiency)

    @cached_property
    def partitions(self) -> Answer:
        """Partitions: as declared, doubled until there are enough and the fullest one fits."""
        workers, rate = self.workers, self.partition_rate
        if isinstance(workers, Lack):
            return workers
        if isinstance(rate, Lack):
            return rate
        count = self.declared.partitions
        while count < workers or self.fullest_rate(count) > rate:
            count *= 2
            if count > self.declared.partitions_max:
                return Lack.NEVER_ENOUGH
        return count

    @property
    def planned_partitions(self) -> int:
        """Partitions that other figures are about: those needed, else those declared."""
        found = self.partitions
        return self.declared.partitions if isinstance(found, Lack) else int(found)

    def fullest_rate(self, partitions: int) -> float:
        """Return contexts/s of the fullest of so many partitions."""
        return self.load.rate * fullest_share(self.load.symbols, partitions)

    # The database

    @property
    def block(self) -> Answer:
        """Decisions of a block, on average."""
        found = cycle(self.measured)
        if found is None:
            return Lack.NOT_MEASURED
        return found.block(self.load.rate / self.planned_partitions, self.declared.block_max)

    @property
    def block_most(self) -> Answer:
        """The same if a database commits no more often, for all of them, than for one writer."""
        grown = over(over(self.load.rate, self.databases), self.commits_of_one)
        most = least(grown, self.declared.block_max)
        return most_of(self.block, most)

    @property
    def commits(self) -> Answer:
        """Commits/s, all partitions together."""
        return over(self.load.rate, self.block)

    @property
    def commits_least(self) -> float:
        """Commits/s if every block were full."""
        return self.load.rate / self.declared.block_max

    @property
    def commits_of_one(self) -> Answer:
        """Commits/s that one writer reaches with small blocks; others can share a disk's write."""
        if not self.measured.appends:
            return Lack.NOT_MEASURED
        size, figure = next(iter(self.measured.appends.items()))
        return figure.value / size

    @property
    def syncs(self) -> Answer:
        """Writes/s that the benchmarks' disk makes safe, one after the other."""
        sync = self.measured.sync_s
        return Lack.NOT_MEASURED if sync is None else 1.0 / sync.value

    @property
    def database_rate(self) -> Answer:
        """Decisions/s that are planned for of one database: as one writer found it."""
        appends = list(self.measured.appends.values())
        return planned(appends[-1] if appends else None, self.machines)

    @property
    def databases(self) -> Answer:
        """Databases, each of a deployment of its own, without their standbys."""
        return rounded_up(over(self.load.rate, self.database_rate))

    @property
    def kept_a_day_least(self) -> float:
        """Bytes a day in the log where blocks are full."""
        return self._kept_a_day(self.declared.block_max)

    @property
    def kept_a_day_most(self) -> float:
        """Bytes a day in the log where every decision has a block of its own."""
        return self._kept_a_day(1)

    @property
    def kept_a_day(self) -> Answer:
        """Bytes a day in the log with blocks as large as they become."""
        size = self.block
        return size if isinstance(size, Lack) else self._kept_a_day(size)

    def _kept_a_day(self, block: float) -> float:
        return self.load.rate * DAY_S * self.sizes.block(block) / block

    # The broker

    @property
    def ingress(self) -> float:
        """Bytes/s that are written to the brokers by others."""
        return self.load.rate * (self.sizes.context_record + self.sizes.decision_record)

    @property
    def egress(self) -> float:
        """Bytes/s that every declared consumer together reads, each of them once."""
        contexts = self.sizes.context_record * self.declared.contexts.readers
        decisions = self.sizes.decision_record * self.declared.decisions.readers
        return self.load.rate * (contexts + decisions)

    @property
    def replication(self) -> float:
        """Bytes/s between brokers."""
        contexts = self.sizes.context_record * (self.declared.contexts.copies - 1)
        decisions = self.sizes.decision_record * (self.declared.decisions.copies - 1)
        return self.load.rate * (contexts + decisions)

    @property
    def busiest_way(self) -> float:
        """Bytes/s of all links together, the way of them that carries more."""
        return self.replication + max(self.ingress, self.egress)

    def written_a_day(self, topic: TopicLoad) -> float:
        """Return bytes a day of the copies of a topic, of contexts or of decisions."""
        return self.load.rate * DAY_S * self._record(topic) * topic.copies

    def kept_by(self, topic: TopicLoad) -> float:
        """Return bytes that a topic keeps, all copies, once its retention has passed.

        Raises:
            ValueError: It removes nothing for its age.
        """
        if topic.retention_hours is None:
            message = f"expected a topic with a retention, found {topic.name}"
            raise ValueError(message)
        return self.written_a_day(topic) * topic.retention_hours * _HOUR_S / DAY_S

    @property
    def kept_by_brokers(self) -> float:
        """Bytes on the brokers' disks: contexts and decisions, all copies."""
        return self.kept_by(self.declared.contexts) + self.kept_by(self.declared.decisions)

    @property
    def brokers_for_links(self) -> int:
        """Brokers whose links carry it."""
        return max(BROKERS_LEAST, ceil(self.busiest_way / self.machines.link_bytes))

    @property
    def brokers_for_disks(self) -> int:
        """Brokers whose disks keep it."""
        return max(BROKERS_LEAST, ceil(self.kept_by_brokers / self.machines.disk_bytes))

    @property
    def decisions_fit_s(self) -> float:
        """For how long the least brokers could keep decisions, in s; 0 where contexts fill them."""
        room = BROKERS_LEAST * self.machines.disk_bytes - self.kept_by(self.declared.contexts)
        return max(0.0, room / self.written_a_day(self.declared.decisions) * DAY_S)

    def _record(self, topic: TopicLoad) -> int:
        if topic == self.declared.contexts:
            return self.sizes.context_record
        return self.sizes.decision_record

    # Taking up again

    @property
    def restart_s(self) -> Answer:
        """Time to decide again what came after a worker's snapshots, when one has just to come."""
        return self._restart_s(self.block)

    @property
    def restart_most_s(self) -> Answer:
        """The same where all blocks were full, so never more than that."""
        return self._restart_s(float(self.declared.block_max))

    def _restart_s(self, block: Answer) -> Answer:
        """Return decisions since the snapshots of one worker's partitions, over the replay rate."""
        workers, replay = self.workers, self.measured.replay
        if isinstance(workers, Lack) or replay is None:
            return Lack.NOT_MEASURED
        partitions = ceil(self.planned_partitions / workers)
        return over(times(block, self.declared.snapshot_blocks * partitions), replay.value)


def planned(found: Figure | None, machines: Machines) -> Answer:
    """Return the part of a measured rate that is planned for."""
    return Lack.NOT_MEASURED if found is None else machines.share * found.value


def least(one: Answer, other: Answer) -> Answer:
    """Return the smaller; unknown where one of them is."""
    if isinstance(one, Lack):
        return one
    return other if isinstance(other, Lack) else min(one, other)


def most_of(one: Answer, other: Answer) -> Answer:
    """Return the larger; unknown where one of them is."""
    if isinstance(one, Lack):
        return one
    return other if isinstance(other, Lack) else max(one, other)


def times(one: Answer, other: Answer) -> Answer:
    """Return a product; unknown where a factor is."""
    if isinstance(one, Lack):
        return one
    return other if isinstance(other, Lack) else one * other


def over(one: Answer, other: Answer) -> Answer:
    """Return a quotient; unknown where a part of it is."""
    if isinstance(one, Lack):
        return one
    return other if isinstance(other, Lack) else one / other


def plus(one: Answer, other: float) -> Answer:
    """Return a sum; unknown where a part of it is."""
    return one if isinstance(one, Lack) else one + other


def rounded_up(one: Answer) -> Answer:
    """Return the next whole number; unknown where it is."""
    return one if isinstance(one, Lack) else ceil(one)


def held_core_rate(held: Figure | None, quota: float | None) -> Answer:
    """Return decisions/s of a whole core, from a worker that was held to a part of one."""
    if held is None or quota is None:
        return Lack.NOT_MEASURED
    return held.value / quota
