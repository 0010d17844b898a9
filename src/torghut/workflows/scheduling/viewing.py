"""The running loop as its log and its workers' pages show it, read block by block as it grows.

A view that is new reads the whole log once, because a symbol that is silent now still holds what it
held; after that each look reads only what came since. Nothing is decided again for it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Literal, get_args

import numpy as np
from typing_extensions import override

from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.control import control_digest
from torghut.decisions.recording import Recorded, read_block
from torghut.eventlog.block import Block
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.kernel.ids import SERVING, symbol_key
from torghut.schemas.codes import Reason
from torghut.schemas.control import ModeChanged
from torghut.schemas.decision import ModeName
from torghut.schemas.governing.continuity import NoSignalReason
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.rows import Bytes, Integers, RowArray
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.scheduling.ports import LoopView, Observed, Since, SymbolSeen

_MS_PER_S: Final = 1000
_NS_PER_MS: Final = 1e6
_NS_PER_S: Final = 1_000_000_000
_FELL_BACK: Final = np.uint64(
    1 << Reason.ENTROPY_HIGH
    | 1 << Reason.FEATURES_STALE
    | 1 << Reason.TRANSITION_SHOCK
    | 1 << Reason.POSTERIOR_INVALID
)
"""Reasons by which defensive weights stood in for a router that serves and cannot be trusted.

