"""The running loop as its log and its workers' pages show it, read block by block as it grows.

A view that is new reads the whole log once, because a symbol that is silent now still holds what it
held; after that each look reads only what came since. Nothing is decided again for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal

from typing_extensions import override

from torghut.decisions.declarations import Declarations
from torghut.decisions.recording import Recorded, read_block
from torghut.drift.model import advice_off_by
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.errors import (
    ColumnsMalformedError,
    LogIntegrityError,
    ObjectMissingError,
    TruncatedLogError,
)
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.kernel.ids import SERVING, symbol_key
from torghut.kernel.units import NS_PER_MS, NS_PER_S
from torghut.schemas.control import ModeChanged
from torghut.schemas.decision import ModeName
from torghut.schemas.governing.continuity import NoSignalReason
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.rows import RowArray
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.scheduling.ports import (
    AdviceSeen,
    LoopView,
    Observed,
    Since,
    SymbolSeen,
)
from torghut.workflows.scheduling.seen.advice import AdviceInForce, Seen
from torghut.workflows.scheduling.seen.counting import SeenWindow
from torghut.workflows.scheduling.seen.opening import CatchingUp, opened, read_on
from torghut.workflows.scheduling.seen.records import SeenRecord, SeenRecords
from torghut.workflows.scheduling.seen.symbols import (
    MODES,
    last_of_each,
    lineages_of,
    symbol_seen,
)

_BROKEN: Final = (
    LogIntegrityError,
    TruncatedLogError,
    ColumnsMalformedError,
    ObjectMissingError,
)
"""What is wrong with a log whose bytes are not those that were written."""


@dataclass(slots=True, kw_only=True)
class LogView(LoopView):
    """What a log and its workers show.

    Attributes:
        opening: Opens the log for reading.
        pages: Returns what workers say of themselves; None: the log is recorded data, played by
            nobody, and holds all that there is.
        declared: In force, for calendars.
        budget_ms: Longest that a look may take without getting any further.
        partition: Of the log.
    """

    opening: Callable[[], DecisionLog]
    pages: Callable[[], Sequence[WorkerSeen]] | None
    declared: Declarations
    budget_ms: int
    partition: int = 0
    _first: str | None = None
    _seen: Head | None = None
    _newest_ns: int | None = None
    _names: dict[int, str] = field(default_factory=dict)
    _symbols: dict[str, SymbolSeen] = field(default_factory=dict)
    _records: SeenRecords = field(default_factory=SeenRecords)
    _advice: AdviceInForce = field(default_factory=AdviceInForce)
    _advice_shown: AdviceInForce = field(default_factory=AdviceInForce)
    _window: tuple[Since, SeenWindow] | None = None

    @override
    async def identity(self) -> str | None:
        if self._first is None:
            with suppress(TorghutError, TimeoutError):
                async with opened(self.opening, self.budget_ms) as log:
                    async for block in log.blocks(self.partition):
                        self._first = block.digest
                        break
        return self._first

    @override
    async def look(self, since: Since, /, *, now_ns: int) -> Observed:
        # A look that broke off has counted blocks that no later one reads again.
        kept = self._window
        window = kept[1] if kept is not None and kept[0] == since else SeenWindow()
        self._window = (since, window)
        try:
            read = partial(self._read, window, since, now_ns)
            place = CatchingUp(partition=self.partition, last=lambda: self._last, reading=read)
            await read_on(self.opening, self.budget_ms, place)
        except _BROKEN:
            return self._unreachable(now_ns, intact=False)
        except (TorghutError, TimeoutError):
            return self._unreachable(now_ns, intact=None)
        self._window = None
        return self._observed(window, since, now_ns)

    @override
    async def applied(self, control_ids: frozenset[str], *, after_block: int) -> frozenset[str]:
        return frozenset(
            one
            for one in control_ids
            if (found := self._records.by_id.get(one)) is not None
            and any(block > after_block for block in found.blocks.values())
        )

    @override
    async def first_deciders(
        self, control_id: str, *, router: str, count: int
    ) -> Sequence[str | None]:
        record = self._records.by_id.get(control_id)
        if record is None or not record.blocks:
            return []
        found: list[str | None] = []
        try:
            async with opened(self.opening, self.budget_ms) as log:
                first = min(record.blocks.values())
                async for block in log.blocks(self.partition, after=first - 1):
                    if block.number > self._last or len(found) >= count:
                        break
                    found += self._packages_after(record, block, router)
        except (TorghutError, TimeoutError):
            return []  # what cannot be read proves nothing; the next look says what is wrong
        return found[:count]

    @property
    def _last(self) -> int:
        """The number of the last block that was seen whole; -1 before any."""
        return -1 if self._seen is None else self._seen.number

    async def _read(self, window: SeenWindow, since: Since, now_ns: int, log: DecisionLog) -> None:
        """Take in what the log has beyond what was seen, up to ``now_ns``.

        Raises:
            LogIntegrityError: It ends before what was seen, or goes on from something else.
        """
        await self._check_same(log)
        async for block in log.blocks(self.partition, after=self._last):
            self._check_follows(block)
            recorded, rows = read_block(block), rows_of(block, SERVING)
            if self.pages is not None:
                self._take(block, recorded, rows)
                if block.number > since.block:
                    window.count(recorded, rows)
            else:  # recorded data hold what is still to come, and a look sees nothing of it
                self._take(block, recorded, rows[rows["receive_ns"] <= now_ns], until_ns=now_ns)
                window.count_between(recorded, rows, since.at_ns, now_ns)
                if (recorded.contexts["receive_ns"] > now_ns).any():
                    break
            self._records.pass_by(recorded)
            self._advice = self._advice_shown
            self._seen = head_of(block)

    async def _check_same(self, log: DecisionLog) -> None:
        """Check that a log still has what was seen of it.

        Raises:
            LogIntegrityError: It ends before that.
        """
        head = await log.head(self.partition)
        if head.number < self._last:
            raise LogIntegrityError(
                place=f"partition {self.partition}",
                expected=f"block {self._last}, which was there at the look before",
                found=f"{head.number} as the last one",
            )

    def _check_follows(self, block: Block) -> None:
        """Check that a block goes on from what was seen.

        Raises:
            LogIntegrityError: Another log is in its place.
        """
        if self._seen is not None and block.previous != self._seen.digest:
            raise LogIntegrityError(
                place=f"partition {self.partition}, block {block.number}",
                expected=f"one that follows {self._seen.digest}",
                found=f"one that follows {block.previous}",
            )

    def _take(
        self, block: Block, recorded: Recorded, rows: RowArray, *, until_ns: int | None = None
    ) -> None:
        """Remember what a block says of each symbol, and which records of governance applied."""
        for name in recorded.header.symbols.values():
            self._names[symbol_key(name)] = name
        if len(rows):
            self._newest_ns = max(self._newest_ns or 0, int(rows["receive_ns"].max()))
        self._records.take(block.number, recorded, until_ns=until_ns)
        applied = tuple(self._records.applied_in(recorded, until_ns=until_ns))
        self._advice_shown = self._advice.after(
            Seen(
                number=block.number,
                recorded=recorded,
                rows=rows,
                applied=applied,
                until_ns=until_ns,
            )
        )
        lineages = lineages_of(recorded)
        for place in last_of_each(rows):
            row = rows[place]
            known = self._names.get(int(row["symbol_key"]))
            if known is not None:
                self._symbols[known] = replace(symbol_seen(row, lineages), block=block.number)
        self._take_modes(recorded)

    def _take_modes(self, recorded: Recorded) -> None:
        """Count a symbol as less than its last decision says, where it has been told so since."""
        for arrival in recorded.received:
            record = arrival.record
            if not isinstance(record, ModeChanged) or record.effective_at_ns is not None:
                continue
            for name, seen in self._symbols.items():
                less = MODES.index(record.mode) < MODES.index(seen.mode)
                if less and record.symbol in {"*", name}:
                    self._symbols[name] = replace(seen, mode=record.mode)

    def _packages_after(
        self, record: SeenRecord, block: Block, router: str
    ) -> Sequence[str | None]:
        """Return by which package each decision of a block was made that came after a record.

        Args:
            record: That applied.
            block: With the decisions.
            router: Of their symbols; empty: of any.
        """
        recorded = read_block(block)
        lineages = lineages_of(recorded)
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

    def _observed(self, window: SeenWindow, since: Since, now_ns: int) -> Observed:
        """Return what the log shows after a look."""
        session = self._session(now_ns)
        return Observed(
            last_block=self._last,
            signals=window.signals - window.refused,
            decisions=window.decisions,
            window_ns=window.last_ns - window.first_ns,
            no_signal=self._no_signal(window, session),
            session=session,
            mode=self._mode(),
            lag_ms=self._lag(),
            signal_age_ms=self._age(now_ns),
            fallback_ratio=window.fallback_ratio,
            universe="available" if self.declared.instruments else "unavailable",
            symbols=dict(self._symbols),
            intact=True,
            advice=self._advised(window, since),
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
            advice=None,
        )

    def _advised(self, window: SeenWindow, since: Since) -> AdviceSeen:
        """Return how advice stands, and what happened to it in the window."""
        shown, live = self._advice_shown, self.pages is not None
        return AdviceSeen(
            mode=shown.mode,
            least=shown.least,
            deterministic_only=shown.deterministic_only,
            block=shown.block,
            changed=tuple(
                one.change
                for one in shown.changed
                if (one.block > since.block if live else one.change.at_ns > since.at_ns)
            ),
            modes=tuple((one.change.at_ns, one.mode) for one in shown.changed),
            counts=window.questions.counted(off_by=advice_off_by(self.declared.reasoning)),
            rollback=None if shown.rollback is None else shown.rollback.told(),
        )

    def _session(self, now_ns: int) -> Literal["open", "closed", "unknown"]:
        """Return whether any known symbol's market is open, or any declared one's before."""
        names = self._symbols or [one.symbol for one in self.declared.instruments]
        calendars = {one.name: one for one in self.declared.calendars}
        now_s = now_ns // NS_PER_S
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
        self, window: SeenWindow, session: Literal["open", "closed", "unknown"]
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
        return "source-silent" if self._is_played() else "source-unreachable"

    def _is_played(self) -> bool:
        """Say whether somebody lives who would decide what came; who cannot be seen does not."""
        if self.pages is None:
            return True
        with suppress(TorghutError):
            return any(one.alive for one in self.pages())
        return False

    def _mode(self) -> ModeName:
        """Return the most that any symbol may do."""
        modes = [MODES.index(one.mode) for one in self._symbols.values()]
        return MODES[max(modes, default=0)]

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
        return reading_of(max(0.0, (now_ns - self._newest_ns - lives_ns) / NS_PER_MS))
