"""Puts on record what workers' pages say of latency, and measures windows with it.

Windows end a little before now, because what has just become durable may not stand on its worker's
page yet. They are measured on the log and on the readings together: the log says how many outcomes
a window has, the readings how long they took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from torghut.eventlog.ports import DecisionLog
from torghut.governance.slo.coverage import Covering, covering, within
from torghut.governance.slo.errors import LatencyRefusedError
from torghut.governance.slo.latency import LatencyState, Process, ReadLatency
from torghut.schemas.declarations.staging.slo import SloPolicy, WindowName
from torghut.schemas.staging.latency import BOUNDS_S
from torghut.schemas.staging.slo_window import SloWindow
from torghut.workflows.aggregates import LATENCIES, Governance
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.slo.counting import Span
from torghut.workflows.slo.measuring import LatencyCounts, Measured, judge, span_of
from torghut.workflows.slo.walking import count_windows

SETTLED_NS: Final = 2_000_000_000
"""By then an outcome that became durable stands on its worker's page, several times over."""

_PAGES_MAX: Final = 64
"""Pages that are read; what stands on others stays unseen."""


async def read_pages(
    governance: Governance, pages: Sequence[WorkerSeen], at_ns: int
) -> Sequence[LatencyRefusedError]:
    """Put on record what ``pages`` count, where that is new, and return what was refused.

    Args:
        governance: Where it is put on record.
        pages: Of workers, those that have ended too: what they said last is true of them.
        at_ns: When they were read.

    Raises:
        TorghutError: Governance's log cannot be written.
    """
    refused: list[LatencyRefusedError] = []
    for command in _told(pages, at_ns):
        try:
            await governance.run(LATENCIES, command)
        except LatencyRefusedError as error:
            refused.append(error)
    return refused


async def windows_with(
    log: DecisionLog, state: LatencyState, to_ns: int, policy: SloPolicy
) -> Mapping[WindowName, SloWindow]:
    """Return every declared window of ``log`` that ends at ``to_ns``, judged, by its name.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    found = await measured_with(log, state, to_ns, policy)
    return {one.window.name: one.window for one in found}


async def measured_with(
    log: DecisionLog, state: LatencyState, to_ns: int, policy: SloPolicy
) -> Sequence[Measured]:
    """Return every declared window of ``log`` that ends at ``to_ns``, judged, as declared.

    Args:
        log: Of decisions.
        state: The latency readings, the newest made after ``to_ns``.
        to_ns: Receive time.
        policy: The declared service levels.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    spans = [span_of(name, to_ns) for name in policy.windows]
    found = [covering(state, span.after_ns) for span in spans]
    counted = await count_windows(
        log, spans, [_around(span, one) for span, one in zip(spans, found, strict=True)]
    )
    measured: list[Measured] = []
    for name, counts, one, covered in zip(
        policy.windows, counted.windows, found, counted.accepted, strict=True
    ):
        latency = LatencyCounts(
            bounds_s=BOUNDS_S, counts=within(one, accepted=counts.accepted, covered=covered)
        )
        measured.append(judge(name, to_ns, counts, policy=policy, latency=latency))
    return measured


def _told(pages: Sequence[WorkerSeen], at_ns: int) -> Sequence[ReadLatency]:
    """Return what pages count, those of the living first; some say nothing of it."""
    living_first = sorted(pages, key=lambda one: not one.alive)[:_PAGES_MAX]
    return [
        ReadLatency(
            process=Process(
                worker=seen.status.worker,
                pid=seen.status.pid,
                started_ns=seen.status.started_wall_ns,
            ),
            counts=seen.status.durable_within,
            at_ns=at_ns,
        )
        for seen in living_first
        if seen.status is not None and seen.status.durable_within
    ]


def _around(window: Span, found: Covering) -> Span:
    """Return all the time that the readings around a window are about."""
    return Span(after_ns=found.after_ns - SETTLED_NS, to_ns=max(window.to_ns, found.to_ns))
