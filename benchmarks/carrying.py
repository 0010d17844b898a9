"""Kafka in, a durable decision, Kafka out: beside a bare echo of records of the same sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final

from benchmarks.carried import LINGER_MS, Role
from benchmarks.deployments import (
    Servers,
    at_share,
    run_deployment,
    servers_of_their_own,
)
from benchmarks.figures import Goal, Line, Quantity, Result, Skipped, spread
from benchmarks.holding import GroupsMissingError, Hold, control_groups
from benchmarks.rounds import Effort
from ops.servers.broker import BrokerUnavailableError
from ops.servers.database import DatabaseServerError

_CONTEXTS: Final = 40_000
_QUICK_CONTEXTS: Final = 12_000
_ROUNDS: Final = 5
"""Of what is compared with goals near to it: disk and machine differ from one to the next."""

_QUOTA: Final = 0.25
"""Of a core, for each worker where they are counted: broker and database keep the rest."""

_ON: Final[Mapping[Role, str]] = {"worker": "", "faust": ", on Faust"}
"""What the lines of a worker say it runs on; the goals are those of the default."""

_BASELINE: Final = "an aiokafka consumer and producer: as many bytes, batches as large, acks=all"
_THROUGHPUT: Final = (Goal(quantity=Quantity.WALL_RATIO, least=0.6),)
_MORE: Final[Mapping[int, Sequence[Goal]]] = {
    2: (Goal(quantity=Quantity.WALL_RATIO, least=1.7),),
    4: (Goal(quantity=Quantity.WALL_RATIO, least=3.0),),
}
"""What so many workers are to come to, beside one."""

_CPU_EACH: Final = (Goal(quantity=Quantity.CPU_RATIO, most=1.15),)


def measure_carrying(effort: Effort) -> Iterator[Result]:
    """Measure Kafka in, a durable decision in PostgreSQL, Kafka out, on both runtimes."""
    with ExitStack() as stack:
        try:
            servers = stack.enter_context(servers_of_their_own())
        except (BrokerUnavailableError, DatabaseServerError) as error:
            yield Skipped(measurement="contexts carried over Kafka", reason=str(error)[:200])
            return
        yield from _beside_echo(servers, effort, "worker")
        yield from _beside_echo(servers, effort, "faust")
        yield from _scale_out(servers, effort)


def _beside_echo(servers: Servers, effort: Effort, role: Role) -> Iterator[Result]:
    """Compare a worker with the echo, as fast as they go and at half of that."""
    count = _QUICK_CONTEXTS if effort.quick else _CONTEXTS
    rounds = 1 if effort.quick else _ROUNDS
    on = _ON[role]
    ours, echoes = [], []
    for _ in range(rounds):
        echoes.append(run_deployment(servers, "echo", count=count))
        ours.append(run_deployment(servers, role, count=count))
    ratio = [mine.rate / theirs.rate for mine, theirs in zip(ours, echoes, strict=True)]
    yield Line(
        measurement=f"Kafka in, durable decision, Kafka out{on}",
        unit="decisions/s",
        cpu=count / median(one.cpu_s for one in ours),
        wall=median(one.rate for one in ours),
        baseline=_BASELINE,
        cpu_ratio=median(b.cpu_s / a.cpu_s for a, b in zip(ours, echoes, strict=True)),
        wall_ratio=median(ratio),
        goals=() if on else _THROUGHPUT,
        spread_ratio=spread(ratio),
        note=f"the echo sends {median(one.rate for one in echoes):,.0f} records/s",
    )
    # Sending takes its part of this machine: a worker keeps up with less than it decides alone.
    kept_up = run_deployment(servers, role, count=count, pace=median(one.rate for one in ours))
    pace = kept_up.rate / 2
    half = [_late(servers, role, count // 2, pace) for _ in range(1 if effort.quick else _ROUNDS)]
    ours_s, echo_s, synced_s = (median(column) for column in zip(*half, strict=True))
    ratios = [mine / _allowed_s(theirs, synced) for mine, theirs, synced in half]
    yield Line(
        measurement=f"ingress to outcome on the topic at half of what it keeps up with, p99{on}",
        unit="ms",
        wall=ours_s * 1e3,
        baseline="what is allowed: 1.5 times the echo, two fsyncs of that time and the linger",
        wall_ratio=median(ratios),
        goals=() if on else (Goal(quantity=Quantity.WALL_RATIO, most=1.0),),
        spread_ratio=spread(ratios),
        note=(
            f"{pace:,.0f}/s are sent; "
            f"the echo's p99 is {echo_s * 1e3:.1f} ms, an fsync's {synced_s * 1e3:.2f} ms"
        ),
    )


def _late(servers: Servers, role: Role, count: int, pace: float) -> tuple[float, float, float]:
    """Return the p99 of a worker's outcomes, of the echo's just before, and of fsyncs, in s."""
    theirs = run_deployment(servers, "echo", count=count, pace=pace)
    mine = run_deployment(servers, role, count=count, pace=pace)
    ours_s, echo_s, synced_s = (
        at_share(times, 0.99) for times in (mine.late_s, theirs.late_s, mine.synced_s)
    )
    return ours_s, echo_s, synced_s


def _allowed_s(echo_s: float, synced_s: float) -> float:
    """Return the p99 that is allowed."""
    return 1.5 * echo_s + 2 * synced_s + LINGER_MS / 1e3


def _scale_out(servers: Servers, effort: Effort) -> Iterator[Result]:
    """Compare two workers and four with one, each held to the same share of a core."""
    measurement = f"decisions with workers held to {_QUOTA:.0%} of a core"
    try:
        hold = Hold(control_groups(), _QUOTA)
    except GroupsMissingError as error:
        yield Skipped(measurement=measurement, reason=str(error))
        return
    count = _QUICK_CONTEXTS // 2 if effort.quick else _CONTEXTS // 2
    rounds = [
        [
            run_deployment(servers, "worker", count=count * workers, workers=workers, hold=hold)
            for workers in (1, *_MORE)
        ]
        for _ in range(1 if effort.quick else _ROUNDS)
    ]
    for place, (workers, goals) in enumerate(_MORE.items(), 1):
        pairs = [(ran[place], ran[0]) for ran in rounds]
        ratio = [more.rate / one.rate for more, one in pairs]
        yield Line(
            measurement=f"{measurement}: {workers}",
            unit="decisions/s",
            wall=median(more.rate for more, _ in pairs),
            baseline="one such worker",
            wall_ratio=median(ratio),
            cpu_ratio=median(more.cpu_s / workers / one.cpu_s for more, one in pairs),
            goals=(*goals, *_CPU_EACH),
            spread_ratio=spread(ratio),
            note=(
                f"one decides {median(one.rate for _, one in pairs):,.0f}/s; "
                "the CPU ratio is that of a decision's CPU time"
            ),
        )
