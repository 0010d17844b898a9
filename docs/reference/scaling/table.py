"""What one load needs, as a section: what to order, and where the next wall is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docs.reference.scaling.bounds import TopicLoad
from docs.reference.scaling.loads import Lack
from docs.reference.scaling.needs import BROKERS_LEAST, DAY_S, Needs, fullest_share, over
from docs.reference.scaling.walls import next_wall, reached, unknown, walls
from docs.reference.scaling.words import heading, number, row, size, time, whole

Cells = tuple[str, str, str]


def load_section(needs: Needs) -> str:
    """Return the section of one load."""
    load = needs.load
    rows = (*_workers(needs), *_database(needs), *_broker(needs), *_restart(needs))
    walled = "".join(row(wall.name, number(wall.rate), wall.then) for wall in walls(needs))
    return (
        f"## {load.rate:,.10g} contexts a second, {load.symbols:,} symbols\n\n"
        f"{_next(needs)}\n\n"
        + heading("what", "how much", "how it is reckoned")
        + "".join(row(*cells) for cells in rows)
        + "\n"
        + heading("wall", "reached at contexts/s", "then")
        + walled
    )


def _next(needs: Needs) -> str:
    """Return where the next wall is, as far as anybody knows."""
    passed = ", ".join(wall.name for wall in reached(needs)) or "none that is known"
    nearest = next_wall(needs)
    lines = [f"Walls behind: {passed}."]
    if nearest is None:
        lines.append("Next wall: none that is known.")
    else:
        lines.append(f"Next wall: {nearest.name}, at {number(nearest.rate)} contexts/s.")
    if hidden := ", ".join(wall.name for wall in unknown(needs)):
        lines.append(f"Not measured yet, and may be nearer: {hidden}.")
    return "\n".join(lines)


def _workers(needs: Needs) -> Iterator[Cells]:
    """Yield what is said of workers and partitions."""
    share, declared = needs.machines.share, needs.declared
    yield (
        "workers",
        whole(needs.workers),
        f"rate ÷ ({share:.0%} of what one decides per CPU-second · efficiency)",
    )
    yield "workers at most", whole(needs.workers_most), "the same by one at saturation, if slower"
    yield "workers to start", whole(needs.workers_with_spare), "one more, so that one can die"
    yield (
        "partitions",
        whole(needs.partitions),
        f"{declared.partitions} · 2ⁿ: as many as workers, and the fullest fits one of them",
    )
    at = needs.planned_partitions
    yield (
        f"symbols of the fullest of {at:,}",
        whole(fullest_share(needs.load.symbols, at) * needs.load.symbols),
        f"made-up names, hashed as real ones; on average {number(needs.load.symbols / at)}",
    )
    yield (
        "contexts/s of the fullest",
        number(needs.fullest_rate(at)),
        "rate · its share of the symbols",
    )


def _database(needs: Needs) -> Iterator[Cells]:
    """Yield what is said of the database."""
    machines = needs.machines
    yield (
        "databases",
        whole(needs.databases),
        f"rate ÷ {machines.share:.0%} of what one writer appends in large blocks; standbys besides",
    )
    yield "decisions of a block", number(needs.block), "as many as come while the last is written"
    yield (
        "decisions of a block at most",
        number(needs.block_most),
        "if all partitions of a database together commit no more often than one writer",
    )
    yield "commits/s", number(needs.commits), "rate ÷ decisions of a block"
    yield "commits/s at least", number(needs.commits_least), "the same where blocks are full"
    yield (
        "commits/s of one writer",
        number(needs.commits_of_one),
        "its appends of small blocks, one after the other",
    )
    yield (
        "commits/s of one disk",
        number(needs.syncs),
        "1 ÷ fdatasync of the benchmarks' machine",
    )
    yield "log a day", size(needs.kept_a_day), "rate · 86,400 s · bytes of a decision in its block"
    yield (
        "log a day, within",
        f"{size(needs.kept_a_day_least)} to {size(needs.kept_a_day_most)}",
        "full blocks; a block for each decision",
    )
    yield (
        f"until a disk of {machines.disk_tb:g} TB is {machines.share:.0%} full",
        time(over(machines.disk_bytes, needs.kept_a_day_least / DAY_S)),
        "full blocks; what the database itself adds comes on top",
    )


def _broker(needs: Needs) -> Iterator[Cells]:
    """Yield what is said of the brokers."""
    declared, machines, rate = needs.declared, needs.machines, needs.load.rate
    contexts, decisions = declared.contexts, declared.decisions
    yield "brokers' ingress", f"{size(needs.ingress)}/s", "rate · (context + decision)"
    yield (
        "brokers' egress",
        f"{size(needs.egress)}/s",
        f"contexts · {contexts.readers} + decisions · {decisions.readers}: declared consumers",
    )
    yield "replication", f"{size(needs.replication)}/s", f"ingress · {contexts.copies - 1}"
    yield (
        "decisions as JSON",
        f"{size(rate * needs.sizes.decision_value)}/s",
        f"as rows they would be {size(rate * needs.sizes.decision_row)}/s",
    )
    for topic in (contexts, decisions):
        yield _kept(needs, topic)
    yield (
        "brokers for their links",
        whole(needs.brokers_for_links),
        f"{machines.link_gbit:g} Gbit/s each, {machines.share:.0%} of it; at least {BROKERS_LEAST}",
    )
    yield (
        "brokers for their disks",
        whole(needs.brokers_for_disks),
        f"{machines.disk_tb:g} TB each, {machines.share:.0%} of it; at least {BROKERS_LEAST}",
    )
    yield (
        f"{BROKERS_LEAST} brokers could keep decisions for",
        time(needs.decisions_fit_s) if needs.decisions_fit_s else "no time: contexts fill them",
        f"their disks, less what contexts take; declared are {_retention(decisions)}",
    )


def _kept(needs: Needs, topic: TopicLoad) -> Cells:
    """Return what a topic takes on the brokers' disks."""
    return (
        f"`{topic.name}`",
        f"{size(needs.written_a_day(topic))} a day, {size(needs.kept_by(topic))} in all",
        f"{topic.copies} copies, kept for {_retention(topic)}",
    )


def _restart(needs: Needs) -> Iterator[Cells]:
    """Yield what is said of a worker that takes partitions up after it died."""
    blocks = needs.declared.snapshot_blocks
    yield (
        "to take up one worker's partitions",
        time(needs.restart_s),
        f"at most {blocks:,} blocks of each since its snapshot, decided again",
    )
    yield (
        "the same, at most",
        time(needs.restart_most_s),
        f"blocks of {needs.declared.block_max:,}",
    )
    share = needs.machines.share
    left = 1.0 - share
    yield (
        "to catch up with each second away",
        time(share / left if left else Lack.NEVER_ENOUGH),
        f"{share:.0%} ÷ {1.0 - share:.0%}: what comes over what is left",
    )


def _retention(topic: TopicLoad) -> str:
    """Return for how long a topic keeps its records."""
    hours = topic.retention_hours
    return "ever" if hours is None else time(hours * 3_600.0)


def other_topics(topics: Sequence[TopicLoad]) -> str:
    """Return what topics keep for each record a second of 1 kB, whose rates no load says."""
    return heading("topic", "kept", "1 record of 1 kB a second takes in all") + "".join(
        row(
            f"`{topic.name}`",
            _retention(topic) if topic.retention_hours is not None else "the newest of each key",
            "as many as there are keys"
            if topic.retention_hours is None
            else size(1_000.0 * topic.retention_hours * 3_600.0 * topic.copies),
        )
        for topic in topics
    )