Weights that people declared, or threw a switch for, are no fault of the loop's.
"""
_MODES: Final[tuple[ModeName, ...]] = get_args(ModeName)
"""By the number that rows hold."""

_OWN: Final = ("allotment-", "exposure:", "latch:", "rollback:")
"""Begins the id of every control record of governance."""


@dataclass(slots=True, kw_only=True)
class _Window:
    """What came since the cycle before."""

    signals: int = 0
    refused: int = 0
    decisions: int = 0
    fell_back: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def count(self, recorded: Recorded, rows: RowArray) -> None:
        """Add a whole block."""
        counts = recorded.header.counts
        undecodable = counts.contexts - len(recorded.contexts)
        self.signals += undecodable
        self.refused += undecodable
        self.count_some(recorded.contexts["receive_ns"], recorded.outcomes, rows)

    def count_some(self, received: Integers, outcomes: Bytes, rows: RowArray) -> None:
        """Add contexts by their receive times and outcomes, with the decisions on them."""
        self.signals += len(received)
        self.refused += int(np.count_nonzero(outcomes))
        self.decisions += len(rows)
        self.fell_back += int(np.count_nonzero(rows["reasons"] & _FELL_BACK))
        if len(received):
            self.first_ns = self.first_ns or int(received.min())
            self.last_ns = max(self.last_ns, int(received.max()))


@dataclass(slots=True, kw_only=True)
class _Record:
    """A control record of governance, and in which block it applied to each symbol."""

    digest: str
    blocks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class LogView(LoopView):
    """What a log and its workers show.

    Attributes:
        opening: Opens the log for reading.
        pages: Returns what workers say of themselves; None: the log is recorded data, played by
            nobody, and holds all that there is.
        declared: In force, for calendars.
        budget_ms: Longest that a look may take.
        partition: Of the log.
    """

    opening: Callable[[], DecisionLog]
    pages: Callable[[], Sequence[WorkerSeen]] | None
    declared: Declarations
    budget_ms: int
    partition: int = 0
    _seen: int = -1
    _newest_ns: int | None = None
    _names: dict[int, str] = field(default_factory=dict)
    _symbols: dict[str, SymbolSeen] = field(default_factory=dict)
    _records: dict[str, _Record] = field(default_factory=dict)

    @override
    async def look(self, since: Since, /, *, now_ns: int) -> Observed:
        try:
            log = self.opening()
        except LogIntegrityError:
            return self._unreachable(now_ns, intact=False)
        except TorghutError:
            return self._unreachable(now_ns, intact=None)
        window = _Window()
        try:
            async with asyncio.timeout(self.budget_ms / _MS_PER_S):
                await self._read(log, window, since, now_ns)
        except LogIntegrityError:
            return self._unreachable(now_ns, intact=False)
        except (TorghutError, TimeoutError):
            return self._unreachable(now_ns, intact=None)
        finally:
            await log.close()
        return self._observed(window, now_ns)

    @override
    async def applied(self, control_ids: frozenset[str], *, after_block: int) -> frozenset[str]:
        return frozenset(
            one
            for one in control_ids
            if (found := self._records.get(one)) is not None
            and any(block > after_block for block in found.blocks.values())
        )

    @override
    async def first_deciders(
        self, control_id: str, *, router: str, count: int
    ) -> Sequence[str | None]:
        record = self._records.get(control_id)
        if record is None or not record.blocks:
            return []
        try:
            log = self.opening()
        except TorghutError:
            return []
        found: list[str | None] = []
        first = min(record.blocks.values())
        try:
            async with asyncio.timeout(self.budget_ms / _MS_PER_S):
                async for block in log.blocks(self.partition, after=first - 1):
                    if block.number > self._seen or len(found) >= count:
                        break
                    found += self._packages_after(record, block, router)
        except (TorghutError, TimeoutError):
            return []
        finally:
            await log.close()
        return found[:count]

    async def _read(self, log: DecisionLog, window: _Window, since: Since, now_ns: int) -> None:
        """Take in what the log has beyond what was seen, up to ``now_ns``."""
        async for block in log.blocks(self.partition, after=self._seen):
            recorded = read_block(block)
            if self.pages is not None:
                self._take(block, recorded, rows_of(block, SERVING))
                if block.number > since.block:
                    window.count(recorded, rows_of(block, SERVING))
            elif not self._replay(block, recorded, window, since, now_ns):
                break
            self._seen = block.number

    def _replay(
        self, block: Block, recorded: Recorded, window: _Window, since: Since, now_ns: int
    ) -> bool:
        """Take in what was there at ``now_ns`` of a block of recorded data; say if that is all.

        Recorded data hold what is still to come, and a look sees nothing of it.
        """
        rows = rows_of(block, SERVING)
        self._take(block, recorded, rows[rows["receive_ns"] <= now_ns])
        received = recorded.contexts["receive_ns"]
        new = (received > since.at_ns) & (received <= now_ns)
        late = (rows["receive_ns"] > since.at_ns) & (rows["receive_ns"] <= now_ns)
        window.count_some(received[new], recorded.outcomes[new], rows[late])
        return bool((received <= now_ns).all())

    def _take(self, block: Block, recorded: Recorded, rows: RowArray) -> None:
        """Remember what a block says of each symbol, and which records of governance applied."""
        for name in recorded.header.symbols.values():
            self._names[symbol_key(name)] = name
        if len(rows):
            self._newest_ns = max(self._newest_ns or 0, int(rows["receive_ns"].max()))
        self._take_records(block, recorded)
        packages = _lineages(recorded)
        for place in _last_of_each(rows):
            row = rows[place]
            known = self._names.get(int(row["symbol_key"]))
            if known is not None:
                self._symbols[known] = replace(_seen(row, packages), block=block.number)
        self._take_modes(recorded)

    def _take_modes(self, recorded: Recorded) -> None:
        """Count a symbol as less than its last decision says, where it has been told so since."""
        for arrival in recorded.received:
            record = arrival.record
            if not isinstance(record, ModeChanged) or record.effective_at_ns is not None:
                continue
            for name, seen in self._symbols.items():
                less = _MODES.index(record.mode) < _MODES.index(seen.mode)
                if less and record.symbol in {"*", name}:
                    self._symbols[name] = replace(seen, mode=record.mode)

    def _take_records(self, block: Block, recorded: Recorded) -> None:
        """Remember which records of governance came, and to which symbols they applied."""
        for arrival in recorded.received:
            record = arrival.record
            if record.control_id.startswith(_OWN):
                self._records[record.control_id] = _Record(digest=control_digest(record))
        for applied in recorded.applied:
            known = self._records.get(applied.control_id)
            name = recorded.header.symbols.get(applied.symbol)
            if known is not None and name is not None:
                known.blocks.setdefault(name, block.number)

    def _packages_after(self, record: _Record, block: Block, router: str) -> Sequence[str | None]:
        """Return by which package each decision of a block was made that came after a record.

        Args:
            record: That applied.
            block: With the decisions.
            router: Of their symbols; empty: of any.
        """
        recorded = read_block(block)
        lineages = {
            bytes.fromhex(digest): one
            for digest, one in recorded.header.lineages.items()
            if one.arm == SERVING
        }
        found: list[str | None] = []
        for row in rows_of(block, SERVING):
            name = self._names[int(row["symbol_key"])]
            applied = record.blocks.get(name)
            if router and self._router_of(name) != router:
                continue
            lineage = lineages[row["lineage"].tobytes()]
            if applied is None or block.number < applied:
                continue
            if block.number > applied or lineage.control == record.digest:
                found.append(lineage.package or None)
        return found

    def _router_of(self, symbol: str) -> str:
        """Return the router that decides for a symbol; empty for one that is not declared."""
        instrument = self.declared.by_symbol.get(symbol)
        return "" if instrument is None else instrument.router

    def _observed(self, window: _Window, now_ns: int) -> Observed:
        """Return what the log shows after a look."""
        session = self._session(now_ns)
        return Observed(
            last_block=self._seen,
            signals=window.signals - window.refused,
            decisions=window.decisions,
            window_ns=window.last_ns - window.first_ns,
            no_signal=self._no_signal(window, session),
            session=session,
            mode=self._mode(),
            lag_ms=self._lag(),
            signal_age_ms=self._age(now_ns),
            fallback_ratio=_ratio(window),
            universe="available" if self.declared.instruments else "unavailable",
            symbols=dict(self._symbols),
            intact=True,
        )

    def _unreachable(self, now_ns: int, *, intact: bool | None) -> Observed:
        """Return what there is to say while the log cannot be read.

        A loop of which nothing was ever seen may be live.
        """
        return Observed(
            last_block=-1,
            signals=0,
            decisions=0,
            window_ns=0,
            no_signal="source-unreachable",
            session=self._session(now_ns),
            mode=self._mode() if self._symbols else "live",
            lag_ms=reading_of(None),
            signal_age_ms=self._age(now_ns),
            fallback_ratio=reading_of(None, samples=0),
            universe="available" if self.declared.instruments else "unavailable",
            symbols=dict(self._symbols),
            intact=intact,
        )

    def _session(self, now_ns: int) -> Literal["open", "closed", "unknown"]:
        """Return whether any known symbol's market is open, or any declared one's before."""
        names = self._symbols or [one.symbol for one in self.declared.instruments]
        calendars = {one.name: one for one in self.declared.calendars}
        now_s = now_ns // _NS_PER_S
        states = set[bool]()
        for name in names:
            instrument = self.declared.by_symbol.get(name)
            if instrument is None:
                return "unknown"
            intervals = calendars[instrument.calendar].intervals
            states.add(not intervals or any(a <= now_s <= b for a, b in intervals))
        if not states:
            return "unknown"
        return "open" if True in states else "closed"

    def _no_signal(
        self, window: _Window, session: Literal["open", "closed", "unknown"]
    ) -> NoSignalReason | None:
        """Return why nothing came; None where something did."""
        if window.signals > window.refused:
            return None
        if not self.declared.instruments:
            return "universe-empty"
        if window.signals:
            return "records-refused"
        if session == "closed":
            return "market-closed"
        if self._newest_ns is None:
            return "bootstrap"
        return "source-silent" if self._is_alive() else "source-unreachable"

    def _is_alive(self) -> bool:
        """Say whether any worker is there, as far as their pages can be read."""
        if self.pages is None:
            return True
        try:
            return any(one.alive for one in self.pages())
        except TorghutError:
            return False

    def _mode(self) -> ModeName:
        """Return the most that any symbol may do."""
        modes = [_MODES.index(one.mode) for one in self._symbols.values()]
        return _MODES[max(modes, default=0)]

    def _lag(self) -> Reading:
        """Return how far the slowest worker is behind; nobody's lag is not known."""
        if self.pages is None:
            return reading_of(0.0)
        lags: list[float] = []
        with suppress(TorghutError):
            lags += [
                one.status.lag_ms
                for one in self.pages()
                if one.alive and one.status is not None and one.status.lag_ms is not None
            ]
        return reading_of(max(lags, default=None))

    def _age(self, now_ns: int) -> Reading:
        """Return the age of the newest context, beyond how long a decision on it stands."""
        if self._newest_ns is None:
            return reading_of(None)
        lives_ns = max((one.lifetime_ns for one in self._symbols.values()), default=0)
        return reading_of(max(0.0, (now_ns - self._newest_ns - lives_ns) / _NS_PER_MS))


