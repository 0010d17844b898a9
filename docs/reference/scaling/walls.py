"""Walls: at which rate each part of a deployment has to become another, and into what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from docs.reference.scaling.loads import Answer, Lack
from docs.reference.scaling.needs import BROKERS_LEAST, Needs, fullest_share, over, times


@dataclass(frozen=True, slots=True)
class Wall:
    """One bound.

    Attributes:
        name: What is full.
        rate: Contexts/s at which it is, or why nobody can say.
        then: What to do, and whether that is built.
    """

    name: str
    rate: Answer
    then: str


_WORKER: Final = "start more workers; they share the partitions by themselves"
_DECLARED: Final = (
    "declare more before topics are first made; growing a deployment that runs is not built: start "
    "a second one with topics on a broker of its own and a log of its own, move the senders over"
)
_MOST: Final = "none is built: spread symbols over two deployments, each with a broker and a log"
_SYMBOL: Final = "none: a symbol has one order, so one worker decides it"
_DATABASE: Final = (
    "spread symbols over several deployments, each with a broker and a log; one deployment over "
    "several databases is not built"
)
_DISKS: Final = (
    "keep decisions shorter in their topic (the log remembers them), or add brokers; rows instead "
    "of JSON are not built"
)
_LINKS: Final = "add brokers, or faster links; rows instead of JSON are not built"


def walls(needs: Needs) -> Sequence[Wall]:
    """Return every wall of a load's symbols and machines, the nearest first, unknown ones last."""
    rate = needs.load.rate
    machines = needs.machines
    found = (
        Wall("one worker", needs.worker_rate, _WORKER),
        Wall(
            f"the {needs.declared.partitions} partitions that are declared",
            _of_partitions(needs, needs.declared.partitions),
            _DECLARED,
        ),
        Wall(
            f"the {needs.declared.partitions_max:,} partitions that a declaration may say",
            _of_partitions(needs, needs.declared.partitions_max),
            _MOST,
        ),
        Wall(
            "the one worker of a symbol", times(needs.partition_rate, needs.load.symbols), _SYMBOL
        ),
        Wall("one database", needs.database_rate, _DATABASE),
        Wall(
            f"the disks of {BROKERS_LEAST} brokers",
            BROKERS_LEAST * machines.disk_bytes / (needs.kept_by_brokers / rate),
            _DISKS,
        ),
        Wall(
            f"the links of {BROKERS_LEAST} brokers",
            BROKERS_LEAST * machines.link_bytes / (needs.busiest_way / rate),
            _LINKS,
        ),
    )
    return sorted(found, key=_place)


def next_wall(needs: Needs) -> Wall | None:
    """Return the nearest wall that a load has not reached; None if none is known."""
    for wall in walls(needs):
        if not isinstance(wall.rate, Lack) and wall.rate >= needs.load.rate:
            return wall
    return None


def reached(needs: Needs) -> Sequence[Wall]:
    """Return the walls that a load is beyond."""
    return [
        wall
        for wall in walls(needs)
        if not isinstance(wall.rate, Lack) and wall.rate < needs.load.rate
    ]


def unknown(needs: Needs) -> Sequence[Wall]:
    """Return the walls of which nobody can say where they are."""
    return [wall for wall in walls(needs) if isinstance(wall.rate, Lack)]


def _of_partitions(needs: Needs, partitions: int) -> Answer:
    """Return the rate at which the fullest of so many partitions fills a worker."""
    return over(needs.partition_rate, fullest_share(needs.load.symbols, partitions))


def _place(wall: Wall) -> float:
    return float("inf") if isinstance(wall.rate, Lack) else wall.rate
