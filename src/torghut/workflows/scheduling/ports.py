"""What the scheduler asks of the world: the running loop, the lane, and what measures drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from torghut.schemas.control import ControlRecord, ReasoningModeName
from torghut.schemas.decision import ModeName
from torghut.schemas.governing.continuity import NoSignalReason
from torghut.schemas.governing.fields import Reading
from torghut.schemas.reasoning.standing import AdviceRollback, ReasoningChange
from torghut.schemas.scheduling.advice import AdviceCounts
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.staging.capping import ReasoningAllowed


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSeen:
    """What the log shows of one symbol.

    Attributes:
        mode: That holds for it, as far as it may do the least.
        allotment: In force, quote currency.
        exposure: Absolute notional of its position or its target, whichever is more.
        notional_cap: That it may trade up to, quote currency.
        equity: Of its book, net of costs.
        package: Digest of the router package that decided last; empty without one.
        lifetime_ns: How long one of its decisions may be acted on, receive clock.
        block: Of its last decision.
        routed: Whether its weights were the router's to give, and not static.
    """

    mode: ModeName
    allotment: Decimal
    exposure: Decimal
    notional_cap: Decimal
    equity: float
    package: str
    lifetime_ns: int
    block: int = 0
    routed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceSeen:
    """What the log shows of advice.

    Attributes:
        mode: In force; the most that any symbol has, and those that come later.
        least: The least that any of them has.
        deterministic_only: Whether the switch overrides it for every symbol.
        block: In which the mode was changed last; 0 before any change.
        changed: What changed it since the cycle before, oldest first.
        modes: The mode by time: from when on, on the receive clock, and what it then came to.
        counts: What became since then of the decisions that wanted advice.
        rollback: The last one by the switch; None without one.
    """

    mode: ReasoningModeName
    least: ReasoningModeName
    deterministic_only: bool
    block: int
    changed: Sequence[ReasoningChange]
    modes: Sequence[tuple[int, ReasoningModeName]]
    counts: AdviceCounts
    rollback: AdviceRollback | None

    def mode_at(self, time_ns: int) -> ReasoningModeName:
        """Return the mode that was in force at a time, on the receive clock."""
        return next((mode for at_ns, mode in reversed(self.modes) if at_ns <= time_ns), "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the loop did since the cycle before, and how it stands.

    Attributes:
        last_block: Of the log, as of now; -1 where there is none.
        signals: Contexts since then that were not refused; none exactly where ``no_signal`` is why.
        decisions: Since then.
        window_ns: Receive time that they cover.
        no_signal: Why there were none; None where there were some.
        session: Of any known symbol.
        mode: The most that any known symbol may do.
        lag_ms: How far the loop is behind its sources.
        signal_age_ms: Of the newest context.
        fallback_ratio: Of the routed decisions since then, those that fell back.
        universe: Whether there is anything to decide for.
        symbols: Every one that the log knows, by name.
        intact: Whether the log is as it was written; None where nobody could look.
        advice: How it stands; None where nobody could look.
    """

    last_block: int
    signals: int
    decisions: int
    window_ns: int
    no_signal: NoSignalReason | None
    session: Literal["open", "closed", "unknown"]
    mode: ModeName
    lag_ms: Reading
    signal_age_ms: Reading
    fallback_ratio: Reading
    universe: Literal["available", "unavailable", "unknown"]
    symbols: Mapping[str, SymbolSeen]
    intact: bool | None
    advice: AdviceSeen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Where the look before ended.

    Attributes:
        block: The last block that it saw whole; -1 before any.
        at_ns: Its time.
    """

    block: int = -1
    at_ns: int = -1


class LoopView(Protocol):
    """Reads what the running loop did, from its log and from what it says of itself."""

    async def identity(self) -> str | None:
        """Return the digest of the log's first block, which names it among all logs.

        None before there is one, and where nobody can look.
        """
        ...

    async def look(self, since: Since, /, *, now_ns: int) -> Observed:
        """Return what happened since the look before, as of ``now_ns``.

        A log that cannot be reached is an answer too: nothing came, and why.
        """
        ...

    async def applied(self, control_ids: frozenset[str], *, after_block: int) -> frozenset[str]:
        """Return those of ``control_ids`` that applied after block ``after_block``."""
        ...

    async def first_deciders(
        self, control_id: str, *, router: str, count: int
    ) -> Sequence[str | None]:
        """Return by which package each of the first decisions after a control record was made.

        Args:
            control_id: Of the record.
            router: Only decisions on its symbols count; empty: on all.
            count: At most so many; fewer where fewer were made, none while it is not applied.

        Returns:
            Digests, None for a decision without a package; nothing where nobody can look.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEnded:
    """How a run of the lane ended.

    Attributes:
        run_id: Of the run.
        attempt: How often its inputs were run.
        failure: Why it did not get through; empty where it did.
        traces: Lineage of the stages that lead to what it recommends.
    """

    run_id: str
    attempt: int
    failure: str = ""
    traces: tuple[str, ...] = ()