def _ratio(window: _Window) -> Reading:
    """Return the share of decisions that fell back to defensive weights."""
    if not window.decisions:
        return reading_of(None, samples=0)
    return reading_of(window.fell_back / window.decisions, samples=window.decisions)


def _last_of_each(rows: RowArray) -> Iterable[int]:
    """Return the places of the last decision of each symbol in a block."""
    _, first_from_behind = np.unique(rows["symbol_key"][::-1], return_index=True)
    return [len(rows) - 1 - int(place) for place in first_from_behind]


def _seen(row: np.void, packages: dict[bytes, str | None]) -> SymbolSeen:
    """Return what a symbol's last decision shows."""
    notional = max(abs(float(row["position"])), abs(float(row["target"])))
    price = float(row["reference_price"])
    exposure = notional * price if math.isfinite(price) else 0.0
    return SymbolSeen(
        mode=_MODES[int(row["mode"])],
        allotment=Decimal(repr(float(row["allotment"]))),
        exposure=Decimal(repr(exposure)),
        notional_cap=Decimal(repr(float(row["notional_cap"]))),
        equity=float(row["equity"]),
        package=packages.get(row["lineage"].tobytes()) or "",
        lifetime_ns=max(0, int(row["valid_until_ns"]) - int(row["decided_ns"])),
    )


def _lineages(recorded: Recorded) -> dict[bytes, str | None]:
    """Return the package of each lineage, by the bytes that rows hold."""
    return {
        bytes.fromhex(digest): one.package or None
        for digest, one in recorded.header.lineages.items()
        if one.arm == SERVING
    }
