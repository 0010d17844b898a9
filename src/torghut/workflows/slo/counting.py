"""Counts what service levels, baselines and records are about, from a log's blocks alone.

A log says of every context that it was accepted, what became of it and how fresh what it rested on
was. It does not say how long that took: of latency it knows only what was so late that the kernel
was told (``lag-begin`` until ``lag-end``), which stands in the decision as ``context-late``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.declarations import Declarations
from torghut.decisions.recording import header_of
from torghut.drift import model, regime
from torghut.eventlog.block import Block
from torghut.kernel.ids import SERVING, symbol_key
from torghut.kernel.units import NS_PER_S
from torghut.schemas.block import BlockHeader
from torghut.schemas.codes import (
    UNADVISED,
    Domain,
    Gate,
    GateStatus,
    Reason,
    RouterMode,
    published_name,
)
from torghut.schemas.declarations.instruments import Instrument, Required
from torghut.schemas.rows import INT64_LAST_NS, RowArray
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.shadowed import shadowed_in
from torghut.workflows.report.columns import Flags, Integers, Words
from torghut.workflows.report.pace import Times

_STALE: Final = {
    Domain.MARKET: Reason.STALE_MARKET,
    Domain.NEWS: Reason.STALE_NEWS,
    Domain.FUNDAMENTALS: Reason.STALE_FUNDAMENTALS,
}


@dataclass(slots=True, kw_only=True)
class DomainCounts:
    """One domain: how many decisions require it, for how many it was stale, and how old it was."""

    required: int = 0
    stale: int = 0
    ages: Times = field(default_factory=Times)


@dataclass(slots=True, kw_only=True)
class WindowCounts:
    """What happened in a window.

    Attributes:
        accepted: Contexts that the log took, refused ones included: each has its outcome there.
        late: Of those, decided while the worker had fallen behind.
        decisions: Of the serving arm.
        routed: Decisions whose weights the router was to give, and not people or their switch.
        defensive: Of those, the defensive weights stood in.
        asked: Questions for advice that ended, those asked beside decisions in shadow mode too.
        unadvised: Of those, ended without a verdict.
        domains: By domain.
        reasons: Decisions, by the reason of a fallback.
        gates: By gate: for how many decisions it applied, and how many failed it.
        symbols: Seen in the window or, where none was, last named by the log; with what declared
            them last.
        declarations: Digests of those in force.
        packages: Digests of those that served.
    """

    accepted: int = 0
    late: int = 0
    decisions: int = 0
    routed: int = 0
    defensive: int = 0
    asked: int = 0
    unadvised: int = 0
    domains: dict[Domain, DomainCounts] = field(
        default_factory=lambda: {one: DomainCounts() for one in Domain}
    )
    reasons: dict[str, int] = field(default_factory=dict)
    gates: dict[str, tuple[int, int]] = field(default_factory=dict)
    symbols: dict[str, Declarations] = field(default_factory=dict)
    declarations: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)

    def instruments(self) -> Mapping[str, Instrument]:
        """Return how each symbol was declared last."""
        return {name: declared.instrument(name) for name, declared in self.symbols.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of receive time.

    Attributes:
        after_ns: Not in it itself.
        to_ns: In it.
    """

    after_ns: int = -1
    to_ns: int = INT64_LAST_NS

    def of(self, times: Integers) -> Flags:
        """Return which times are in it, shape (n,)."""
        flags: Flags = (times > self.after_ns) & (times <= self.to_ns)
        return flags


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBlock:
    """A block with what is counted of it.

    Attributes:
        block: As recorded.
        times_ns: Receive times of its contexts, shape (n,).
        rows: Decisions of the serving arm.
    """

    block: Block
    times_ns: Integers
    rows: RowArray


async def add_block(
    counts: WindowCounts, opened: OpenedBlock, rulebook: Rulebook, window: Span
) -> None:
    """Count in what of a block is in the window.

    Raises:
        ObjectMissingError: The log does not keep declarations that it cites.
    """
    inside = int(np.count_nonzero(window.of(opened.times_ns)))
    rows = opened.rows[window.of(opened.rows["receive_ns"])]
    counts.accepted += inside
    _add_shadowed(counts, opened.block, window)
    if counts.symbols and not inside and not len(rows):
        return
    header = header_of(opened.block)
    declared = [one for one in header.lineages.values() if one.arm == SERVING]
    counts.declarations.update(one.declarations for one in declared)
    counts.packages.update(one.package for one in declared if one.package)
    if not declared:
        return
    await _learn(counts, header, rulebook)
    _add_rows(counts, rows)
    for name in header.symbols.values():
        if name in counts.symbols:
            own = rows[rows["symbol_key"] == np.uint64(symbol_key(name))]
            _add_domains(counts, own, counts.symbols[name].instrument(name))