class LaneRunner(Protocol):
    """Runs the lane for the candidate that waits longest, beside the cycles if need be."""

    async def current(self) -> LaneEnded | None:
        """Return the run that ended last; None before any.

        One whose process is gone is ended first, where it stood.
        """
        ...

    async def ended_after(self, position: int, /) -> LaneEnded | None:
        """Return the run that ended last, if its end stands behind ``position`` in the log."""
        ...

    async def ended_since(self, position: int, /) -> Sequence[LaneEnded]:
        """Return the run that had ended last at ``position``, and those after it, oldest first."""
        ...

    async def run(self, *, epoch: int, holder: str, starts: bool) -> bool:
        """See to it that the lane is at work where a candidate waits; wait for it only so long.

        Args:
            epoch: Of the lease that the run writes under.
            holder: Of the lease.
            starts: Whether a run may be started; one that is at work goes on anyway.

        Returns:
            Whether it is at a run that has not ended, here or in another process.
        """
        ...


class DriftMeter(Protocol):
    """Measures drift on what the loop did."""

    async def measure(self, asked: WindowAsked, /) -> Measured:
        """Return what a window of the loop's decisions comes to.

        What cannot be measured is a reading that says so.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a control record that was offered.

    Attributes:
        control_id: Of the record.
        status: ``recorded`` is durable; ``unknown``: nobody answered, it may still be taken.
        detail: Why, where it was refused or nobody answered.
    """

    control_id: str
    status: Literal["recorded", "refused", "unknown"]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderSeen:
    """What a look at the exposure ladder came to.

    Attributes:
        cap: That holds for each symbol; None while the stage in force allows paper only.
        remarks: What people should know of it.
    """

    cap: Decimal | None
    remarks: tuple[str, ...] = ()


class ExposureLadder(Protocol):
    """Says how much a live loop may trade, and what the stage in force lets it do at all."""

    async def lets_route(self) -> bool:
        """Say whether the router may serve: no stage was entered, or the one in force lets it."""
        ...

    async def lets_reason(self) -> ReasoningAllowed | None:
        """Return the most that advice may do; None where no stage was entered."""
        ...

    async def unanswered(self, *, now_ns: int) -> Reading:
        """Return the service level of advice in the shortest declared window up to now.

        What cannot be read is missing.

        Args:
            now_ns: Receive clock.
        """
        ...

    async def review(self, *, now_ns: int, run: tuple[str, int] | None) -> LadderSeen:
        """Look once, step if that follows, and return what that came to.

        Args:
            now_ns: Receive clock.
            run: Whose rollback counts, and which attempt; None where no candidate was ever run.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStands:
    """What a living worker says of its stop; one that says nothing counts as neither.

    Attributes:
        worker: Its name.
        latched: Whether its stop latch is closed.
        stopped: Whether it is closed, or a stop switch is in force.
        reachable: Whether it has an API.
    """

    worker: str
    latched: bool
    stopped: bool
    reachable: bool


class LoopControls(Protocol):
    """Reaches the running loop."""

    def workers(self) -> Sequence[WorkerStands]:
        """Return how each living worker stands, by its own page; none where none can be read."""
        ...

    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        """Offer control records and return what became of each, within a budget."""
        ...

    def throw_stop(self, *, throw_id: str, reason: str) -> None:
        """Stop every worker by a file: works while nothing else does. Again changes nothing.

        Raises:
            SwitchNotThrownError: Not even a file can be written.
        """
        ...

    async def release_stop(self, *, throw_id: str, reason: str) -> Answer:
        """Let workers go on that this throw has stopped, on their record.

        It is recorded only once no file of this throw stands any more.
        """
        ...
