"""The page of scaling: what was measured, three loads, and how each number comes about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.records import RECORDED, Record, read_record
from docs.reference.scaling.bounds import Declared, Sizes
from docs.reference.scaling.figures import Figure, Measured, measured
from docs.reference.scaling.loads import Load, Machines
from docs.reference.scaling.needs import Needs, held_core_rate
from docs.reference.scaling.sizes import declared, sizes
from docs.reference.scaling.table import load_section, other_topics
from docs.reference.scaling.words import heading, number, quantity, row, size, time

LOADS: Final = (
    Load(rate=500, symbols=100),
    Load(rate=10_000, symbols=1_000),
    Load(rate=1_000_000, symbols=20_000),
)

_HEAD: Final = """\
# Scaling

Written by `make docs` from the record of the [benchmarks](reference/benchmarks.md) of {measured_on}
and from what is declared. For whoever orders machines. Where the record lacks a figure this page
says so, and so does every number that follows from it; nothing is guessed.

```console
$ python -m docs.reference.scaling --rate 25000 --symbols 3000
$ python -m docs.reference.scaling --rate 25000 --symbols 3000 --disk-tb 16 --share 0.5
$ make bench ARGS=--record && make docs   # other machines: measure there, then this page anew
```

Planned for is {share:.0%} of each core, link and disk. A broker has {link:g} Gbit/s each way and
{disk:g} TB, a database {disk:g} TB: those are orders, not measurements. Symbols are taken to be
equally busy; where one is busier, plan for the rate of the busiest times their number.

## What was measured

The benchmarks' machine: {machine}.
Decisions/s unless another unit is said.

"""

_SIZES: Final = """
A context and a decision were made to see what they take; records without compression, as they are
sent.

"""

_TAIL: Final = """\
## How it is reckoned

- **One worker.** Decisions per CPU-second of a worker, times the share: a worker is one process
  that decides on one core. What it came to at saturation had broker and database on the same
  machine, so the count by that is an upper one.
- **Efficiency.** What {counts} workers held to a part of a core decided, over as many times one:
  the worst of them, never above 1. For more workers than were measured it is taken to stay so;
  workers share nothing but broker and database, which have walls of their own here.
- **Partitions.** At most one worker has a partition, and murmur2 spreads symbols unevenly. So the
  count is doubled from what is declared until there is one for each worker and the fullest fits:
  by CPU time and by saturation, since a partition's blocks wait for one another. Declare
  them before topics are made: [the count stays](how-to/run-with-kafka.md#how-many-partitions).
- **Blocks and commits.** A partition writes one block at a time. Writing takes a + b · n seconds
  for n decisions: the line through the smallest and largest blocks measured. Meanwhile the next
  ones gather: n = rate of the partition · (a + b · n), at least 1, at most {block_max:,}.
  Publishing takes time too, in which blocks grow, so there are fewer commits than that. Where they
  are more than one disk's, a database makes several safe with one write, or blocks grow and what is
  decided is durable later: commits do not run out.
- **One database.** What one writer appends in large blocks, one after the other. Several writers
  to one server were not measured; they can share a disk's writes, so fewer databases may do.
- **The log's bytes.** {block_fixed} B for each block and {block_each} B for each decision. Indexes,
  the database's own headers, its write-ahead log, standbys and copies come on top and were not
  measured.
- **Taking up.** A snapshot is kept every {snapshot_blocks:,} blocks of a partition and whenever one
  is given back; what came after the last is decided again. That a group notices a dead worker, and
  reading the snapshot, come on top.

## What is not in it

Rates of these topics do not follow from contexts.

{others}
Governance's events pass one row of one database, whatever the number of workers; there are a few
thousand a day. A trading loop that reads only its symbols, or several of each kind of consumer,
reads less or more than the egress here. Memory of a worker: not measured yet; a process that
decides without a broker peaks at {memory}.
"""


def scaling_page() -> str:
    """Return the page of the record that is kept."""
    record = read_record(RECORDED.read_text(encoding="utf-8"))
    return record_page(record, sizes=sizes(), declared=declared())


def record_page(record: Record, *, sizes: Sizes, declared: Declared) -> str:
    """Return the page of ``record``."""
    found, machines = measured(record), Machines()
    head = _HEAD.format(
        measured_on=record.measured_on,
        share=machines.share,
        link=machines.link_gbit,
        disk=machines.disk_tb,
        machine=", ".join(
            f"{name} {record.machine[name]}"
            for name in ("processor", "cores")
            if name in record.machine
        ),
    )
    loads = (Needs(load, machines, found, sizes, declared) for load in LOADS)
    counts = " and ".join(map(str, sorted(found.efficiency))) or "several"
    tail = _TAIL.format(
        counts=counts,
        block_max=declared.block_max,
        block_fixed=f"{sizes.block_fixed:,}",
        block_each=sizes.block_each,
        snapshot_blocks=declared.snapshot_blocks,
        others=other_topics(declared.others),
        memory=quantity(found.memory_mb, number, "MB"),
    )
    sections = [
        head + _measured(found) + _SIZES + _sizes(sizes),
        *map(load_section, loads),
        tail,
    ]
    return "\n".join(sections)


def _measured(found: Measured) -> str:
    """Return the figures of the record, each with its source."""
    rows = (
        row(name, value, "" if one is None else one.source) for name, value, one in _figures(found)
    )
    core = number(held_core_rate(found.held, found.quota))
    quota = "a part" if found.quota is None else f"{found.quota:.0%}"
    scaled = f"held to {quota} of a core: the above ÷ that part"
    return (
        heading("figure", "value", "line of the record")
        + "".join(rows)
        + row("a whole core, from a worker that was held", core, scaled)
    )


def _figures(found: Measured) -> Iterator[tuple[str, str, Figure | None]]:
    """Yield every figure: its name, itself in words, and where it stands."""
    decided: dict[str, Figure | None] = {
        "a worker, per CPU-second": found.worker_cpu,
        "a worker at saturation": found.worker_wall,
        "a worker held to part of a core": found.held,
        "decided again from a log": found.replay,
    }
    if not found.appends:
        decided["appended to one database"] = None
    for decisions, one in found.appends.items():
        decided[f"appended to one database, blocks of {decisions:,}"] = one
    for name, figure in decided.items():
        yield name, quantity(figure, number), figure
    if not found.efficiency:
        yield "efficiency of several workers", quantity(None, number), None
    for count, one in found.efficiency.items():
        yield f"efficiency of {count} workers", quantity(one, number, "of 1"), one
    yield "a write is safe on the disk", quantity(found.sync_s, time), found.sync_s
    yield "peak memory of deciding", quantity(found.memory_mb, number, "MB"), found.memory_mb


def _sizes(found: Sizes) -> str:
    """Return what things take."""
    of_context, of_decision = "a quote of the made-up market", "the golden `live.decided.v1`"
    return heading("size", "bytes", "of what") + "".join(
        (
            row("context as JSON", size(found.context_value), of_context),
            row("context as a record", size(found.context_record), "with key and headers"),
            row("decision as JSON", size(found.decision_value), of_decision),
            row("decision as a record", size(found.decision_record), "with key and headers"),
            row("decision as a row", size(found.decision_row), "what the log keeps of it"),
            row("decision in a block", size(found.block_each), "row, leaf, compressed context"),
            row("a block besides", size(found.block_fixed), "header, digests, cursor"),
        )
    )