async def _learn(counts: WindowCounts, header: BlockHeader, rulebook: Rulebook) -> None:
    """Note how the symbols of a block were declared, unless a newer block said it already."""
    for lineage in header.lineages.values():
        declared = await rulebook.declarations(lineage.declarations)
        known = {one.symbol for one in declared.instruments}
        for name in header.symbols.values():
            if name in known:
                counts.symbols.setdefault(name, declared)


def _add_rows(counts: WindowCounts, rows: RowArray) -> None:
    """Count what concerns decisions, whatever their symbol."""
    reasons = rows["reasons"]
    counts.decisions += len(rows)
    counts.late += int(np.count_nonzero(_any(reasons, (Reason.CONTEXT_LATE,))))
    counts.routed += int(np.count_nonzero(regime.is_routed(reasons)))
    counts.defensive += int(np.count_nonzero(regime.is_distrusted(reasons)))
    counts.asked += int(np.count_nonzero(model.is_asked(reasons)))
    counts.unadvised += int(np.count_nonzero(model.is_unanswered(reasons)))
    for reason in (*regime.DISTRUSTS, *UNADVISED):
        found = int(np.count_nonzero(_any(reasons, (reason,))))
        if found:
            counts.reasons[reason.code] = counts.reasons.get(reason.code, 0) + found
    for gate in Gate:
        status = rows["gate_status"][:, gate]
        judged, failed = counts.gates.get(published_name(gate), (0, 0))
        counts.gates[published_name(gate)] = (
            judged + int(np.count_nonzero(status != GateStatus.NOT_APPLICABLE)),
            failed + int(np.count_nonzero(status == GateStatus.FAIL)),
        )


def _add_shadowed(counts: WindowCounts, block: Block, window: Span) -> None:
    """Count what a block records of questions that nothing waited for."""
    for one in shadowed_in(block):
        if window.after_ns < one.at_ns <= window.to_ns:
            counts.asked += 1
            counts.unadvised += not one.answered


def _add_domains(counts: WindowCounts, rows: RowArray, instrument: Instrument) -> None:
    """Count how fresh each domain was that the instrument requires."""
    declared = instrument.domains
    for domain, rule in zip(
        Domain, (declared.market, declared.news, declared.fundamentals), strict=True
    ):
        if not isinstance(rule, Required):
            continue
        found = counts.domains[domain]
        ages = rows["age_ns"][:, domain].astype(np.int64)
        found.required += len(rows)
        found.stale += int(np.count_nonzero(_any(rows["reasons"], (_STALE[domain],))))
        found.ages.add_all(ages[ages >= 0])


def _any(reasons: Words, wanted: tuple[Reason, ...]) -> Flags:
    """Return which decisions carry any of the reasons, shape (n,)."""
    bits = np.uint64(sum(1 << int(one) for one in wanted))
    flags: Flags = (reasons & bits) != 0
    return flags


def requires(counts: WindowCounts, domain: Domain) -> bool:
    """Say whether any of the symbols declares that it requires ``domain``."""
    field_ = published_name(domain)
    return any(
        isinstance(getattr(one.domains, field_), Required) for one in counts.instruments().values()
    )


def is_routed(counts: WindowCounts) -> bool:
    """Say whether any of the symbols declares that the router serves it."""
    live = published_name(RouterMode.LIVE)
    return any(one.risk.router_mode == live for one in counts.instruments().values())


def was_open(counts: WindowCounts, after_ns: int, to_ns: int) -> bool:
    """Say whether any symbol was to be traded at any time of the window, by its calendar."""
    for name, declared in counts.symbols.items():
        wanted = declared.instrument(name).calendar
        sessions = next(one.intervals for one in declared.calendars if one.name == wanted)
        if not sessions:
            return True
        if any(a * NS_PER_S <= to_ns and b * NS_PER_S > after_ns for a, b in sessions):
            return True
    return False
